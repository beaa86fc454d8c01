package dispatcher

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// early makes a task due in ten milliseconds.
func early(t *tasks.Task) {
	t.TsRequest = time.Now().Add(10 * time.Millisecond).Truncate(time.Millisecond)
}

// Tasks that are offered before they are due are claimed then, and start when they
// are, also those with a name.
func TestEarlyClaims(t *testing.T) {
	for name, offers := range map[string][]func(*tasks.Task){
		"one": {early}, "two": {early, early}, "a named one": {func(t *tasks.Task) { early(t); pending("a")(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 2)
				b.claims.set(slow)
				due := time.Now().Add(10 * time.Millisecond)
				var ids []tasks.ID
				for _, o := range offers {
					ids = append(ids, b.offer(o))
				}
				advance(9 * time.Millisecond)
				for _, id := range ids {
					b.is(id, tasks.Working)
				}
				b.begun()
				advance(time.Millisecond)
				if n := len(b.handler.started()); n != len(ids) || !time.Now().Equal(due) {
					t.Errorf("%d of %d have started when they are due", n, len(ids))
				}
				b.finished(time.Second)
				for _, id := range ids {
					if task := b.task(id); !task.TsStart.Equal(task.TsRequest) || task.State != tasks.Success {
						t.Errorf("%s, due %v, started %v", task.State, task.TsRequest, task.TsStart)
					}
				}
				b.stop()
			})
		})
	}
}

// An estimate of the clock that stands still does not keep a processor.
func TestEarlyClaimAndAClockThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 1)
		now := time.Now()
		b.d.o.Now = func() time.Time { return now.Add(-time.Hour) }
		b.start()
		id := b.offer(early)
		advance(tasks.MaxLead - time.Millisecond)
		b.begun()
		advance(time.Millisecond)
		b.begun(id)
		b.stop()
	})
}

// One that is killed, or whose processor stops, before it is due does not start.
func TestEarlyClaimIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*bench, tasks.ID)
		want tasks.State
	}{
		"killed": {func(b *bench, id tasks.ID) { b.d.Cancel(id, ErrKilled) }, tasks.Error},
		"stopped": {func(b *bench, _ tasks.ID) {
			b.d.o.Grace = time.Nanosecond
			b.cancel()
		}, tasks.Request},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, newMemory(), "p", 1)
				b.d.o.Grace = time.Nanosecond
				b.start()
				id := b.offer(early)
				settled()
				b.is(id, tasks.Working)
				c.end(b, id)
				advance(5 * time.Millisecond)
				b.is(id, c.want)
				b.begun()
				b.stop()
			})
		})
	}
}

// More early offers than processors are left to a sweep: whoever offered them wakes
// the dispatcher when they are due.
func TestEarlyOffersBeyondTheProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		b.claims.set(slow)
		for range 5 {
			b.offer(early)
		}
		advance(10 * time.Millisecond)
		b.d.Wake()
		b.finished(time.Second)
		if n := len(b.handler.started()); n != 5 {
			t.Errorf("%d of 5 have started", n)
		}
		b.stop()
	})
}
