package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// maxTogether is how many ends one statement records. There is one at a time: with two,
// 2,000 processors drained a seventh less, for their statements were half as large.
const maxTogether = 2000

// finish records the outcome of a run that is over. One with a key is recorded
// before its processor is free: what follows depends on it. Others are recorded
// together with all that end meanwhile; nothing waits for more.
func (l *loop) finish(r *running, o tasks.Outcome) {
	l.mu.Lock()
	r.end, r.over, r.late = o, true, l.last.Err() != nil
	l.unwatchLocked(r)
	l.finished = time.Now()
	if r.held.Key != "" {
		l.mu.Unlock()
		l.record(r)
		l.recorded(r)
		return
	}
	l.endings = append(l.endings, r)
	first := !l.recordsEnds
	l.recordsEnds = true
	l.mu.Unlock()
	if first {
		l.recording.Go(l.recordEndings)
	}
}

// recordEndings records ends until there are none.
func (l *loop) recordEndings() {
	for {
		l.mu.Lock()
		n := min(len(l.endings), maxTogether)
		batch := l.endings[:n:n]
		if l.endings = l.endings[n:]; n == 0 {
			l.endings = nil
			l.recordsEnds = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.recorded(l.recordMany(batch)...)
	}
}

// record writes the outcome until the database has it or somebody else has the
// task.
func (l *loop) record(r *running) {
	ctx, cancel := l.lastly(r)
	defer cancel()
	h, o := r.held, r.end
	_, err := l.persist(ctx, ctx, "record the end of tasks", func(ctx context.Context) error {
		if err := l.o.Claims.Finish(ctx, h, o); err != nil {
			return fmt.Errorf("task %s: %w", h.ID, err)
		}
		return nil
	})
	l.concluded(r, err)
}

// recordMany does the same for several tasks, and returns those that it is done
// with. One whose end alone is refused goes on alone, so that no other waits.
func (l *loop) recordMany(batch []*running) (done []*running) {
	ctx, cancel := l.lastly(batch...)
	defer cancel()
	es := make([]tasks.Ending, len(batch))
	for i, r := range batch {
		es[i] = tasks.Ending{Held: r.held, Outcome: r.end}
	}
	var errs []error
	_, err := l.persist(ctx, ctx, "record the end of tasks", func(ctx context.Context) (err error) {
		errs, err = l.o.Claims.FinishMany(ctx, es)
		return err
	})
	for i, r := range batch {
		switch {
		case err != nil:
			l.concluded(r, err)
		case errs[i] != nil && !errors.Is(errs[i], tasks.ErrFenced):
			l.recording.Go(func() { l.record(r); l.recorded(r) })
			continue
		default:
			l.concluded(r, errs[i])
		}
		done = append(done, r)
	}
	return done
}

// lastly returns the context of completions. When Run has given up on a handler
// the process lives on, and its end is still tried to be recorded. What ended before
// and was not recorded in time is not: Run has said so.
func (l *loop) lastly(batch ...*running) (context.Context, context.CancelFunc) {
	if !slices.ContainsFunc(batch, func(r *running) bool { return r.late }) {
		return l.last, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(l.last), l.o.Quit)
}

func (l *loop) concluded(r *running, err error) {
	h := r.held
	switch {
	case err == nil:
		if h.Key != "" && r.end.State.Final() {
			l.Unblock(h.Key)
		}
	case !errors.Is(err, tasks.ErrFenced):
		l.o.Log.Error().Err(err).Stringer("task", h.ID).Msg("stopped before the end of a task was recorded; it stays claimed")
		r.dropped = true
	case !r.back:
		l.o.Log.Warn().Stringer("task", h.ID).Str("processor", h.Processor).Msg("the claim was lost; the result is not recorded")
	}
}

// recorded forgets tasks whose end is in the database, or lost.
func (l *loop) recorded(batch ...*running) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range batch {
		r.cancel(nil)
		delete(l.running, r)
		if r.chance {
			l.chances--
		}
		if r.dropped {
			l.unrecorded = append(l.unrecorded, r.held.ID)
		} else if r.back && r.held.Key == "" {
			l.backlog = true // a sweep that read before this was written did not see it
		}
	}
	l.nextChanceLocked()
	l.notifyLocked()
	if l.backlog || l.goesOn {
		l.poke()
	}
}
