package lgtask

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/sourcegraph/conc"

	"github.com/lgtask/lgtask/internal/executable"
)

// worker runs the processors of a launcher; see main_control.go.
type worker struct {
	*program
	in   *os.File
	out  *controlWriter
	wg   conc.WaitGroup // what serves orders; Wait before the end
	once sync.Once
}

// work is the main function of a worker. The configuration, with its secrets,
// comes through the pipe, and so do the names.
func (m *program) work(ctx context.Context) int {
	keepInherited()
	if err := executable.BecomeSubreaper(); err != nil {
		return m.fail(exitRun, err)
	}
	w := &worker{program: m, in: os.NewFile(controlIn, "orders"), out: &controlWriter{out: os.NewFile(controlOut, "reports")}}
	if version := os.Getenv(controlEnv); version != controlNow {
		return m.fail(exitUsage, fmt.Errorf("the launcher speaks version %q of the control protocol, this program %s: build both with the same lgtask", version, controlNow))
	}
	orders := make(chan order)
	go w.read(orders)
	first, ok := <-orders
	if !ok {
		return exitRun // the launcher is gone
	}
	cfg, err := configFromValues(first.Config)
	if err != nil {
		return w.failed(exitUsage, err)
	}
	log, closeLog, err := openLog(cfg, m.stderr)
	if err != nil {
		return w.failed(exitUsage, err)
	}
	defer closeLog()
	m.log = log
	if first.Bare {
		m.registry = NewRegistry()
	}
	if err := m.addExecutables(cfg); err != nil {
		return w.failed(exitUsage, err)
	}
	if m.processor, err = NewProcessor(cfg, m.registry, WithLogger(log)); err != nil {
		return w.failed(exitUsage, err)
	}
	m.processor.o.showTasks = first.Show
	m.processor.handed, m.processor.quit = true, returnIn
	m.processor.onBeat = func() { w.tell(report{Alive: true}) }
	return w.serve(ctx, orders)
}

// read passes orders on until the launcher is gone, then closes the channel.
func (w *worker) read(orders chan<- order) {
	defer close(orders)
	if err := receiveControl(w.in, func(o order) { orders <- o }); err != nil {
		w.log.Error().Err(err).Msg("reading orders")
	}
}

// tell reports. A launcher that is gone has closed the orders, which ends us.
func (w *worker) tell(r report) { _ = w.out.send(r) }

// failed reports why the worker ends.
func (w *worker) failed(code int, err error) int {
	w.tell(report{Failed: true, Code: code, Text: oneLine(err)})
	return code
}

// serve runs the processor until the launcher or a signal ends it, or it ends by
// itself. On a second signal it returns at once.
func (w *worker) serve(ctx context.Context, orders <-chan order) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan int, 1)
	ready := make(chan struct{})
	go func() { ended <- w.process(ctx, ready) }()
	var started <-chan struct{} = ready
	var waiting []order // until the processor has started
	signals := 0
	for {
		select {
		case code := <-ended:
			w.wg.Wait()
			return code
		case <-started:
			started = nil
			for _, o := range waiting {
				w.obey(ctx, o)
			}
		case o, ok := <-orders:
			switch {
			case !ok:
				orders = nil
				stop()
			case started != nil:
				waiting = append(waiting, o)
			default:
				w.obey(ctx, o)
			}
		case s := <-w.signals:
			if signals++; signals > 1 {
				w.log.Warn().Stringer("signal", s).Msg("ending at once; running tasks stay claimed")
				return exitRun
			}
			stop()
		}
	}
}

// process starts the processor, reports that, and waits for its end.
func (w *worker) process(ctx context.Context, ready chan<- struct{}) int {
	p := w.processor
	if err := p.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return exitDone
		}
		return w.failed(exitUsage, startError(err))
	}
	w.tell(report{Ready: true, Classes: p.cfg.Classes})
	close(ready)
	select {
	case <-ctx.Done():
	case <-p.Done():
	}
	if err := p.Stop(context.WithoutCancel(ctx)); err != nil {
		return w.failed(exitRun, err)
	}
	return exitDone
}

// obey carries out an order. Taking a name may last as long as a lease.
func (w *worker) obey(ctx context.Context, o order) {
	if o.Take != "" {
		w.wg.Go(func() { w.take(ctx, o.Take) })
	}
	if o.Retire {
		w.once.Do(func() {
			names := w.processor.retire()
			w.wg.Go(func() { w.release(ctx, names) })
		})
	}
}

func (w *worker) take(ctx context.Context, name string) {
	err := w.processor.takeName(ctx, name)
	var running *ErrProcessorRunning
	switch {
	case err == nil:
		w.tell(report{Taken: name})
	case errors.As(err, &running):
		w.tell(report{Held: name, Text: oneLine(err)})
	case ctx.Err() == nil:
		w.tell(report{Free: name, Text: oneLine(err)})
	}
}

// release reports names as they become free.
func (w *worker) release(ctx context.Context, names <-chan string) {
	for {
		select {
		case name := <-names:
			if err := w.processor.dropName(ctx, name); err != nil && ctx.Err() == nil {
				// The next worker finds this process gone, or waits for that.
				w.log.Warn().Err(err).Str("processor", name).Msg("a name could not be set free in the database")
			}
			w.tell(report{Free: name})
		case <-ctx.Done():
			return
		}
	}
}
