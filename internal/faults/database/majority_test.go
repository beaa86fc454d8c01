//go:build faults && unix

package database

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// says waits until a worker says what is the matter; "" is nothing.
func (k *worker) says(what string) time.Duration {
	k.w.Helper()
	return k.w.eventually("the trouble "+what, 30*time.Second, func() bool {
		trouble := k.Stats().Trouble
		return what == "" && trouble == "" || what != "" && strings.Contains(trouble, what)
	})
}

// TestNoMajorityWithArbiter stops the secondary of a primary and an arbiter. The
// primary goes on, and cannot have a write confirmed. Who enqueues is told that the
// outcome is unknown, and may repeat with the same ID: there is one task in the end.
func TestNoMajorityWithArbiter(t *testing.T) {
	w := newWorld(t, mongod.Options{Members: 3, Arbiter: true})
	k := w.start("a", 4)
	w.create(&Work{}) // all works
	secondary := 1 - w.primary()
	w.must(w.server.Signal(secondary, syscall.SIGKILL))
	var ids []lgtask.TaskID
	opts := []lgtask.TaskOption{}
	for range 2 { // the second is the repetition
		calling, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		began := time.Now()
		_, err := lgtask.Create(calling, w.conn, &Work{N: 1}, opts...)
		cancel()
		unknown := new(lgtask.ErrUnknownOutcome)
		if !errors.As(err, &unknown) || time.Since(began) > 15*time.Second {
			t.Fatalf("after %v: %v; want ErrUnknownOutcome after 5 s", time.Since(began), err)
		}
		ids = append(ids, unknown.ID)
		opts = []lgtask.TaskOption{lgtask.WithID(unknown.ID)}
	}
	if ids[0] != ids[1] {
		t.Errorf("the repetition is about another task: %v", ids)
	}
	said := k.says("majority")
	if n := w.book.count(); n > 1 {
		t.Errorf("%d handlers began without a majority", n-1)
	}
	w.heal()
	res, err := lgtask.Create(w.within(time.Minute), w.conn, &Work{N: 1}, opts...)
	w.must(err)
	w.book.change(func() { w.book.acked[res.ID] = time.Now() })
	healthy := k.says("")
	v := w.judge()
	t.Logf("told %q %.1f s after the outcomes, well again %.1f s after the healing; %d tasks, created again: %v; %d claims", "majority", said.Seconds(), healthy.Seconds(), v.ended, res.Created, v.claims)
	if v.ended != 2 || res.ID != ids[0] || v.again > 0 {
		t.Errorf("%d tasks for two, %v and %v, %d second runs", v.ended, res, ids, v.again)
	}
}

// TestOneOfThreeLeft kills two of three members, for less than a lease and for
// longer. New work is paused. What ran and ended meanwhile is recorded after the
// recovery, if the process did not have to count itself dead; else it is given back.
func TestOneOfThreeLeft(t *testing.T) {
	for _, c := range []struct {
		name    string
		down    time.Duration
		takes   time.Duration // of the task that runs when they die
		primary bool          // is one of the two
		again   int           // runs of that task that follow
	}{
		{"secondaries, shortly", 12 * time.Second, 5 * time.Second, false, 0},
		{"the primary, shortly", 12 * time.Second, 5 * time.Second, true, 0},
		{"secondaries, for longer than a lease, ended before", 40 * time.Second, 5 * time.Second, false, 0},
		{"secondaries, for longer than a lease", 40 * time.Second, 30 * time.Second, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, mongod.Options{Members: 3})
			k := w.start("a", 4)
			id := w.create(&Work{Takes: c.takes.Milliseconds()})
			w.begins(id, time.Minute)
			p := w.primary()
			for i := range 3 {
				if (i != p) != c.primary || i == (p+1)%3 {
					w.must(w.server.Signal(i, syscall.SIGKILL))
				}
			}
			began := time.Now()
			calling, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := lgtask.Create(calling, w.conn, &Work{})
			cancel()
			if err == nil {
				t.Error("an enqueue was acknowledged without a majority")
			}
			said := k.says("no primary")
			w.lasts(time.Until(began.Add(c.down)))
			if n := w.book.count(); n != 1 {
				t.Errorf("%d handlers began without a majority", n-1)
			}
			w.heal()
			healed := time.Now()
			next := w.begins(w.create(&Work{}), time.Minute).from.Sub(healed)
			k.says("")
			v := w.judge()
			r := w.book.ran(id)[0]
			t.Logf("told %q after %.1f s; the run ended with %v after %.1f s, %d runs more than tasks; a task begun %.1f s after the healing; %v",
				"no primary", said.Seconds(), r.err, r.till.Sub(began).Seconds(), v.again, next.Seconds(), k.log.counts(began))
			if v.again != c.again || errors.Is(r.err, lgtask.ErrLeaseLost) != (c.again > 0) {
				t.Errorf("%d second runs, the first ended with %v", v.again, r.err)
			}
			k.complainsOnce(began, 1)
		})
	}
}
