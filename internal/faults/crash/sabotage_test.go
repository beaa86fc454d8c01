//go:build faults && unix

package crash

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// Sabotage is a task that ends its process.
type Sabotage struct{ How string }

// Run implements lgtask.Runner.
func (s *Sabotage) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return record(ctx, t, func() error {
		way := ways[s.How]
		if way == nil {
			way = rootWays[s.How]
		}
		way()
		<-ctx.Done() // it ends from another goroutine
		return context.Cause(ctx)
	})
}

// ways are those in which a handler can end its process.
var ways = map[string]func(){
	"exit 0":                func() { os.Exit(0) },
	"exit 3":                func() { os.Exit(3) },
	"fatal":                 func() { log.Fatal("no more") },
	"panic beside":          func() { go panic("beside the handler") },
	"nil map beside":        func() { go func() { missing()["a"] = 1 }() },
	"stack overflow":        func() { debug.SetMaxStack(1 << 20); fmt.Println(deep(1)) },
	"concurrent map writes": func() { spoil(map[int]int{}) },
	"deadly signal":         func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV) },
	"killed":                func() { suicide() },
}

// rootWays are those that take root to prepare.
var rootWays = map[string]func(){}

// missing returns a nil map, and deep never returns: the analysers need not know.
func missing() map[string]int { return nil }

func deep(n int) int {
	if n < 0 {
		return n
	}
	return n + deep(n+1)
}

// spoil writes a map from two goroutines until the runtime sees it.
func spoil(m map[int]int) {
	for i := range 2 {
		go func() {
			for {
				m[i]++
			}
		}()
	}
}

// suicide kills this process as an operator or the system would.
func suicide() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing more is done here, however long it takes
}

// TestDeadlyHandlers has a task end its process in every way there is. The process is
// started again, as by cron; the third time the task is quarantined. Its neighbours
// are done.
func TestDeadlyHandlers(t *testing.T) {
	for how := range ways {
		t.Run(strings.ReplaceAll(how, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := randomness(t)
			w.createMany(r, 10, 20*time.Millisecond)
			w.create("Work", Work{Takes: 1000}) // in hand at the first two deaths
			poison := w.create("Sabotage", Sabotage{how})
			w.createMany(r, 10, 20*time.Millisecond)
			deaths := w.relaunched(poison, nil)
			v := w.judge(false)
			w.empty()
			if v.quarantined != 1 || v.done != 21 || deaths != 3 || len(w.ran(poison, 3)) != 3 {
				t.Errorf("%d quarantined, %d done, %d deaths, runs %+v", v.quarantined, v.done, deaths, w.ran(poison, 3))
			}
			t.Logf("%d neighbours done; %d of their runs were cut short", v.done, v.again-2)
		})
	}
}

// relaunched starts a worker again and again, as cron does, until a task has ended as
// an error and all is done, and returns how often it died.
func (w *world) relaunched(poison lgtask.TaskID, env map[string]string) (deaths int) {
	w.Helper()
	p := w.start("a", 2, env)
	for over := time.After(patience); w.task(poison).State != lgtask.StateError || w.open() > 0 || p.ended(); {
		select {
		case <-p.gone:
			deaths++
			w.killed[p.pid()] = time.Now()
			p = w.start("a", 2, env)
		case <-time.After(20 * time.Millisecond):
		case <-over:
			w.Fatalf("the task is not quarantined: %+v", w.task(poison))
		}
	}
	p.stop()
	return deaths
}
