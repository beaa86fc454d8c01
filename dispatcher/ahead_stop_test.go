package dispatcher

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// stuffed starts a dispatcher both of whose processors are busy until gate is
// closed, with work ahead of them.
func stuffed(t *testing.T, gate chan struct{}) *bench {
	b := warm(t, newMemory(), "p", 2)
	b.handler.run = until(gate)
	for range 300 {
		b.insert()
	}
	advance(time.Millisecond)
	b.d.Wake()
	advance(2*trip + stalled)
	if n := b.ahead(); n < 250 {
		t.Fatalf("%d are ahead", n)
	}
	b.handler.started()
	return b
}

// untouched checks that n tasks wait as if they had never been claimed.
func (b *bench) untouched(n int) {
	b.Helper()
	for _, t := range b.m.Tasks() {
		if t.State != tasks.Request {
			continue
		}
		if n--; !t.TsRequest.Equal(t.TsInsert) || t.Attempt != 0 || t.LastLog != "" || t.Processor != "" || t.Holder != "" || len(t.Errors) > 0 {
			b.Errorf("given back as %+v", t)
			return
		}
	}
	if n != 0 {
		b.Errorf("%d tasks more should wait", n)
	}
}

func TestStopGivesBackWhatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := stuffed(t, gate)
		b.cancel()
		advance(2 * trip)
		if n := b.m.held(); n != 2 {
			t.Errorf("%d tasks are held; want the two that run", n)
		}
		b.untouched(298)
		close(gate)
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.begun()
		b.idle()
	})
}

// The stop comes while a claim is under way. Nothing starts any more, and what
// it wins goes back as it was.
func TestStopWhileClaimingAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		b := stuffed(t, step)
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "ClaimMany" {
				<-time.After(time.Second)
			}
			return slow(ctx, s)
		})
		for range 100 {
			b.insert(priority(1))
		}
		b.d.Wake()
		for range 200 { // little is left ahead
			step <- struct{}{}
		}
		advance(3 * trip)
		b.handler.started()
		open := b.m.open()
		if n, sweeping := b.ahead(), b.claims.count("ClaimMany"); n != 98 || open != 200 {
			t.Fatalf("%d are ahead of %d, %d claims", n, open, sweeping)
		}
		b.cancel()
		settled()
		step <- struct{}{}
		step <- struct{}{}
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		b.begun()
		b.untouched(open - 2)
		b.idle()
	})
}

func TestRetireGivesBackWhatIsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := stuffed(t, gate)
		var mu sync.Mutex
		var gone []string
		b.d.o.Retired = func(name string) {
			mu.Lock()
			defer mu.Unlock()
			gone = append(gone, name)
		}
		b.d.Retire()
		advance(2 * trip)
		if n := b.m.held(); n != 2 || len(gone) != 0 {
			t.Errorf("%d tasks are held, %v gone", n, gone)
		}
		b.untouched(298)
		close(gate)
		advance(time.Second)
		slices.Sort(gone)
		if !slices.Equal(gone, []string{"p-1", "p-2"}) || b.d.Processors() != 0 {
			t.Errorf("gone %v; %d processors are left", gone, b.d.Processors())
		}
		b.untouched(298)
		b.begun()
		b.stop()
	})
}

// A task that waits ahead and is killed never starts.
func TestKillOfATaskAhead(t *testing.T) {
	for what, release := range map[string]bool{"its turn comes": true, "it is late": false} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := make(chan struct{})
				b := stuffed(t, gate)
				b.d.mu.Lock()
				id := b.d.ready.list[10].held.ID
				b.d.mu.Unlock()
				if err := b.m.kill(context.Background(), id); err != nil {
					t.Fatal(err)
				}
				if !b.d.Cancel(id, ErrKilled) {
					t.Error("a task that waits ahead is not known")
				}
				if !release {
					advance(100 * time.Millisecond)
					b.is(id, tasks.Error)
				}
				close(gate)
				b.finished(time.Second)
				if slices.Contains(b.handler.started(), id) {
					t.Error("a killed task was started")
				}
				if got := b.task(id); got.State != tasks.Error || got.LastLog != "killed" || got.Attempt != 0 {
					t.Errorf("it is %s, %q, attempt %d", got.State, got.LastLog, got.Attempt)
				}
				b.stop()
			})
		})
	}
}
