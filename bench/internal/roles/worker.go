package roles

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/job"
)

// Started is a worker's answer to "start".
type Started struct{ Called, Returned time.Time }

// Counts is a worker's answer to "counts": how many tasks it asked for by claims,
// and how many it won.
type Counts struct{ Asked, Won int64 }

// worker runs lgtask processors. Its verbs: start, counts, usage, collect (all
// garbage, back to the system), pace (enqueue from this process, see Pace).
func worker(ctx context.Context, setup json.RawMessage) (*child.Actor, error) {
	b, err := open(ctx, setup)
	if err != nil {
		return nil, err
	}
	registry := lgtask.NewRegistry()
	if err := job.Register(registry, b.Classes...); err != nil {
		return nil, err
	}
	p, err := lgtask.NewProcessor(lgtask.Config{
		TaskDatabase: b.URI, TaskName: b.Name, Processors: b.Processors, LockDir: b.LockDir,
	}, registry, lgtask.WithConnection(b.conn),
		lgtask.WithLogger(zerolog.New(os.Stderr).Level(zerolog.WarnLevel).With().Timestamp().Str("process", b.Name).Logger()))
	if err != nil {
		return nil, err
	}
	return &child.Actor{
		Verbs: map[string]child.Verb{
			"start": child.Do(func(ctx context.Context, _ struct{}) (any, error) {
				s := Started{Called: time.Now()}
				err := p.Start(ctx)
				s.Returned = time.Now()
				return s, err
			}),
			"counts": child.Do(func(context.Context, struct{}) (any, error) {
				s := p.Stats().Dispatcher
				return Counts{s.Asked, s.Won}, nil
			}),
			"usage": child.Do(func(context.Context, struct{}) (any, error) { return usage() }),
			"collect": child.Do(func(context.Context, struct{}) (any, error) {
				debug.FreeOSMemory()
				return nil, nil
			}),
			"pace": child.Do(b.pace),
		},
		End: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			return errors.Join(p.Stop(ctx), b.end())
		},
	}, nil
}
