package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lgtask/lgtask/bench/peers/peer"
	"github.com/riverqueue/river"
)

// connections is the size of a tuned pool: 32 callers and River's own.
const connections = 40

func open(ctx context.Context, s peer.Setup) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(s.Address)
	if err != nil {
		return nil, err
	}
	if s.Tuned {
		cfg.MaxConns = connections
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return pool, pool.Ping(ctx)
}

// config holds what all clients share: standard output is the benchmark's.
func config(s peer.Setup) *river.Config {
	cfg := &river.Config{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if s.Tuned {
		cfg.FetchCooldown = river.FetchCooldownMin
		cfg.FetchPollInterval = river.FetchPollIntervalMin
	}
	return cfg
}

// args makes a task an argument of River's.
type args struct{ peer.Task }

func (args) Kind() string { return "noop" }
