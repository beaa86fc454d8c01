package main

// command is what a peer's program can be asked; package peer documents it.
type command struct {
	Do      string `json:"do"`
	N       int    `json:"n"`
	Callers int    `json:"callers"`
	LeadUS  int64  `json:"lead_us"`
	EveryUS int64  `json:"every_us"`
}

// reply is what it answers. Instants are microseconds of the machine's clock.
type reply struct {
	Error       string  `json:"error"`
	Unsupported bool    `json:"unsupported"` // the peer has no such call
	Began       int64   `json:"began"`
	Ended       int64   `json:"ended"`
	Seqs        []int   `json:"seqs"`     // of a worker: the tasks, in the order of their starts
	Instants    []int64 `json:"instants"` // of a worker: the starts; of a producer: intended or due, by number
	Called      []int64 `json:"called"`   // of a producer: when it made the call, by number
}
