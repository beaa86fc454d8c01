//go:build faults && unix

package database

import (
	"fmt"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// Codes with which servers refuse commands while they stop, or while the set has no
// primary.
var refusalCodes = []int{
	11600, // InterruptedAtShutdown
	91,    // ShutdownInProgress
	10107, // NotWritablePrimary
	189,   // PrimarySteppedDown
	13435, // NotPrimaryNoSecondaryOk
}

// commandsInUse are the commands that a processor sends while it works. What opens a
// stream is sent again when the stream breaks.
var commandsInUse = [][]string{{"find"}, {"update"}, {"insert"}, {"getMore"},
	{"getMore", "aggregate"}, {"getMore", "ping"}, {"getMore", "create"}, {"getMore", "listIndexes"}}

// TestRefusedCommands lets each command that a processor sends fail with each of the
// codes, those of its work with and without the label that tells the driver to try
// again. Every task
// ends, and runs once.
func TestRefusedCommands(t *testing.T) {
	for _, commands := range commandsInUse {
		t.Run(fmt.Sprint(commands), func(t *testing.T) {
			w := newWorld(t, mongod.Options{})
			var took span
			labels := []bool{false, true}
			if commands[0] == "getMore" {
				labels = labels[:1]
			}
			for _, code := range refusalCodes {
				for _, label := range labels {
					took = append(took, w.refused(point{commands: commands, times: 2 * len(commands), code: code, label: &label}))
				}
			}
			v := w.judge()
			t.Logf("%v fails: %d tasks ended after %v, %d runs more than tasks, %d claims, %d given back", commands, v.acked, took, v.again, v.claims, v.givens)
			if v.again > 0 {
				t.Errorf("%d tasks ran twice: no process died", v.again)
			}
		})
	}
}

// refused lets commands of a processor fail while tasks of all kinds come, and returns
// how long they took to end.
func (w *world) refused(p point) time.Duration {
	w.Helper()
	k := w.start("a", 4)
	_, err := w.calm.IntervalTask(w.within(time.Minute), lgtask.In(time.Second), "Work", nil, lgtask.WithTaskName("schedule"))
	w.must(err)
	heal := w.fail(p)
	began, ran := time.Now(), w.book.named("schedule")
	for n := range 4 {
		w.create(&Work{N: n, Takes: int64(20 * n)})
		w.batch(&Work{N: n}, fmt.Sprint(n%2))
	}
	w.eventually("two runs of the schedule", time.Minute, func() bool { return w.book.named("schedule") >= ran+2 })
	_, err = w.calm.UnscheduleTask(w.within(time.Minute), "Work", lgtask.WithTaskName("schedule"))
	w.must(err)
	w.settle()
	took := time.Since(began)
	if heal() == 0 {
		w.Errorf("%v: no command has met it", p)
	}
	k.stop()
	return took
}

// TestUnconfirmedClaim answers claims with an error of the write concern: the claim
// is written, and may be rolled back. No handler begins before the majority has it.
func TestUnconfirmedClaim(t *testing.T) {
	w := newWorld(t, mongod.Options{})
	for _, p := range concerns() {
		k := w.start("a", 8)
		p.commands, p.tasks = []string{"update"}, true
		heal := w.fail(p)
		began := time.Now()
		var ids []lgtask.TaskID
		for n := range 3 {
			ids = append(ids, w.create(&Work{N: n}))
		}
		w.batch(&Work{}, "name")
		w.eventually("claims that are written", time.Minute, func() bool { return w.inState("working") > 0 })
		w.lasts(1500 * time.Millisecond)
		if n := w.book.count(); n > 0 {
			t.Errorf("%v: %d handlers have begun", p, n)
		}
		met := heal()
		healed := time.Now()
		for _, id := range ids {
			w.begins(id, time.Minute)
		}
		w.settle()
		t.Logf("%v: %d claims unconfirmed in %.1f s; all ended %.2f s later", p, met, healed.Sub(began).Seconds(), time.Since(healed).Seconds())
		k.stop()
		v := w.judge()
		if v.again > 0 || v.claims != v.ended {
			t.Errorf("%v: %d runs more than tasks, %d claims of %d tasks", p, v.again, v.claims, v.ended)
		}
		w.clear()
	}
}

// TestUnconfirmedCompletion answers completions so. They are sent again until the
// majority has them, and the task does not run again.
func TestUnconfirmedCompletion(t *testing.T) {
	w := newWorld(t, mongod.Options{})
	for _, p := range concerns() {
		k := w.start("a", 8)
		ids := []lgtask.TaskID{w.create(&Work{Takes: 700}), w.create(&Work{Takes: 700})}
		w.batch(&Work{Takes: 700}, "name")
		for _, id := range ids {
			w.begins(id, time.Minute)
		}
		w.eventually("three runs", time.Minute, func() bool { return w.book.count() == 3 })
		p.commands, p.tasks = []string{"update"}, true
		heal, armed := w.fail(p), time.Now()
		// Ends without a name are recorded one batch after the other.
		w.eventually("ends that are written", time.Minute, func() bool { return w.inState("success") >= 2 })
		w.lasts(1500 * time.Millisecond)
		met := heal()
		if t.Logf("%v: %d completions unconfirmed in %.1f s", p, met, time.Since(armed).Seconds()); met < 4 { // they are two statements
			t.Errorf("%v: the ends count as recorded, and the majority may not have them", p)
		}
		k.stop()
		v := w.judge()
		if v.again > 0 || v.claims != v.ended {
			t.Errorf("%v: %d runs more than tasks, %d claims of %d tasks", p, v.again, v.claims, v.ended)
		}
		w.clear()
	}
}

// concerns are errors of the write concern.
func concerns() (ps []point) {
	yes, no := true, false
	for _, code := range []int{64, 79, 100, 91} { // WriteConcernFailed, UnknownReplWriteConcern, UnsatisfiableWriteConcern, ShutdownInProgress
		ps = append(ps, point{concern: code, label: &no}, point{concern: code, label: &yes})
	}
	return ps
}
