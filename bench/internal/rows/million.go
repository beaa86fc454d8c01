package rows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/job"
	"github.com/lgtask/lgtask/bench/internal/raw"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/tasks"
)

// window is how many upcoming tasks the raw side reads.
const window = 10_000

// million starts a process while very many tasks wait for a later time, and
// measures how long Start takes and what the process then has in memory. In each
// round one more task is created, which has to run; none of the others may.
func million(ctx context.Context, e *Env, want func(string) bool) ([]report.Metric, error) {
	n := e.Sizes.Million
	p := func(raw string) report.Params {
		return report.Params{"waiting": n, "processes": 1, "processors": few, "raw": raw}
	}
	ready := report.NewSeries("timers_million_ready", "ms", p(fmt.Sprintf("opening a change stream, and one find of the next %d tasks", window)))
	rss := report.NewSeries("timers_million_rss", "MB", p("the process, connected, before Start"))
	err := e.on(ctx, e.Rounds, func(s *stage) error {
		e.Log("timers_million: inserting %d tasks", n)
		if err := s.insertLater(ctx, n); err != nil {
			return err
		}
		for round := range e.Rounds {
			e.Log("timers_million, round %d of %d", round+1, e.Rounds)
			if err := s.millionRound(ctx, round, ready, rss); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
		if err := s.startedOnce(e.Rounds); err != nil {
			return err
		}
		return s.states(ctx, map[tasks.State]int{tasks.Request: n, tasks.Success: e.Rounds})
	})
	if err != nil {
		return nil, err
	}
	var found []report.Metric
	for _, s := range []*report.Series{ready, rss} {
		if want(s.Name) {
			found = append(found, s.Metric())
		}
	}
	return found, nil
}

// insertLater inserts n tasks that are due over 30 days, from an hour on. Their
// numbers have no slot on the board.
func (s *stage) insertLater(ctx context.Context, n int) error {
	first, step := time.Now().Add(time.Hour), 30*24*time.Hour/time.Duration(n)
	due := func(i int) time.Time { return first.Add(time.Duration(i) * step).Truncate(time.Millisecond) }
	slices := (n + raw.BulkSize - 1) / raw.BulkSize
	_, err := raw.Spread(slices, 2, func(k int) error {
		from := k * raw.BulkSize
		return raw.Bulk(ctx, s.tasks, s.board.Len()+from, min(raw.BulkSize, n-from), due)
	})
	return err
}

func (s *stage) millionRound(ctx context.Context, round int, ready, rss *report.Series) error {
	alone, err := s.loadRaw(ctx)
	if err != nil {
		return err
	}
	f, err := s.workers(ctx, 1, few, job.NoopClass)
	if err != nil {
		return err
	}
	before, err := f.usage(ctx)
	if err != nil {
		return err
	}
	called, _, returned, err := f.start(ctx)
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	after, err := f.usage(ctx)
	if err != nil {
		return err
	}
	if after.Resident == 0 {
		return errors.New("this system does not tell how much memory a process has")
	}
	ready.Add(ms(returned.Sub(called)), ms(alone), 1)
	rss.Add(mb(after), mb(before), 1)
	return errors.Join(s.collected(ctx, f, rss), s.oneMore(ctx, round), s.dismiss(f))
}

// collected measures the memory once more when all garbage has been given back.
func (s *stage) collected(ctx context.Context, f fleet, rss *report.Series) error {
	if err := f[0].Call(ctx, "collect", nil, nil); err != nil {
		return err
	}
	u, err := f.usage(ctx)
	rss.Beside("after_collection", mb(u))
	return err
}

// oneMore creates a task that is due at once and waits for its end.
func (s *stage) oneMore(ctx context.Context, number int) error {
	if _, err := lgtask.Create(ctx, s.conn, job.New(number)); err != nil {
		return err
	}
	if err := s.started(ctx, number+1); err != nil {
		return err
	}
	return s.finished(ctx)
}

// loadRaw opens a stream and reads the next tasks, as a start at least must.
func (s *stage) loadRaw(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	cs, err := s.tasks.Watch(ctx, mongo.Pipeline{})
	if err != nil {
		return 0, err
	}
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "state", Value: tasks.Request}, {Key: "tsRequest", Value: bson.D{{Key: "$gt", Value: began}}}},
		options.Find().SetSort(bson.D{{Key: "tsRequest", Value: 1}}).SetLimit(window).SetBatchSize(window).
			SetProjection(bson.D{{Key: "taskClass", Value: 1}, {Key: "tsRequest", Value: 1}}))
	if err != nil {
		return 0, errors.Join(err, cs.Close(ctx))
	}
	var docs []bson.Raw
	err = cur.All(ctx, &docs)
	took := time.Since(began)
	if err == nil && len(docs) != min(window, s.e.Sizes.Million) {
		err = fmt.Errorf("%d tasks are waiting for a later time", len(docs))
	}
	return took, errors.Join(err, cs.Close(ctx))
}

func mb(u roles.Usage) float64 { return float64(u.Resident) / (1 << 20) }
