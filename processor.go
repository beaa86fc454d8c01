package lgtask

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/namelock"
	"github.com/lgtask/lgtask/watcher"
	"github.com/rs/zerolog"
)

// Processor runs the tasks of its classes: Config.Processors of them at a time,
// one for each of its names. It is used once: Start, then Stop or Drain.
type Processor struct {
	cfg      Config
	registry *Registry
	o        processorOptions
	handed   bool          // names and their locks come from a launcher
	onBeat   func()        // called with each sign of life, if handed
	quit     time.Duration // see dispatcher.Options
	stopping chan struct{}

	mu     sync.Mutex
	names  []string // asked for; from Start on, those it got
	engine *engine
	conn   *Connection
	locks  []*namelock.Lock
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned; err is set then
	err    error
	once   sync.Once
}

// ProcessorOption is an option of NewProcessor.
type ProcessorOption func(*processorOptions)

type processorOptions struct {
	log        zerolog.Logger
	conn       *Connection
	connOpts   []ConnOption
	sweepEvery time.Duration
	showTasks  bool
	member     func(*membership) // for tests
	patience   time.Duration     // see dispatcher.Options; for tests
}

// WithLogger sets the logger. Default: none.
func WithLogger(l zerolog.Logger) ProcessorOption { return func(o *processorOptions) { o.log = l } }

// WithConnection makes the processor use a connection of the caller's instead of
// opening one to Config.TaskDatabase. It stays open after Stop.
func WithConnection(c *Connection) ProcessorOption { return func(o *processorOptions) { o.conn = c } }

// WithConnOptions adds options for the connection that the processor opens.
func WithConnOptions(opts ...ConnOption) ProcessorOption {
	return func(o *processorOptions) { o.connOpts = append(o.connOpts, opts...) }
}

// WithSafetySweep sets how often the collection is looked at for tasks that the
// stream and the wheel missed: every d to 1.5 d. Default 20 s. It finds nothing
// in normal operation; see Processor.Stats.
func WithSafetySweep(d time.Duration) ProcessorOption {
	return func(o *processorOptions) { o.sweepEvery = d }
}

// NewProcessor makes a processor; Start runs it. cfg comes from LoadConfig or
// ConfigFromEnv, or is a literal. It returns *ConfigError for settings that
// cannot be used, among them classes that are not registered.
func NewProcessor(cfg Config, r *Registry, opts ...ProcessorOption) (*Processor, error) {
	o := processorOptions{log: zerolog.Nop(), sweepEvery: 20 * time.Second}
	for _, f := range opts {
		f(&o)
	}
	cfg, err := cfg.WithDefaults()
	if err != nil {
		return nil, err
	}
	except := ""
	if o.conn != nil {
		except = "taskDatabase" // not used
	}
	if err := cfg.validate(except); err != nil {
		return nil, err
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	registered := r.Classes()
	if len(cfg.Classes) == 0 {
		cfg.Classes = registered
	}
	for _, c := range cfg.Classes {
		if !slices.Contains(registered, c) {
			return nil, &ConfigError{Key: "classes", Value: c, Problem: "is not registered in this program",
				Remedy: "register it, or name one of: " + strings.Join(registered, ", ")}
		}
	}
	return &Processor{
		cfg: cfg, registry: r, o: o, names: ProcessorNames(cfg.TaskName, cfg.Processors),
		stopping: make(chan struct{}), done: make(chan struct{}),
	}, nil
}

// Names returns the names of the processors: "hostname-index" from 1, or the
// base name alone if there is only one. After Start they are those that were
// free.
func (p *Processor) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.names)
}

// Connection returns the processor's connection, nil before Start. It is closed
// when the processor has ended, unless it was given by WithConnection.
func (p *Processor) Connection() *Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn
}

