//go:build faults && linux

package network

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
)

// TestTwinHosts: two hosts have the same name, as copies of one machine do. The
// processor of the second is refused, and told who holds the name, as long as the first
// lives; after the death of the first it has the name, and its task, within a lease and
// a sweep.
func TestTwinHosts(t *testing.T) {
	w := newWorld(t, mongod.Options{})
	first := w.twin("11111111-1111-4111-8111-111111111111")
	first.Holds = true
	a := w.start(first)
	id := w.enqueue(&Work{Hold: true}, lgtask.Now())
	a.waits(time.Minute, "runs", id.String())

	second := w.twin("22222222-2222-4222-8222-222222222222")
	for range 3 {
		began := time.Now()
		b := w.launch(w.host(), second)
		refused := b.refused(time.Minute)
		w.says("refused after %.1f s: %s", time.Since(began).Seconds(), refused)
		for _, want := range []string{"processor twin runs already", "in process", "on host twin", "another machine", "LGTASK_NAME"} {
			if !strings.Contains(refused, want) {
				w.Errorf("the refusal does not say %q: %s", want, refused)
			}
		}
	}
	if task, err := w.conn.Task(w.within(time.Minute), id); err != nil || task.State != lgtask.StateWorking || task.Crashes > 0 {
		w.Errorf("the task of the first was touched: %+v, %v", task, err)
	}

	a.kill()
	dead := time.Now()
	b := w.launch(w.host(), second)
	w.eventually(2*time.Minute, "the second to have the name", func() bool {
		if b.ended() { // as cron would
			b = w.launch(w.host(), second)
		}
		return len(b.all("listening")) > 0
	})
	taken := time.Since(dead)
	b.waits(time.Minute, "ends", id.String())
	w.says("the second had the name %.1f s and had run the task %.1f s after the death of the first", taken.Seconds(), time.Since(dead).Seconds())
	if elapsed := time.Since(dead); elapsed > lease+sweep {
		w.Errorf("the task ran %v after the death; at most %v are promised", elapsed, lease+sweep)
	}
	v := w.judge()
	if v.effects != 2 {
		w.Errorf("the task ran %d times, want 2", v.effects)
	}
}

// twin is a worker on a host that calls itself twin, with a run of its own.
func (w *world) twin(boot string) settings {
	w.Helper()
	file := filepath.Join(w.dir, boot)
	w.must(os.WriteFile(file, []byte(boot+"\n"), 0o444))
	return settings{HostName: "twin", BootFile: file, LockDir: w.lockDir("locks of " + boot)}
}

// refused waits for the worker not to start, and returns why.
func (k *worker) refused(limit time.Duration) string {
	k.w.Helper()
	k.w.eventually(limit, "the refusal", func() bool { return k.ended() || len(k.all("listening")) > 0 })
	es := k.all("refused")
	if len(es) == 0 {
		k.w.Fatal("it was not refused")
	}
	return es[0].Text
}
