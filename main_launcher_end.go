package lgtask

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/executable"
)

// haveExit takes note of a worker's end and makes sure that there is one.
func (l *launcher) haveExit(w *workerProcess) {
	l.workers = slices.DeleteFunc(l.workers, func(other *workerProcess) bool { return other == w })
	for name, owner := range l.owner {
		if owner == w {
			l.owner[name] = nil
		}
	}
	wasComing, wasCurrent := w == l.coming, w == l.current
	if wasComing {
		l.coming = nil
	}
	if wasCurrent {
		l.current = nil
	}
	if l.ended {
		if w.exit != 0 {
			l.code = exitRun
		}
		if w.failure != "" {
			l.log.Error().Msg(w.failure)
		}
		return
	}
	switch {
	case wasComing && !l.ever:
		l.firstFailed(w)
	case wasComing && l.current != nil:
		l.folder.state = l.current.runs // for the next start, until the folder changes
		l.log.Error().Str("error", w.reason()).Msg("the worker of the changed task folder cannot start; the one before goes on")
	case wasComing, wasCurrent:
		if time.Since(w.readyAt) > steady && wasCurrent {
			l.pause = firstPause
		}
		l.log.Error().Str("error", w.reason()).Dur("again_in", l.pause).Msg("a worker has ended; starting another")
		l.again()
	default:
		l.log.Info().Int("pid", w.pid()).Msg("the worker of an earlier state of the task folder has ended")
		l.give()
	}
}

// dismiss ends the workers that have handed over all their names.
func (l *launcher) dismiss() {
	for _, w := range l.workers {
		busy := w == l.current || w == l.coming || !w.endBy.IsZero()
		for _, owner := range l.owner {
			busy = busy || owner == w
		}
		if !busy {
			l.endWorker(w)
		}
	}
}

func (l *launcher) endWorker(w *workerProcess) {
	w.signal(syscall.SIGTERM)
	w.endBy = time.Now().Add(l.cfg.Grace + maxStop)
}

// firstFailed ends the launcher: a program that never ran says why and exits.
func (l *launcher) firstFailed(w *workerProcess) {
	if l.o.Patient {
		l.log.Error().Str("error", w.reason()).Msg("the task folder cannot be run; waiting for it to change")
		return
	}
	code := w.code
	if code == exitDone {
		code = exitRun
	}
	l.end(l.fail(code, errors.New(w.reason())))
}

// overdue does what is late: names that could not be taken are given again,
// orphans are reaped if we are process 1 of a container, and workers that ignore
// their end are killed.
func (l *launcher) overdue() {
	l.give()
	if os.Getpid() == 1 && l.current != nil {
		if err := executable.ReapOrphans(l.current.pid()); err != nil {
			l.log.Debug().Err(err).Msg("looking for orphaned processes")
		}
	}
	for _, w := range l.workers {
		if !w.endBy.IsZero() && time.Now().After(w.endBy) {
			l.log.Error().Int("pid", w.pid()).Msg("a worker ignored its end and is killed; its tasks go back at the next start")
			w.signal(os.Kill)
		}
	}
}

// stop ends the workers cleanly.
func (l *launcher) stop() { l.end(exitDone) }

// end ends the workers and then run, with that code or a worse one.
func (l *launcher) end(code int) {
	l.code = max(l.code, code)
	l.ended = true
	l.restart.Stop()
	for _, w := range l.workers {
		l.endWorker(w)
	}
}

// maxStop is what a worker gets beyond the grace: for handlers that are slow to
// end, for recording what they did, and for leaving the database.
const maxStop = 15 * time.Second

func (l *launcher) killAll() {
	for _, w := range l.workers {
		w.signal(os.Kill)
	}
}
