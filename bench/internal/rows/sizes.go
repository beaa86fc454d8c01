package rows

import "time"

// Sizes say how much a run measures.
type Sizes struct {
	Trial  int           // tasks of the trial before a drain; 0 for none
	Budget time.Duration // that a drain may take, by the trial; beside listeners four times that

	Drain     int // waiting tasks
	Listeners int // the same while others listen
	Claims    int // the same where lost claims are counted
	ClaimsFor time.Duration

	Idle      int // tasks one by one
	IdleEvery time.Duration

	Delayed     int
	DelayedOver time.Duration

	Steady time.Duration // at 500 a second

	One, Together, Bulk int // enqueued by 1 goroutine, by 32, in bulk

	Million int // delayed tasks waiting

	IdleFor, RawIdleFor, Settle time.Duration
}

// Full are the sizes of the figures in the documentation.
var Full = Sizes{
	Trial: 1000, Budget: 6 * time.Second,
	Drain: 20_000, Listeners: 100_000, Claims: 20_000, ClaimsFor: 3 * time.Second,
	Idle: 100, IdleEvery: 50 * time.Millisecond,
	Delayed: 2000, DelayedOver: 10 * time.Second,
	Steady: 30 * time.Second,
	One:    1500, Together: 6000, Bulk: 20_000,
	Million: 1_000_000,
	IdleFor: time.Minute, RawIdleFor: 10 * time.Second, Settle: 2 * time.Second,
}

// Quick are the sizes for a look in about a minute.
var Quick = Sizes{
	Trial: 300, Budget: 2 * time.Second,
	Drain: 4000, Listeners: 10_000, Claims: 3000, ClaimsFor: time.Second,
	Idle: 30, IdleEvery: 40 * time.Millisecond,
	Delayed: 300, DelayedOver: 1500 * time.Millisecond,
	Steady: 2 * time.Second,
	One:    400, Together: 2000, Bulk: 5000,
	Million: 50_000,
	IdleFor: 5 * time.Second, RawIdleFor: 5500 * time.Millisecond, Settle: 500 * time.Millisecond,
}
