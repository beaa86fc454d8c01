package tasks

// Claimed encodes a task that Ready has filled in as one that is claimed from its
// insert on: for a producer and a processor in one process, which need no event
// and no race. tsStart is the moment of the insert, by the estimate of the
// server's clock.
func (s *Store) Claimed(t *Task, cl Claim) (Doc, error) {
	c := *t
	c.State, c.Holder, c.Claim, c.Processor, c.TsStart = Working, cl.Holder, ClaimMark{Token: cl.Token}, cl.Processor, c.TsInsert
	raw, err := c.encode()
	if err != nil {
		return Doc{}, &InvalidError{Field: "task", Reason: err.Error()}
	}
	return Doc{ID: c.ID, raw: raw}, nil
}
