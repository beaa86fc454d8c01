package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// StuckError is returned by Run if something did not end in time. All these
// tasks stay claimed.
type StuckError struct {
	Tasks      []tasks.ID // whose handlers ignored the end of their context
	Unrecorded []tasks.ID // whose end the database did not take
}

// Error implements error.
func (e *StuckError) Error() string {
	var parts []string
	if n := len(e.Tasks); n > 0 {
		parts = append(parts, fmt.Sprintf("%d handlers ignored the end of their context, among them that of task %s", n, e.Tasks[0]))
	}
	if n := len(e.Unrecorded); n > 0 {
		parts = append(parts, fmt.Sprintf("the end of %d tasks could not be recorded, among them that of task %s", n, e.Unrecorded[0]))
	}
	return strings.Join(parts, "; ")
}

// later returns a context that ends the given time after ctx has ended. It must
// be cancelled.
func later(ctx context.Context, d time.Duration, cause error) (context.Context, context.CancelCauseFunc) {
	c, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			cancel(cause)
		case <-c.Done():
		}
	})
	return c, cancel
}

// stop waits for what runs, at most until l.last ends.
func (l *loop) stop() error {
	l.mu.Lock()
	back := l.ready.all()
	l.loop = nil
	l.mu.Unlock()
	l.giveBack(back)
	l.stopReading(l.come)
	done := make(chan struct{})
	go func() { l.reserved.Wait(); l.pool.Wait(); l.recording.Wait(); close(done) }()
	select {
	case <-done:
	case <-l.last.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stuck := &StuckError{Unrecorded: slices.Clone(l.unrecorded)}
	for r := range l.running {
		if r.over {
			stuck.Unrecorded = append(stuck.Unrecorded, r.held.ID)
			continue
		}
		stuck.Tasks = append(stuck.Tasks, r.held.ID)
		l.o.Log.Error().Stringer("task", r.held.ID).Str("class", r.held.TaskClass).Str("processor", r.held.Processor).
			Msg("the handler ignored the end of its context; its task stays claimed")
	}
	if len(stuck.Tasks)+len(stuck.Unrecorded) == 0 {
		return nil
	}
	return stuck
}
