package tasks

// State is the state of a task, as the original framework spelled it.
type State string

// The states of a task.
const (
	Request State = "request" // waiting: due now or later
	Working State = "working" // claimed by a processor
	Kill    State = "kill"    // claimed, and somebody asked for it to be stopped
	Success State = "success" // final: the handler returned nil
	Error   State = "error"   // final: failed, or the document was malformed
	Aborted State = "aborted" // final: not wanted any more, or refused as a second singleton
)

// States lists every state.
var States = []State{Request, Working, Kill, Success, Error, Aborted}

// transitions is the whole state table.
var transitions = map[State][]State{
	Request: {Working, Aborted, Error},
	Working: {Request, Kill, Success, Error, Aborted},
	Kill:    {Success, Error},
	Error:   {Request}, // by Retry only
	Aborted: {Request},
}

// Allows reports whether a task may move from s to next.
func (s State) Allows(next State) bool {
	for _, t := range transitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// Final reports whether a task in state s has ended. It changes only if somebody
// brings it back, see Store.Retry.
func (s State) Final() bool { return s == Success || s == Error || s == Aborted }

// Claimed reports whether a processor holds a task in state s.
func (s State) Claimed() bool { return s == Working || s == Kill }

// Valid reports whether s is one of the six states.
func (s State) Valid() bool { return s.Final() || s.Claimed() || s == Request }
