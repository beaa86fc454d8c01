package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lgtask/lgtask/bench/peers/peer"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

type producer struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

// newProducer makes River's tables if they are missing.
func newProducer(ctx context.Context, s peer.Setup) (peer.Producer, error) {
	pool, err := open(ctx, s)
	if err != nil {
		return nil, err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("make River's tables: %w", err)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), config(s))
	return &producer{pool: pool, client: client}, err
}

// Reset also forgets the leader, for whose lease the next one would wait.
func (p *producer) Reset(ctx context.Context) error {
	_, err := p.pool.Exec(ctx, "TRUNCATE river_job, river_leader, river_queue RESTART IDENTITY")
	return err
}

func (p *producer) Enqueue(ctx context.Context, t peer.Task) error {
	_, err := p.client.Insert(ctx, args{t}, nil)
	return err
}

// EnqueueBulk copies, which is the faster of River's two ways.
func (p *producer) EnqueueBulk(ctx context.Context, tasks []peer.Task) error {
	return p.many(ctx, tasks, func(int) *river.InsertOpts { return nil })
}

func (p *producer) EnqueueAt(ctx context.Context, tasks []peer.Task, at []time.Time) error {
	return p.many(ctx, tasks, func(i int) *river.InsertOpts { return &river.InsertOpts{ScheduledAt: at[i]} })
}

func (p *producer) many(ctx context.Context, tasks []peer.Task, opts func(int) *river.InsertOpts) error {
	params := make([]river.InsertManyParams, len(tasks))
	for i, t := range tasks {
		params[i] = river.InsertManyParams{Args: args{t}, InsertOpts: opts(i)}
	}
	_, err := p.client.InsertManyFast(ctx, params)
	return err
}
