package lgtask

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/tasks"
)

// Rules of liveness.
const (
	beatEvery = 5 * time.Second  // a process says so often that it is alive
	silence   = 25 * time.Second // without a beat for so long it counts itself dead,
	lease     = 30 * time.Second // and then others do
	lookEvery = 5 * time.Second  // between two looks at the others
	surely    = 2 * beatEvery    // one that beat so recently is alive
	dying     = time.Second      // for the system to end a process that was killed
)

// table is tasks.Store as a membership needs it. The simulation has another.
type table interface {
	Join(context.Context, tasks.Process) error
	Beat(ctx context.Context, epoch string, names []string) (bool, error)
	Leave(ctx context.Context, epoch string) error
	TakeName(ctx context.Context, name, epoch string) (free bool, holder tasks.Process, err error)
	TakeNames(ctx context.Context, names []string, epoch string) ([]string, error)
	DropName(ctx context.Context, name, epoch string) error
	Processes(context.Context) ([]tasks.Process, error)
	Bury(context.Context, tasks.Process) (bool, error)
}

// membership is a process's entry in the database, with the names it holds.
type membership struct {
	store table
	me    tasks.Process
	self  hostid.Process
	log   zerolog.Logger
	gone  func(tasks.Process) bool   // whether it certainly does not run any more
	alone func(context.Context) bool // whether a primary answers, for words about one that has no majority; may be nil
	beats func()                     // called with each beat, whether the database takes it or not; may be nil

	// When others may take this process for dead, and when they do no more, under
	// which epoch. May be nil.
	fence   func()
	unfence func(epoch string)

	every, look, silence, lease time.Duration // as above, unless a test has no time

	pending []string // names to take again; of run
	beating trouble
	ailment atomic.Pointer[string] // see ails

	turns sync.Mutex // for fence and unfence, which come in the order of what they tell

	mu     sync.Mutex
	names  []string
	fenced bool // changes with turns held too
}

// newMembership describes a process under a new epoch.
func newMembership(store table, self hostid.Process, classes []string, log zerolog.Logger) *membership {
	m := &membership{store: store, self: self, log: log, every: beatEvery, look: lookEvery, silence: silence, lease: lease,
		beating: trouble{log: log, what: "say in the database that this process is alive"}, me: tasks.Process{
			Epoch: bson.NewObjectID().Hex(), Host: self.Host, Boot: self.Boot, Space: self.Space, PID: self.PID, Start: self.Start,
			Version: buildVersion(), Classes: classes, Names: []string{},
		}}
	m.gone = func(p tasks.Process) bool { return identity(p).Gone(m.self) }
	return m
}

// enter announces the process, gives back what gone ones of its host left, and takes
// names. refused is called for each that another process has. It returns
// *ErrProcessorRunning if it asks for names and gets none.
func (m *membership) enter(ctx context.Context, names []string, refused func(*ErrProcessorRunning)) error {
	if err := m.join(ctx); err != nil {
		return err
	}
	if err := m.buryGone(ctx); err != nil {
		return err
	}
	names, err := m.takeFree(ctx, names)
	if err != nil {
		return err
	}
	var taken *ErrProcessorRunning
	for _, name := range names {
		var running *ErrProcessorRunning
		switch err := m.take(ctx, name); {
		case err == nil:
		case !errors.As(err, &running):
			return err
		default:
			refused(running)
			if taken != nil {
				running.Others = taken.Others + 1
			}
			taken = running
		}
	}
	if taken != nil && len(m.held()) == 0 {
		return taken
	}
	return m.join(ctx) // with the names
}

// join announces the process.
func (m *membership) join(ctx context.Context) error {
	m.mu.Lock()
	me := m.me
	me.Names = append([]string{}, m.names...)
	m.mu.Unlock()
	return m.store.Join(ctx, me)
}

// buryGone gives back the tasks of processes of this host that are gone, whatever
// their names were: with another COUNT nobody might ask for these again.
func (m *membership) buryGone(ctx context.Context) error {
	ps, err := m.store.Processes(ctx)
	if err != nil {
		return err
	}
	for _, p := range ps {
		if !p.Dead && !m.gone(p) {
			continue
		}
		gone, err := m.store.Bury(ctx, p)
		if err != nil {
			return err
		}
		if gone {
			m.log.Warn().Strs("processors", p.Names).Int("pid", p.PID).Msg("a process of this host was killed; its tasks go back")
		}
	}
	return nil
}

// epoch returns that under which this process claims. It is another after the
// process was taken for dead.
func (m *membership) epoch() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.me.Epoch
}

// held returns the names that this process has.
func (m *membership) held() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.names...)
}

// takeFree makes this process's own which of the names nobody has, and returns the
// others.
func (m *membership) takeFree(ctx context.Context, names []string) (rest []string, err error) {
	taken, err := m.store.TakeNames(ctx, names, m.epoch())
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.names = append(m.names, taken...)
	m.mu.Unlock()
	ours := map[string]bool{}
	for _, name := range taken {
		ours[name] = true
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return ours[n] }), nil
}

// take makes a name this process's own. The holder of a taken name is told from
// a dead one: at once if it was a process of this host that is gone, or if it
// beat a moment ago, else by watching it for at most a lease. It returns
// *ErrProcessorRunning if the holder lives.
func (m *membership) take(ctx context.Context, name string) error {
	var first tasks.Process
	var since time.Time
	for {
		free, holder, err := m.store.TakeName(ctx, name, m.epoch())
		switch {
		case err != nil:
			return err
		case free:
			m.mu.Lock()
			m.names = append(m.names, name)
			m.mu.Unlock()
			return nil
		}
		if holder.Epoch != first.Epoch {
			first, since = holder, time.Now()
		}
		silent := beatOf(holder) == beatOf(first) && time.Since(since) >= m.lease
		switch {
		case holder.Epoch == "":
			continue // somebody else took it just now; look who
		case holder.Dead || m.gone(holder) || silent:
			gone, err := m.store.Bury(ctx, holder)
			if err != nil {
				return err
			}
			if gone {
				m.log.Warn().Str("processor", name).Str("host", holder.Host).Int("pid", holder.PID).Msg("the process that had this name is dead; its tasks go back")
			}
		case m.sameHost(holder) && time.Since(since) < dying:
			// We have its lock: it may be about to end, and not look so yet.
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		case beatOf(holder) != beatOf(first) || holder.Age < surely:
			return &ErrProcessorRunning{Name: name, Host: holder.Host, Twin: m.twin(holder), PID: holder.PID, Since: holder.Since}
		default:
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
		}
	}
}

func (m *membership) sameHost(p tasks.Process) bool {
	return p.Host == m.self.Host && p.Boot == m.self.Boot && p.Space == m.self.Space
}

// twin reports whether p runs on something else that has this host's name.
func (m *membership) twin(p tasks.Process) bool { return p.Host == m.self.Host && !m.sameHost(p) }

func identity(p tasks.Process) hostid.Process {
	return hostid.Process{Host: p.Host, Boot: p.Boot, Space: p.Space, PID: p.PID, Start: p.Start}
}

// pause waits, or returns the cause of ctx's end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// drop sets a name free.
func (m *membership) drop(ctx context.Context, name string) error {
	m.mu.Lock()
	m.names = slices.DeleteFunc(m.names, func(n string) bool { return n == name })
	m.mu.Unlock()
	return m.store.DropName(ctx, name, m.epoch())
}

// leave removes the process and its names.
func (m *membership) leave(ctx context.Context) error { return m.store.Leave(ctx, m.epoch()) }
