package rows

import (
	"context"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/stats"
)

// enqueue measures CreateTask from a number of goroutines beside insertOne. The
// percentiles are those of a call.
func enqueue(ctx context.Context, e *Env, name string, goroutines, n int) (*report.Series, error) {
	series := report.NewSeries(name, "tasks/s", report.Params{"tasks": n, "goroutines": goroutines, "raw": "insertOne of encoded documents from as many goroutines"})
	for round := range e.Rounds {
		var bare, mine inserted
		err := e.round(round, name, alone(func() error {
			return e.on(ctx, 0, func(s *stage) error {
				docs, err := raw.Documents(0, n+warm(goroutines), nil)
				if err != nil {
					return err
				}
				bare, err = s.insert(ctx, n, goroutines, func(i int) error {
					_, err := s.tasks.InsertOne(ctx, docs[i])
					return err
				})
				return err
			})
		}), ours(func() error {
			return e.on(ctx, 0, func(s *stage) (err error) {
				mine, err = s.insert(ctx, n, goroutines, func(i int) error {
					_, err := lgtask.Create(ctx, s.conn, job.New(i))
					return err
				})
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(mine.rate, bare.rate, n)
		series.Sample(mine.calls...)
		series.Beside("raw_p50", stats.Percentile(bare.calls, 50))
	}
	return series, nil
}

// inserted is what inserting showed.
type inserted struct {
	rate  float64   // tasks a second
	calls []float64 // how long each took, ms
}

// warm is how many inserts open the connections to the server and do not count.
func warm(goroutines int) int { return 2 * goroutines }

// insert inserts n tasks from a number of goroutines, after those that do not
// count, and checks that all are there.
func (s *stage) insert(ctx context.Context, n, goroutines int, one func(i int) error) (in inserted, err error) {
	if _, err := raw.Spread(warm(goroutines), goroutines, func(i int) error { return one(n + i) }); err != nil {
		return in, err
	}
	began := time.Now()
	in.calls, err = raw.Spread(n, goroutines, one)
	in.rate = float64(n) / time.Since(began).Seconds()
	if err != nil {
		return in, err
	}
	return in, s.waiting(ctx, n+warm(goroutines))
}

// enqueueBulk measures the call for many tasks beside insertMany.
func enqueueBulk(ctx context.Context, e *Env) (*report.Series, error) {
	const name = "enqueue_bulk"
	n := e.Sizes.Bulk
	series := report.NewSeries(name, "tasks/s", report.Params{"tasks": n, "goroutines": 1, "call": bulkCall, "raw": "insertMany of 1,000 encoded documents from 1 goroutine"})
	for round := range e.Rounds {
		var bare, mine float64
		err := e.round(round, name, alone(func() error {
			return e.on(ctx, 0, func(s *stage) (err error) {
				docs, err := raw.Documents(0, n+raw.BulkSize, nil)
				if err != nil {
					return err
				}
				bare, err = s.insertBulk(ctx, n, func(first, n int) error {
					_, err := s.tasks.InsertMany(ctx, docs[first:first+n])
					return err
				})
				return err
			})
		}), ours(func() error {
			return e.on(ctx, 0, func(s *stage) (err error) {
				mine, err = s.insertBulk(ctx, n, func(first, n int) error { return createMany(ctx, s.conn, first, n) })
				return err
			})
		}))
		if err != nil {
			return nil, err
		}
		series.Add(mine, bare, n)
	}
	return series, nil
}

// insertBulk inserts n tasks by calls of raw.BulkSize, after one that does not
// count, and returns tasks a second.
func (s *stage) insertBulk(ctx context.Context, n int, bulk func(first, n int) error) (float64, error) {
	if err := bulk(n, raw.BulkSize); err != nil {
		return 0, err
	}
	began := time.Now()
	for first := 0; first < n; first += raw.BulkSize {
		if err := bulk(first, min(raw.BulkSize, n-first)); err != nil {
			return 0, err
		}
	}
	rate := float64(n) / time.Since(began).Seconds()
	return rate, s.waiting(ctx, n+raw.BulkSize)
}
