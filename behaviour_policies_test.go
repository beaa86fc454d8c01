package lgtask_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

func TestPoliciesAreChecked(t *testing.T) {
	b := setup(t)
	ctx := t.Context()
	hour := lgtask.In(time.Hour)
	for _, c := range []struct {
		words []string
		call  func(opts ...lgtask.TaskOption) (lgtask.Result, error)
		opts  []lgtask.TaskOption
	}{
		{[]string{`"twice"`, `"once", "skip" or "all 6 hours"`}, b.cronTask, []lgtask.TaskOption{lgtask.WithMissed("twice")}},
		{[]string{`"all 1ms"`, "at least 1 second"}, b.cronTask, []lgtask.TaskOption{lgtask.WithMissed(lgtask.MissedAll(time.Millisecond))}},
		{[]string{`"allow"`, `"skip" or "queue"`}, b.cronTask, []lgtask.TaskOption{lgtask.WithOverlap("allow")}},
		{[]string{"leave out WithOverlap"}, b.cronTask, []lgtask.TaskOption{lgtask.WithMissed(lgtask.MissedAll(time.Hour)), lgtask.WithOverlap(lgtask.OverlapQueue)}},
		{[]string{"add FromStart"}, b.intervalTask, []lgtask.TaskOption{lgtask.WithMissed(lgtask.MissedSkip)}},
		{[]string{"add FromStart"}, b.intervalTask, []lgtask.TaskOption{lgtask.WithOverlap(lgtask.OverlapSkip)}},
	} {
		_, err := c.call(c.opts...)
		b.refused(err, lgtask.ErrInvalidTask, c.words...)
	}
	// They are part of the definition; the default is the same as none.
	b.made(true)(b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.FromStart(), lgtask.WithOverlap(lgtask.OverlapQueue)))
	b.made(false)(b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.FromStart(), lgtask.WithMissed(lgtask.MissedOnce)))
	_, err := b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.FromStart(), lgtask.WithMissed(lgtask.MissedAll(time.Hour)))
	b.refused(err, lgtask.ErrTaskExists, "missed is once", "all 1h0m0s")
	_, err = b.conn.IntervalTask(ctx, hour, "Probe", nil, lgtask.FromStart(), lgtask.WithOverlap(lgtask.OverlapSkip))
	b.refused(err, lgtask.ErrTaskExists, "overlap is ", "skip")
}

func (b *bundle) cronTask(opts ...lgtask.TaskOption) (lgtask.Result, error) {
	return b.conn.CronTask(b.Context(), "@hourly", "Probe", nil, opts...)
}

func (b *bundle) intervalTask(opts ...lgtask.TaskOption) (lgtask.Result, error) {
	return b.conn.IntervalTask(b.Context(), lgtask.In(time.Hour), "Probe", nil, opts...)
}

// Each policy, with a run that was due three and a half intervals ago.
func TestMissedRuns(t *testing.T) {
	const every = time.Hour
	for name, c := range map[string]struct {
		missed lgtask.Missed
		runs   int           // how many there are at once
		next   time.Duration // when the one after them is due, from the late run's instant
	}{
		"once":             {lgtask.MissedOnce, 1, 0},
		"skip":             {lgtask.MissedSkip, 0, 4 * every},
		"all":              {lgtask.MissedAll(24 * time.Hour), 4, 4 * every},
		"all, in a window": {lgtask.MissedAll(every), 2, 4 * every},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			run := b.ok(b.conn.IntervalTask(t.Context(), lgtask.In(every), "Probe", nil, lgtask.FromStart(), lgtask.WithMissed(c.missed)))
			due := b.now().Add(-7 * every / 2).Truncate(time.Millisecond)
			b.set(run, "tsRequest", due)
			p := b.start(1)
			for range c.runs {
				b.next()
			}
			if c.runs == 0 {
				got := b.ended(run, lgtask.StateAborted)
				b.says(got.LastLog, "missed", "3h30m")
			}
			b.drain(p)
			b.noneRan()
			next := b.waiting("Probe").TsRequest
			if c.next == 0 { // its pace is counted from the late run
				c.next = b.task(run).TsStart.Add(every).Sub(due)
			}
			if got := next.Sub(due); (got - c.next).Abs() > time.Minute {
				t.Errorf("the next run is due %v after the instant of the late one, want %v", got, c.next)
			}
		})
	}
}

// A batch that counts on a run is not left out with it, nor is a run that began before.
func TestMissedSkipKeepsWhatIsOwed(t *testing.T) {
	for name, owe := range map[string]func(b *bundle, run lgtask.TaskID){
		"to a batch": func(b *bundle, _ lgtask.TaskID) { b.ok(b.conn.BatchTask(b.Context(), lgtask.Now(), "Probe", nil)) },
		"since it began": func(b *bundle, run lgtask.TaskID) {
			_, err := b.db.Collection("tasks").UpdateByID(b.Context(), run, bson.D{
				{Key: "$rename", Value: bson.D{{Key: "pendingKey", Value: "runningKey"}}}, {Key: "$set", Value: bson.D{{Key: "crashes", Value: 1}}}})
			if err != nil {
				b.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			run := b.ok(b.conn.CronTask(t.Context(), "@yearly", "Probe", nil, lgtask.WithMissed(lgtask.MissedSkip)))
			owe(b, run)
			b.set(run, "tsRequest", b.now().Add(-time.Hour))
			b.start(1)
			b.next()
			b.ended(run, lgtask.StateSuccess)
			b.waiting("Probe")
		})
	}
}
