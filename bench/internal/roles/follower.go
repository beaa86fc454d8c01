package roles

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/raw"
)

// follower takes tasks as raw.Follower does, from the moment it is ready. Its
// verb: usage.
func follower(ctx context.Context, setup json.RawMessage) (*child.Actor, error) {
	b, err := open(ctx, setup)
	if err != nil {
		return nil, err
	}
	f, err := raw.Follow(ctx, raw.Tasks(b.conn.Database()), b.board)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return &child.Actor{
		Verbs: map[string]child.Verb{
			"usage": child.Do(func(context.Context, struct{}) (any, error) { return usage() }),
		},
		End: func() error {
			cancel()
			return errors.Join(<-done, b.end())
		},
	}, nil
}
