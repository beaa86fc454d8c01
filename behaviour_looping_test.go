package lgtask_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

func TestLoopingTaskEndsAfterLoopFor(t *testing.T) {
	b := setup(t)
	b.start(1)
	id := b.ok(lgtask.Create(t.Context(), b.conn, &Loop{Sleep: 10 * time.Millisecond, For: 500 * time.Millisecond}))
	got := b.ended(id, lgtask.StateSuccess)
	if took := got.TsStop.Sub(got.TsStart); took < 490*time.Millisecond || took > 10*time.Second {
		t.Errorf("it looped for %v, want 500 ms", took)
	}
	if n := len(b.runs); n < 2 || n > 51 {
		t.Errorf("Run was called %d times", n)
	}
	if first, second := b.next(), b.next(); first.n != 1 || second.n != 2 {
		t.Errorf("the calls were on different values: %d, %d", first.n, second.n)
	}
}

func TestLoopingTaskSleepsBetweenCalls(t *testing.T) {
	b := setup(t)
	b.start(1)
	id := b.ok(lgtask.Create(t.Context(), b.conn, &Loop{Sleep: time.Hour, For: 50 * time.Millisecond}))
	b.ended(id, lgtask.StateSuccess)
	if b.next(); len(b.runs) != 0 {
		t.Errorf("Run was called %d times more", len(b.runs))
	}
}

func TestLoopingTaskEndsWithAnError(t *testing.T) {
	b := setup(t)
	b.does(func(r *run) error {
		if r.n == 3 {
			return errors.New("third time unlucky")
		}
		return nil
	})
	b.start(1)
	id := b.ok(lgtask.Create(t.Context(), b.conn, &Loop{For: time.Hour}))
	b.says(b.ended(id, lgtask.StateError).LastLog, "third time unlucky")
	if n := len(b.runs); n != 3 {
		t.Errorf("Run was called %d times, want 3", n)
	}
}

func TestLoopingTaskEndsWhenTheProcessorStops(t *testing.T) {
	b := setup(t)
	p := b.startOf(probes(), lgtask.Config{Grace: time.Minute})
	id := b.ok(lgtask.Create(t.Context(), b.conn, &Loop{Sleep: time.Hour, For: time.Hour}))
	b.next()
	b.stop(p)
	b.ended(id, lgtask.StateSuccess)
}

func TestLoopingTaskDefaults(t *testing.T) {
	var l lgtask.LoopingTask
	if l.LoopSleep() != 0 || l.LoopFor() != 30*time.Minute {
		t.Errorf("LoopSleep %v, LoopFor %v", l.LoopSleep(), l.LoopFor())
	}
}
