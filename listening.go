package lgtask

import "time"

// The listening budget. An open change stream costs the server some time for
// each entry of its oplog, whatever the stream lets through: 13 µs for the first
// stream and 4 to 5 for each further one were measured, with any filter. So
// nobody listens who does not need to:
//
//   - A busy process has work without being told. It closes its stream while
//     tasks wait and others end, and sweeps.
//   - Any other listens as long as that is cheap: as long as the number of oplog
//     entries that the deployment writes a second, times the number of
//     listeners, is small. Above that it closes its stream and asks the class
//     index a few times a second.
//
// When neither holds any more the stream is opened again.
const (
	busyBacklog = 50 * time.Millisecond // tasks have waited for so long (100 ms cost a drain of 20,000 three parts in a hundred),
	busyFinish  = 50 * time.Millisecond // and one ended so recently: busy
	idleFinish  = time.Second           // none ended for so long: busy no more; work comes and ends in batches

	// Entries a second × listeners. At the upper one the listeners take a tenth
	// of a core from the server.
	stormAbove = 20_000
	calmBelow  = 10_000

	// So long there must be no storm before the stream is opened again. If it had
	// to be closed again within flapWithin, twice as long, and so on.
	calmFirst  = 250 * time.Millisecond
	calmMost   = 5 * time.Second
	flapWithin = 5 * time.Second
)

// The states of listening.
const (
	stateListening = "listening"
	stateBusy      = "busy"   // the stream is closed: there is work enough without it
	stateAsking    = "asking" // the stream is closed: the class index is asked instead
)

// listenInput is what a step of the budget knows.
type listenInput struct {
	now      time.Time
	waiting  time.Time // since when tasks wait that no processor was free for; zero: none do
	finished time.Time // when a task last ended here
	sampled  bool      // there is a new sample:
	load     float64   // entries a second × listeners
	broken   bool      // asking: the server refuses to answer
}

// listenBudget decides whether to listen. It is a state machine without a clock:
// step has everything from its argument.
type listenBudget struct {
	state   string
	since   time.Time     // of state
	suspect bool          // listening: the last sample was one of a storm
	quiet   time.Time     // asking: no storm since; zero: it is one, or not known
	calm    time.Duration // how long quiet must last

	busyTimes, stormTimes int64 // how often the stream was closed, by reason
}

func newListenBudget(now time.Time) listenBudget {
	return listenBudget{state: stateListening, since: now, calm: calmFirst}
}

// step takes what is known now and changes the state.
func (b *listenBudget) step(in listenInput) {
	backlog := !in.waiting.IsZero()
	ended := in.now.Sub(in.finished)
	still := backlog && ended <= idleFinish
	switch busy := backlog && in.now.Sub(in.waiting) >= busyBacklog && ended <= busyFinish; {
	case b.state == stateBusy:
		if !still {
			b.enter(in.now, stateAsking)
		}
	case busy:
		if b.state == stateListening {
			b.busyTimes++
		}
		b.enter(in.now, stateBusy)
	case b.state == stateListening:
		b.watchStorm(in)
	default:
		b.watchCalm(in, still)
	}
}

// watchStorm closes the stream after two samples of a storm: what one sample saw
// may be over, as a bulk insert is.
func (b *listenBudget) watchStorm(in listenInput) {
	lasted := in.now.Sub(b.since)
	if lasted >= flapWithin {
		b.calm = calmFirst
	}
	switch storm := in.load > stormAbove; {
	case !in.sampled:
	case storm && b.suspect:
		if lasted < flapWithin && b.stormTimes > 0 {
			b.calm = min(2*b.calm, calmMost)
		}
		b.stormTimes++
		b.enter(in.now, stateAsking)
	default:
		b.suspect = storm
	}
}

// watchCalm opens the stream when for long enough there has been no storm, and
// no more work than the processors can take.
func (b *listenBudget) watchCalm(in listenInput, still bool) {
	switch {
	case still, in.sampled && in.load > calmBelow:
		b.quiet = time.Time{}
	case in.sampled && b.quiet.IsZero():
		b.quiet = in.now
	}
	if in.broken || !b.quiet.IsZero() && in.now.Sub(b.quiet) >= b.calm {
		b.enter(in.now, stateListening)
	}
}

func (b *listenBudget) enter(now time.Time, state string) {
	b.state, b.since, b.suspect, b.quiet = state, now, false, time.Time{}
}
