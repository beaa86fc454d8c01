package lgtask

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/lgtask/lgtask/internal/namelock"
)

// Builder makes programs of task folders that hold Go files; see MainOptions.
type Builder interface {
	// Build returns the path of a program that runs the folder's classes by
	// lgtask.Main. If the folder cannot be built it returns an error with the
	// reason, and, if an earlier state of the folder could, its program.
	Build(ctx context.Context) (program string, err error)
	// Changed reports whether a file that the last Build used has changed.
	Changed() bool
}

// launcher keeps one worker running for the present state of the task folder,
// gives it the names, and replaces it when the folder changes: the new worker
// gets a name when the old one has ended that name's task. Its fields belong to
// the goroutine of run.
type launcher struct {
	*program
	cfg     Config
	folder  *folderWatch
	locks   []*namelock.Lock
	owner   map[string]*workerProcess // of each locked name; nil: nobody yet
	events  chan launcherEvent
	workers []*workerProcess
	current *workerProcess // the newest that is ready
	coming  *workerProcess // started, not ready yet

	ever    bool          // a worker has been ready
	pause   time.Duration // before the next start after a worker that failed
	restart *time.Timer
	code    int
	ended   bool // no worker is to be started any more
}

// launcherEvent is what happened: a report of a worker, its exit, or a program
// for the folder's new state.
type launcherEvent struct {
	worker *workerProcess
	report *report
	built  *built
}

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 15 * time.Second
	steady     = 30 * time.Second // a worker that ran so long has not failed at its start
)

func newLauncher(m *program, cfg Config, locks []*namelock.Lock) (*launcher, error) {
	folder, err := newFolderWatch(cfg.TaskDir, m.o.Builder)
	if err != nil {
		return nil, err
	}
	l := &launcher{program: m, cfg: cfg, folder: folder, locks: locks, owner: map[string]*workerProcess{},
		events: make(chan launcherEvent), pause: firstPause, restart: time.NewTimer(time.Hour)}
	l.restart.Stop()
	if n := len(folder.folder.GoFiles); n > 0 && m.o.Builder == nil && builtFrom == "" {
		m.log.Warn().Str("taskDir", cfg.TaskDir).Int("files", n).Msg("the Go files of the task folder are not run by this program: lgtaskprocessor runs them")
	}
	return l, nil
}

// run returns the exit code when a signal, or the end of ctx, has ended the
// workers, when no name is left, or when the first worker cannot start.
func (l *launcher) run(ctx context.Context) int {
	building, stopBuilding := context.WithCancel(ctx)
	defer stopBuilding()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	l.folder.build(building, l.events)
	for !l.ended || len(l.workers) > 0 {
		select {
		case <-ctx.Done():
			ctx = context.WithoutCancel(ctx)
			l.stop()
		case s := <-l.signals:
			if l.ended {
				l.log.Warn().Stringer("signal", s).Msg("ending at once; running tasks stay claimed")
				l.killAll()
				return exitRun
			}
			l.log.Info().Stringer("signal", s).Msg("stopping; a second signal ends the program at once")
			l.stop()
		case <-look.C:
			l.folder.look(building, l.events, l.log)
			l.overdue()
		case <-l.restart.C:
			l.spawn()
		case e := <-l.events:
			l.handle(e)
		}
	}
	stopBuilding()
	l.folder.wait(l.events)
	l.log.Info().Msg("stopped")
	return l.code
}

func (l *launcher) handle(e launcherEvent) {
	switch {
	case e.built != nil:
		l.haveBuilt(e.built)
	case e.report != nil:
		l.haveReport(e.worker, *e.report)
	default:
		l.haveExit(e.worker)
	}
}

// haveBuilt starts a worker of the folder's new state. If it cannot be built the
// last good one goes on, or starts.
func (l *launcher) haveBuilt(b *built) {
	l.folder.done(b)
	if b.err != nil {
		l.log.Error().Str("error", oneLine(b.err)).Msg("the task folder cannot be built")
		if b.program == "" && !l.ever && !l.o.Patient {
			l.end(l.fail(exitUsage, b.err))
			return
		}
	}
	if b.program == "" || l.ended {
		return
	}
	if l.folder.same(b) || b.err != nil && b.own && !l.folder.own && l.current != nil {
		return // a worker would do the same, or less than the present one
	}
	if l.coming != nil {
		l.coming.signal(os.Interrupt) // it never had a name
	}
	l.folder.use(b)
	l.spawn()
}

// spawn starts a worker.
func (l *launcher) spawn() {
	if l.ended || !l.folder.usable() {
		return
	}
	w, err := startWorker(l.folder.program, l.locks, l.events)
	if err != nil {
		l.log.Error().Err(err).Msg("a worker cannot be started")
		l.again()
		return
	}
	w.runs = l.folder.state
	l.workers = append(l.workers, w)
	l.coming = w
	w.send(order{Config: l.cfg.values(), Bare: l.o.Builder != nil && l.folder.own, Show: l.o.ShowTasks})
}

// again starts a worker later, the next time later still.
func (l *launcher) again() {
	l.restart.Reset(l.pause)
	l.pause = min(2*l.pause, maxPause)
}

func (l *launcher) haveReport(w *workerProcess, r report) {
	switch {
	case r.Ready:
		l.ready(w, r.Classes)
	case r.Taken != "":
		l.log.Info().Str("processor", r.Taken).Int("pid", w.pid()).Msg("a processor runs")
	case r.Held != "":
		l.lose(r.Held, r.Text)
	case r.Free != "":
		if l.owner[r.Free] == w {
			l.owner[r.Free] = nil
		}
		if r.Text != "" {
			l.log.Warn().Str("processor", r.Free).Str("error", r.Text).Msg("a name could not be taken; trying again")
			break // overdue gives it again
		}
		l.give()
		l.dismiss()
	case r.Failed:
		w.failure, w.code = r.Text, r.Code
	case r.Alive && w == l.current:
		for _, lock := range l.locks {
			if err := lock.Beat(); err != nil {
				l.log.Debug().Err(err).Str("processor", lock.Name).Msg("the lock of a name cannot be touched")
			}
		}
	}
}

// ready makes a worker the one that gets the names.
func (l *launcher) ready(w *workerProcess, classes []string) {
	if w != l.coming || l.ended {
		return // a newer state of the folder came meanwhile
	}
	l.current, l.coming, l.ever = w, nil, true
	w.readyAt = time.Now()
	l.log.Info().Int("pid", w.pid()).Strs("classes", classes).Msg("a worker is ready")
	for _, other := range l.workers {
		if other != w {
			other.send(order{Retire: true})
		}
	}
	l.give()
	l.dismiss()
}

// give gives the names that nobody has to the present worker.
func (l *launcher) give() {
	if l.current == nil || l.ended {
		return
	}
	for _, lock := range l.locks {
		if l.owner[lock.Name] == nil {
			l.owner[lock.Name] = l.current
			l.current.send(order{Take: lock.Name})
		}
	}
}

// lose lets go of a name that a process elsewhere has.
func (l *launcher) lose(name, text string) {
	l.log.Debug().Str("processor", name).Msg(text)
	l.locks = slices.DeleteFunc(l.locks, func(lock *namelock.Lock) bool {
		if lock.Name != name {
			return false
		}
		if err := lock.Drop(); err != nil {
			l.log.Warn().Err(err).Str("processor", name).Msg("the lock of a name that is another host's cannot be let go before the worker ends")
		}
		return true
	})
	delete(l.owner, name)
	if len(l.locks) == 0 {
		l.end(l.sayRunsAlready(errors.New(text)))
	}
}
