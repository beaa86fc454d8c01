package watcher

import (
	"context"
	"errors"
	"time"
)

// A server with nothing to tell answers after tasks.StreamWait; one empty answer
// at once is normal for a stream that was just opened. More of them in a row are
// the driver resuming a cursor that is lost again each time, and would go on
// without a pause.
const (
	atOnce     = 50 * time.Millisecond
	mostAtOnce = 3
)

var errRestless = errors.New("the server keeps ending the stream's cursor, or answers at once and with nothing")

// follow hands the stream's events to the sink until one of them, or the leash,
// fails.
func (w *Watcher) follow(ctx context.Context, l *leash, st Stream) error {
	began, settled, empty := time.Now(), false, 0
	for {
		if err := l.arm(); err != nil {
			return err
		}
		asked := time.Now()
		ev, ok, err := st.Next(l.ctx)
		if err := l.disarm(err); err != nil {
			return err
		}
		now := time.Now()
		if !settled && now.Sub(began) >= settleAfter {
			settled = true
			w.settled(began)
		}
		switch {
		case ok:
			empty = 0
			if err := w.opts.Sink.Handle(ctx, ev); err != nil {
				return err
			}
			w.counters.change(func(s *Stats) { s.Events++ })
		case now.Sub(asked) >= atOnce:
			empty = 0
		default:
			if empty++; empty > mostAtOnce {
				return errRestless
			}
		}
	}
}
