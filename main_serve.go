package lgtask

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// untilSignal runs the processor until it ends, by itself or after a signal. On
// a second signal it returns and leaves the goroutine behind: the process exits.
func (m *program) untilSignal(ctx context.Context) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type end struct {
		code int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := serve(ctx, m.processor)
		ended <- end{code, err}
	}()
	for first := true; ; first = false {
		select {
		case e := <-ended:
			if running := new(ErrProcessorRunning); errors.As(e.err, &running) {
				return m.sayRunsAlready(running)
			}
			if e.err != nil {
				return m.fail(e.code, e.err)
			}
			m.log.Info().Msg("stopped")
			return e.code
		case s := <-m.signals:
			if !first {
				m.log.Warn().Stringer("signal", s).Msg("ending at once; running tasks stay claimed")
				return exitRun
			}
			m.log.Info().Stringer("signal", s).Msg("stopping; a second signal ends the program at once")
			stop()
		}
	}
}

// sayRunsAlready tells of a start whose names are all taken. Cron starts one every
// minute, so it is told only to somebody who looks on, and to a log for debugging.
// For a start that was to replace them it is a failure. The first process of a
// container was not started by cron.
func (m *program) sayRunsAlready(err error) int {
	if m.replace {
		return m.fail(exitRun, err)
	}
	if isTerminal(m.stderr) || os.Getpid() == 1 {
		fmt.Fprintf(m.stderr, "%s: %s\n", m.name, err)
	}
	m.log.Debug().Err(err).Msg("nothing to do")
	return exitDone
}

// serve runs the processor until ctx ends, or the processor for a reason of its
// own, and returns the exit code.
func serve(ctx context.Context, p *Processor) (int, error) {
	if err := p.Start(ctx); err != nil && ctx.Err() == nil {
		err = startError(err)
		if running := new(ErrProcessorRunning); errors.As(err, &running) {
			return exitDone, err
		}
		return exitUsage, err
	}
	select {
	case <-ctx.Done():
	case <-p.Done():
	}
	if err := p.Stop(context.WithoutCancel(ctx)); err != nil {
		return exitRun, err
	}
	return exitDone, nil
}
