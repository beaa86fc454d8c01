package tasks

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Ending is the end of an attempt, for FinishMany.
type Ending struct {
	Held
	Outcome
}

// FinishMany is Finish of several tasks without a key by one command, and one
// wait for the majority. It returns what Finish would have returned for each;
// with an error nothing is known, and it may be called again.
//
// Tasks of one claim that ended in the same way share a statement. The reply has
// only a total: if it is short, the documents tell what became of each.
func (s *Store) FinishMany(ctx context.Context, es []Ending) ([]error, error) {
	if len(es) == 1 {
		return s.finishEach(ctx, es, nil)
	}
	models, err := s.endModels(es)
	if err != nil {
		return nil, err
	}
	res, err := s.tasks.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	if err != nil && !refused(err) {
		return nil, err
	}
	if err == nil && int(res.MatchedCount) == len(es) {
		return make([]error, len(es)), nil
	}
	return s.finishEach(ctx, es, s.whatEnded)
}

// refused reports whether the server answered that a write is not possible, such
// as one that would make its document too large.
func refused(err error) bool {
	var we mongo.WriteException
	var be mongo.BulkWriteException
	return errors.As(err, &we) && len(we.WriteErrors) > 0 || errors.As(err, &be) && len(be.WriteErrors) > 0
}

// endModels groups ends by claim, processor and outcome.
func (s *Store) endModels(es []Ending) ([]mongo.WriteModel, error) {
	type group struct {
		token     bson.ObjectID
		processor string
		ahead     bool
		outcome   Outcome
	}
	at := map[group]int{}
	var groups []group
	var members [][]ID
	for _, e := range es {
		if e.Key != "" || !Working.Allows(e.State) || e.State == Kill {
			return nil, fmt.Errorf("internal error: an attempt with the key %q cannot end as %q with others", e.Key, e.State)
		}
		g := group{e.Token, "", e.Ahead, e.Outcome}
		if e.Ahead && !e.Unstarted {
			g.processor = e.Processor
		}
		i, known := at[g]
		if !known {
			i = len(groups)
			at[g] = i
			groups, members = append(groups, g), append(members, nil)
		}
		members[i] = append(members[i], e.ID)
	}
	models := make([]mongo.WriteModel, len(groups))
	for i, g := range groups {
		from := []State{Working}
		if Kill.Allows(g.outcome.State) {
			from = append(from, Kill)
		}
		h := Held{Claim: Claim{Token: g.token, Processor: g.processor}, Ahead: g.ahead}
		models[i] = mongo.NewUpdateManyModel().
			SetFilter(bson.D{amongIDs(members[i]), {Key: "claim.token", Value: g.token}, {Key: "state", Value: in(from)}}).
			SetUpdate(s.endedTogether(h, g.outcome))
	}
	return models, nil
}

// endedTogether is finished, for what most tasks come to without an expression: one
// costs the server a fifth more time than plain values. The expiry is counted from
// the estimate of its clock.
func (s *Store) endedTogether(h Held, o Outcome) any {
	if o.State != Success || o.Spent || o.Failure != "" {
		return s.finished(h, o)
	}
	set := bson.D{{Key: "state", Value: o.State}, {Key: "lastLog", Value: trimText(o.LastLog, maxLastLog)}}
	if h.Ahead {
		set = append(set, bson.E{Key: "processor", Value: h.Processor})
	}
	if keep := s.retention.of(o.State); keep >= 0 {
		set = append(set, bson.E{Key: "expireAt", Value: s.Clock().Add(keep)})
	}
	return bson.D{
		{Key: "$set", Value: set}, {Key: "$unset", Value: bson.D{{Key: "holder", Value: ""}}},
		{Key: "$currentDate", Value: bson.D{{Key: "tsStop", Value: true}}},
	}
}

// whatEnded returns those of the tasks whose end is written: their claim's token
// is still theirs, and they are claimed no more.
func (s *Store) whatEnded(ctx context.Context, es []Ending) (map[ID]bool, error) {
	ids := make([]ID, len(es))
	tokens := make(map[ID]bson.ObjectID, len(es))
	for i, e := range es {
		ids[i], tokens[e.ID] = e.ID, e.Token
	}
	cur, err := s.tasks.Find(ctx, bson.D{amongIDs(ids)},
		options.Find().SetProjection(bson.D{{Key: "state", Value: 1}, {Key: "claim.token", Value: 1}}))
	if err != nil {
		return nil, err
	}
	var docs []struct {
		ID    ID        `bson:"_id"`
		State State     `bson:"state"`
		Claim ClaimMark `bson:"claim"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, err
	}
	ended := map[ID]bool{}
	for _, d := range docs {
		ended[d.ID] = tokens[d.ID] == d.Claim.Token && !d.State.Claimed()
	}
	return ended, nil
}

// finishEach finishes one by one what known does not say to have ended.
func (s *Store) finishEach(ctx context.Context, es []Ending, known func(context.Context, []Ending) (map[ID]bool, error)) ([]error, error) {
	var ended map[ID]bool
	if known != nil {
		var err error
		if ended, err = known(ctx, es); err != nil {
			return nil, err
		}
	}
	errs := make([]error, len(es))
	for i, e := range es {
		if ended[e.ID] {
			continue
		}
		if errs[i] = s.Finish(ctx, e.Held, e.Outcome); errs[i] != nil && errs[i] != ErrFenced && !refused(errs[i]) {
			return nil, errs[i]
		}
	}
	return errs, nil
}
