//go:build faults && unix

package crash

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// suicideEnv names the moment at which a worker kills itself: a command, and whether
// it is about to be sent or was answered.
const suicideEnv = "LGTASK_CRASH_AT"

// dieAt is a worker that kills itself at a moment.
func dieAt(reg *lgtask.Registry, moment string) int {
	if err := serveUntil(reg, moment); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func serveUntil(reg *lgtask.Registry, moment string) error {
	cfg, err := lgtask.ConfigFromEnv()
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(cfg.TaskDatabase).SetMonitor(deadly(moment)))
	if err != nil {
		return err
	}
	name := cfg.TaskDatabase[strings.LastIndex(cfg.TaskDatabase, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	conn, err := lgtask.New(client.Database(name))
	if err != nil {
		return err
	}
	p, err := lgtask.NewProcessor(cfg, reg, lgtask.WithConnection(conn), lgtask.WithLogger(zerolog.New(os.Stderr)))
	if err != nil {
		return err
	}
	if err := p.Start(context.Background()); err != nil {
		return err
	}
	<-p.Done()
	return nil
}

// deadly kills the process at a moment.
func deadly(moment string) *event.CommandMonitor {
	var mu sync.Mutex
	sent := map[int64]string{}
	return &event.CommandMonitor{
		Started: func(_ context.Context, e *event.CommandStartedEvent) {
			what := purpose(e.Command)
			if what+" sent" == moment {
				suicide()
			}
			mu.Lock()
			defer mu.Unlock()
			sent[e.RequestID] = what
		},
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			mu.Lock()
			defer mu.Unlock()
			if n, _ := e.Reply.Lookup("n").AsInt64OK(); n > 0 && sent[e.RequestID]+" answered" == moment {
				suicide()
			}
			delete(sent, e.RequestID)
		},
	}
}

// purpose tells claims and ends of tasks from other commands.
func purpose(command bson.Raw) string {
	if coll, _ := command.Lookup("update").StringValueOK(); coll != "tasks" {
		return ""
	}
	updates, _ := command.Lookup("updates").ArrayOK()
	values, _ := updates.Values()
	for _, v := range values {
		doc, _ := v.DocumentOK()
		switch update := doc.Lookup("u").String(); {
		case strings.Contains(update, `"working"`):
			return "claim"
		case strings.Contains(update, `"success"`):
			return "end"
		}
	}
	return ""
}

// TestKilledBetween kills a worker around the two writes of a task's life.
func TestKilledBetween(t *testing.T) {
	for moment, want := range map[string]struct{ claims, runs, crashes int }{
		"claim sent":     {1, 1, 0}, // it was never written
		"claim answered": {2, 1, 1}, // no handler had started
		"end sent":       {2, 2, 1}, // the work was done, and nobody knows
		"end answered":   {1, 1, 0}, // that it was done is known, if not to the process
	} {
		t.Run(strings.ReplaceAll(moment, " ", "-"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create("Work", Work{})
			dying := w.launch("a", 1, map[string]string{suicideEnv: moment})
			dying.exits(-1)
			w.killed[dying.pid()] = time.Now()
			next := w.start("a", 1, nil)
			task := w.comes(id, lgtask.StateSuccess)
			v := w.judge(false)
			next.stop()
			w.empty()
			if claims := len(w.past().claims); claims != want.claims || v.runs != want.runs || task.Crashes != want.crashes {
				t.Errorf("%d claims, %d runs, %d crashes; want %+v", claims, v.runs, task.Crashes, want)
			}
		})
	}
}
