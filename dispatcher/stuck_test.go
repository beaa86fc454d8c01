package dispatcher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// deaf is a dispatcher whose handlers heed nothing but the gate.
func deaf(t *testing.T, names int, replace bool) (b *bench, gate chan struct{}, told *[]error) {
	b, gate, told = newBench(t, newMemory(), "p", names), make(chan struct{}), new([]error)
	b.d.o.Replace = replace
	b.d.o.Stuck = func(_ tasks.Held, cause error) { *told = append(*told, cause) }
	b.handler.replaced = replace
	b.handler.run = func(context.Context, *tasks.Held) tasks.Outcome { <-gate; return succeeded }
	b.start()
	return b, gate, told
}

func (b *bench) stuck(want int64) {
	b.Helper()
	if n := b.d.Stats().Stuck; n != want {
		b.Errorf("%d handlers are stuck, want %d", n, want)
	}
}

func TestStuckHandlerKeepsItsProcessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate, told := deaf(t, 1, false)
		id := b.offer()
		settled()
		b.begun(id)
		next := b.offer()
		b.d.Cancel(id, ErrKilled)
		b.d.Cancel(id, ErrKilled)
		advance(9 * time.Second)
		b.stuck(0)
		advance(time.Second)
		b.stuck(1)
		if len(*told) != 1 || !errors.Is((*told)[0], ErrKilled) {
			t.Errorf("told %v", *told)
		}
		advance(time.Hour)
		b.is(id, tasks.Working)
		b.begun()
		close(gate)
		settled()
		b.stuck(0)
		b.is(id, tasks.Success)
		b.begun(next)
		b.stop()
	})
}

func TestHandlerThatReturnsInTimeIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate, told := deaf(t, 1, true)
		id := b.offer()
		settled()
		b.d.Cancel(id, ErrKilled)
		advance(9 * time.Second)
		close(gate)
		advance(time.Hour)
		b.stuck(0)
		if len(*told) != 0 {
			t.Errorf("told %v", *told)
		}
		b.stop()
	})
}

// Each processor is replaced once: what is stuck in a class that always is must not
// grow for ever.
func TestStuckHandlerIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate, told := deaf(t, 1, true)
		first := b.offer()
		settled()
		second, third := b.offer(), b.offer()
		b.d.Cancel(first, ErrKilled)
		advance(10 * time.Second)
		b.begun(first, second)
		b.d.Cancel(second, ErrKilled)
		advance(time.Hour)
		b.stuck(2)
		b.begun()
		if len(*told) != 2 {
			t.Errorf("told %v", *told)
		}
		close(gate)
		settled()
		b.stuck(0)
		b.begun(third)
		for _, id := range []tasks.ID{first, second, third} {
			b.is(id, tasks.Success)
		}
		gate = make(chan struct{})
		b.handler.run, b.handler.most = until(gate), 0
		for range 3 {
			b.insert()
		}
		b.d.Wake()
		settled()
		if b.handler.most != 1 {
			t.Errorf("%d processors are left of one", b.handler.most)
		}
		close(gate)
		settled()
		b.stop()
	})
}

// The time of a class is over: the context that ended is one that the handler made.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate, told := deaf(t, 1, false)
		b.handler.run = func(_ context.Context, h *tasks.Held) tasks.Outcome {
			b.d.Overdue(h)
			<-gate
			return succeeded
		}
		b.offer()
		advance(10 * time.Second)
		b.stuck(1)
		if len(*told) != 1 || (*told)[0] != nil {
			t.Errorf("told %v", *told)
		}
		close(gate)
		settled()
		b.stop()
	})
}

// A task that is lost to others counts too, and the stop tells of what is stuck.
func TestStuckWhenTheLeaseIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, gate, _ := deaf(t, 2, false)
		id := b.offer()
		settled()
		b.d.Fence(nil)
		advance(10 * time.Second)
		b.stuck(1)
		b.d.Unfence("p2")
		b.cancel()
		err := <-b.done
		var stuck *StuckError
		if !errors.As(err, &stuck) || len(stuck.Tasks) != 1 || stuck.Tasks[0] != id {
			t.Errorf("Run returned %v", err)
		}
		close(gate)
		settled()
	})
}
