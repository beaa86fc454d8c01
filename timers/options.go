package timers

import (
	"context"
	"time"
)

// Defaults of [Options].
const (
	// DefaultLimit is the number of entries a Timer holds if Options.Limit
	// is 0.
	DefaultLimit = 10_000
	// DefaultLead is how long before the horizon a Timer loads the next
	// window if Options.Lead is 0.
	DefaultLead = 30 * time.Second
)

// Entry is a key and the instant at which it is due.
type Entry[K comparable] struct {
	Key K
	Due time.Time
}

// Options says what a [Timer] calls and how much it holds.
type Options[K comparable] struct {
	// Fire is called with the keys that came due, in due order. Required. It
	// runs on Run's goroutine, so what comes due meanwhile waits for it: it
	// should only hand the keys on. It may call the Timer's methods.
	Fire func(keys []K)

	// Load returns all entries due at or after from and before the horizon it
	// returns; a zero horizon says that there are none after these. About half
	// of Limit is a good size, and the horizon is then the due time of the
	// first entry left out. Load must see everything that was written before it
	// was called. If the entries of the instant from alone are too many, it
	// returns none and from as the horizon; see Overflow. Load runs on a
	// goroutine of its own and must return soon after its context ends. Nil
	// means that there is nothing to load: then Limit is not applied and
	// everything is held.
	Load func(ctx context.Context, from time.Time) (entries []Entry[K], horizon time.Time, err error)

	// Overflow is called on Run's goroutine when an instant arrives of which
	// not all entries fitted into the window: the caller must look for what is
	// due in its database. Required with Load.
	Overflow func(due time.Time)

	// OnLoadError, if not nil, is told each failure of Load on Run's
	// goroutine. The Timer itself tries again after 0.1 to 10 s.
	OnLoadError func(err error)

	// Now is the time by which due times are meant; it may step. Nil means
	// time.Now.
	Now func() time.Time

	// Limit is the number of entries held, about; 0 means DefaultLimit.
	Limit int

	// Lead is how long before the horizon the next window is loaded, if half
	// of the wheel is free by then; 0 means DefaultLead.
	Lead time.Duration
}

// withDefaults returns o with its zero values replaced.
func (o Options[K]) withDefaults() Options[K] {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Lead <= 0 {
		o.Lead = DefaultLead
	}
	return o
}
