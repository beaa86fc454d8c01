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

	Urgent  int           // tasks of high priority during a drain
	Strange int           // idle processes of another class beside a drain of Listeners tasks
	Woken   int           // tasks of their class during it, and as many after it
	Bursts  int           // times that tasks come behind a long one
	Long    time.Duration // that the long one takes
	Mixed   time.Duration // that long and short ones come together
	Dead    int           // tasks one by one while a process is dead
	Known   time.Duration // until processes know each other
	Due     int           // delayed tasks of the same second
	Ahead   time.Duration // from the insert of the first of them to its instant
	Kills   int           // of running tasks, one by one
	Later   int           // others, which are due in an hour or more
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
	Urgent: 20, Strange: 8, Woken: 10, Bursts: 5, Long: time.Second, Mixed: 5 * time.Second,
	Dead: 100, Known: 7 * time.Second, Due: 10_000, Ahead: 5 * time.Second, Later: 100_000, Kills: 40,
}

// Quick are the sizes for a look in some 3 minutes.
var Quick = Sizes{
	Trial: 300, Budget: 2 * time.Second,
	Drain: 4000, Listeners: 10_000, Claims: 3000, ClaimsFor: time.Second,
	Idle: 30, IdleEvery: 40 * time.Millisecond,
	Delayed: 300, DelayedOver: 1500 * time.Millisecond,
	Steady: 2 * time.Second,
	One:    400, Together: 2000, Bulk: 5000,
	Million: 50_000,
	IdleFor: 5 * time.Second, RawIdleFor: 5500 * time.Millisecond, Settle: 500 * time.Millisecond,
	Urgent: 8, Strange: 2, Woken: 4, Bursts: 1, Long: time.Second, Mixed: 1500 * time.Millisecond,
	Dead: 30, Known: 6 * time.Second, Due: 2000, Ahead: 3 * time.Second, Later: 5000, Kills: 8,
}