// Start connects, and returns once the processor listens: what is enqueued from
// then on is taken without delay. It returns ErrUnreachable within 5 s if MongoDB
// cannot be used; once started, a processor never ends for MongoDB's sake. ctx
// bounds the start only.
//
// Only the names that no other process has are started. A name whose holder was
// killed on this host is free at once, with the tasks it left; that of a holder
// on another host that went silent, after 30 s of watching it.
//
// Errors: *ErrProcessorRunning if no name is free; ErrUnreachable; ErrStarted;
// *tasks.ForeignError.
func (p *Processor) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engine != nil {
		return ErrStarted
	}
	member, err := p.enter(ctx)
	if err != nil {
		return err
	}
	p.names = member.held()
	h := newHandler(p.conn, p.registry, p.cfg.Classes, p.stopping, p.o.log)
	h.show, h.attempts = p.o.showTasks, p.cfg.MaxAttempts
	p.engine = newEngine(p.conn, h, member, dispatcher.Options{Grace: p.cfg.Grace, Quit: p.quit, Patience: p.o.patience, Replace: p.cfg.OnStuck == "replace"}, p.o.sweepEvery, p.o.log)
	p.engine.exitOnStuck = p.cfg.OnStuck == "exit"
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	p.conn.local.Store(p.engine)
	go p.run(runCtx)
	select {
	case <-p.engine.watcher.Listening():
		if !p.handed { // else the launcher says it of each name
			p.o.log.Info().Strs("processors", p.names).Strs("classes", p.cfg.Classes).Msg("processors are ready")
		}
		return nil
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.begin()
		<-p.done
		return context.Cause(ctx)
	}
}

func (p *Processor) connect(ctx context.Context) (*Connection, error) {
	if p.o.conn != nil {
		if err := checkServer(ctx, p.o.conn.Database().Client()); err != nil {
			return nil, err
		}
		return p.o.conn, p.o.conn.prepare(ctx)
	}
	opts := []ConnOption{WithPrefix(p.cfg.Prefix), WithRetention(p.cfg.Retention), WithMongoHosts(p.cfg.MongoHosts...)}
	return Connect(ctx, p.cfg.TaskDatabase, append(opts, p.o.connOpts...)...)
}

// run is the processor's goroutine.
func (p *Processor) run(ctx context.Context) {
	err := p.engine.run(ctx)
	p.conn.local.CompareAndSwap(p.engine, nil)
	var stuck *dispatcher.StuckError
	if errors.As(err, &stuck) {
		// Its tasks are still claimed: the entry tells whose they are, and the
		// locks that a handler still runs.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		p.closeConnection(closing)
	} else {
		p.exit(ctx, p.engine.member)
	}
	p.err = err
	close(p.done)
}

// begin starts the stop; it may be called again.
func (p *Processor) begin() {
	p.once.Do(func() { close(p.stopping) })
	p.cancel()
}

// Stop ends the processor: it takes no more tasks, gives running ones the grace
// to end, cancels their contexts then and gives back what did not succeed,
// without spending an attempt. It returns when that is done, or with ctx's error
// when ctx ends, while the stop goes on. It returns *dispatcher.StuckError if a
// handler ignored the end of its context. Calling it again, or before Start, is
// harmless.
func (p *Processor) Stop(ctx context.Context) error {
	p.mu.Lock()
	started := p.engine != nil
	p.mu.Unlock()
	if !started {
		return nil
	}
	p.begin()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Done is closed when the processor has ended.
func (p *Processor) Done() <-chan struct{} { return p.done }

// ProcessorStats are counters since the start.
type ProcessorStats struct {
	Dispatcher dispatcher.Stats
	Watcher    watcher.Stats
	Listening  ListeningStats
	// Missed counts tasks that neither the stream nor the wheel brought, only a
	// safety sweep. It stays 0 in normal operation.
	Missed int64
	// Trouble says in one line why the process cannot say in the database that it is
	// alive, such as a replica set without a majority: while it lasts no new work is
	// done. "" if the last sign of life, at most 10 s ago, got through.
	Trouble string
}

// Stats returns the counters; all are zero before Start.
func (p *Processor) Stats() ProcessorStats {
	p.mu.Lock()
	e := p.engine
	p.mu.Unlock()
	if e == nil {
		return ProcessorStats{}
	}
	return ProcessorStats{Dispatcher: e.dispatcher.Stats(), Watcher: e.watcher.Stats(), Listening: e.listener.Stats(), Missed: e.found.Load(), Trouble: e.member.trouble()}
}
