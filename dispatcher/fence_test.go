package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// A process that may be taken for dead ends what runs, but for what may go on,
// gives back what it has not started, and takes nothing until it is unfenced; then
// it claims under its new epoch.
func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		gate := make(chan struct{})
		var causes []error
		b.handler.run = func(ctx context.Context, h *tasks.Held) tasks.Outcome {
			select {
			case <-gate:
				return tasks.Outcome{State: tasks.Success}
			case <-ctx.Done():
				causes = append(causes, context.Cause(ctx))
				return tasks.Outcome{State: tasks.Error, Failure: "cut off", Spent: true}
			}
		}
		cut, kept := b.offer(), b.offer(func(t *tasks.Task) { t.TaskClass = "Single" })
		settled()
		b.d.Fence(func(class string) bool { return class == "Single" })
		settled()
		b.is(cut, tasks.Request)
		b.is(kept, tasks.Working)
		if len(causes) != 1 || causes[0] != ErrLeaseLost {
			t.Errorf("causes: %v", causes)
		}
		if task := b.task(cut); task.Attempt != 0 || task.LastLog != fencedOff.LastLog {
			t.Errorf("given back: %d attempts, %q", task.Attempt, task.LastLog)
		}
		waits := b.offer()
		b.d.Wake()
		if b.d.Reserve() != nil {
			t.Error("a processor was reserved")
		}
		advance(time.Minute)
		b.is(waits, tasks.Request)
		close(gate)
		settled()
		b.is(kept, tasks.Success)
		b.is(waits, tasks.Request)
		b.d.Unfence("later")
		settled()
		b.is(waits, tasks.Success)
		b.is(cut, tasks.Success)
		b.stop()
	})
}

// What a claim wins that was under way is not started, whatever its class; neither is
// what waits for its instant.
func TestFenceDuringAClaim(t *testing.T) {
	all := func(string) bool { return true }
	for _, keep := range []func(string) bool{nil, all} {
		for _, lead := range []time.Duration{0, tasks.MaxLead} {
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 1)
				b.claims.set(slow)
				id := b.offer(func(t *tasks.Task) { t.TsRequest = time.Now().Add(lead) })
				advance(max(trip/2, lead*3/4))
				b.d.Fence(keep)
				advance(2*trip + lead)
				b.begun()
				b.is(id, tasks.Request)
				b.d.Unfence("later")
				b.finished(time.Second)
				b.begun(id)
				b.stop()
			})
		}
	}
}
