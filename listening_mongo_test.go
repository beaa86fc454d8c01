package lgtask

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/sourcegraph/conc"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
	"github.com/lgtask/lgtask/watcher"
)

// idleWork is a dispatcher that has nothing to do.
type idleWork struct{ woken chan struct{} }

func (w *idleWork) Pressure() (waiting, finished time.Time)   { return time.Time{}, time.Time{} }
func (w *idleWork) Busy() (int, bool, <-chan struct{})        { return 0, false, nil }
func (w *idleWork) Blocked() []string                         { return nil }
func (w *idleWork) UnblockAll()                               {}
func (w *idleWork) Reset(context.Context) error               { return nil }
func (w *idleWork) Handle(context.Context, tasks.Event) error { return nil }

func (w *idleWork) Wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// TestStormOnServer: with the rate and the number of listeners from a real
// server, an idle processor closes its stream in a storm, finds a task
// nevertheless, and listens again when it is over.
func TestStormOnServer(t *testing.T) {
	s := taskstest.Store(t)
	if _, err := s.SyncClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	var others []any // so many that a hundred writes a second are a storm
	for i := range 1000 {
		others = append(others, bson.D{{Key: "_id", Value: fmt.Sprint(i)}, {Key: "classes", Value: bson.A{"C"}}, {Key: "tsBeat", Value: time.Now().Add(time.Hour)}})
	}
	db := s.Database()
	if _, err := db.Collection("processors").InsertMany(t.Context(), others); err != nil {
		t.Fatal(err)
	}
	work := &idleWork{woken: make(chan struct{}, 1)}
	w := watcher.New(watcher.Options{Source: watcher.FromStore(s), Sink: work})
	none := func(context.Context) error { return nil }
	l := &listener{stream: w, work: work, store: s, classes: []string{"C"}, cancelKilled: none, adopt: none, log: zerolog.Nop()}
	ctx, stop := context.WithCancel(t.Context())
	storm, calm := context.WithCancel(ctx)
	var wg conc.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() { l.run(ctx) })
	wg.Go(func() {
		docs := make([]any, 500)
		for i := range docs {
			docs[i] = bson.D{}
		}
		for storm.Err() == nil {
			if _, err := db.Collection("storm").InsertMany(storm, docs); err != nil && storm.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	taskstest.Eventually(t, "a closed stream", func() bool { return w.Stats().State == watcher.Suspended })
	if got := l.Stats(); got.State != stateAsking || got.ForStorm != 1 || got.Listeners != len(others) || got.WriteRate < 20 {
		t.Errorf("in the storm: %+v", got)
	}
	if err := s.Insert(t.Context(), &tasks.Task{TaskClass: "C"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-work.woken:
	case <-time.After(time.Minute):
		t.Errorf("the task was not found within a minute: %+v", l.Stats())
	}
	calm()
	if _, err := db.Collection("processors").DeleteMany(t.Context(), bson.D{}); err != nil { // other tests write too
		t.Fatal(err)
	}
	taskstest.Eventually(t, "an open stream", w.Follows)
	if got := w.Stats(); got.Suspensions != 1 || got.Reopenings != 1 || got.LastError != "" {
		t.Errorf("the watcher: %+v", got)
	}
}
