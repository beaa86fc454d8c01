package dispatcher

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

func crashed(times int) func(*tasks.Task) { return func(t *tasks.Task) { t.Crashes = times } }

// Tasks of which two processes have died run one by one, and keep no others waiting,
// whether they are offered or found.
func TestLastChances(t *testing.T) {
	for name, offered := range map[string]bool{"offered": true, "found": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, newMemory(), "p", 3)
				var mu sync.Mutex
				now, most, begun := 0, 0, time.Now()
				ended := map[int]time.Duration{} // the last of each number of crashes
				b.handler.run = func(_ context.Context, h *tasks.Held) tasks.Outcome {
					mu.Lock()
					defer mu.Unlock()
					if h.Crashes == 2 {
						now++
						most = max(most, now)
					}
					mu.Unlock()
					<-time.After(time.Second)
					mu.Lock()
					if h.Crashes == 2 {
						now--
					}
					ended[h.Crashes] = time.Since(begun)
					return succeeded
				}
				add := func(options ...func(*tasks.Task)) { b.insert(options...) }
				if offered {
					b.start()
					add = func(options ...func(*tasks.Task)) { b.offer(options...) }
				}
				for range 5 {
					add(crashed(2))
				}
				for range 4 {
					add(crashed(1))
				}
				if !offered {
					b.d.Wake()
					b.start()
				}
				advance(time.Minute)
				if n := len(b.handler.started()); n != 9 || most != 1 {
					t.Errorf("%d of 9 ran, %d at a time of which two processes have died", n, most)
				}
				if ended[2] != 5*time.Second || ended[1] != 2*time.Second {
					t.Errorf("the last ended after %v", ended)
				}
				if s := b.d.Stats(); s.Sweeps > 20 {
					t.Errorf("%d sweeps", s.Sweeps)
				}
				b.stop()
			})
		})
	}
}

// If another process has taken the one that was to run, the next of them does.
func TestLastChanceThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 2)
		b.insert(crashed(2))
		b.insert(crashed(2))
		stolen := false
		b.claims.set(func(ctx context.Context, s statement) error {
			if s.op == "ClaimMany" && !stolen {
				stolen = true
				cl := tasks.NewClaim("other", "other")
				if won, err := b.m.ClaimMany(ctx, s.ids, []string{"other"}, cl); err != nil || len(won) != 1 {
					t.Errorf("the other process won %v, %v", won, err)
				}
				if err := b.m.Finish(ctx, tasks.Held{Candidate: tasks.Candidate{ID: s.ids[0]}, Claim: cl}, succeeded); err != nil {
					t.Error(err)
				}
			}
			return s.send()
		})
		b.d.Wake()
		b.start()
		if n := len(b.handler.started()); n != 1 {
			t.Errorf("%d ran here", n)
		}
		b.stop()
	})
}
