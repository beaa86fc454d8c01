package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/lgtask/lgtask/bench/peers/peer"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

type worker struct {
	setup  peer.Setup
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

func newWorker(ctx context.Context, s peer.Setup) (peer.Worker, error) {
	pool, err := open(ctx, s)
	return &worker{setup: s, pool: pool}, err
}

func (w *worker) Start(ctx context.Context, handle func(seq int)) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, j *river.Job[args]) error {
		handle(j.Args.Seq)
		return nil
	}))
	cfg := config(w.setup)
	cfg.Workers = workers
	cfg.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: w.setup.Workers}}
	client, err := river.NewClient(riverpgxv5.New(w.pool), cfg)
	if err != nil {
		return err
	}
	w.client = client
	return client.Start(ctx)
}

func (w *worker) Unfinished(ctx context.Context) (n int, err error) {
	err = w.pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&n)
	return n, err
}

func (w *worker) Stop(ctx context.Context) error {
	if w.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return w.client.Stop(ctx)
}
