package rows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
)

// allStarted waits until each of the first n tasks has started, however often.
func (s *stage) allStarted(ctx context.Context, n int) error {
	next := 0 // all before it have
	return s.wait(ctx, func(context.Context) (bool, int64, error) {
		for next < n && s.board.Starts(next) > 0 {
			next++
		}
		return next == n, s.board.Total(), nil
	}, func(int64) string { return fmt.Sprintf("task %d of %d has not started", next, n) })
}

// noneDue waits until no task is due that waits. Tasks that a killed process had
// wait again.
func (s *stage) noneDue(ctx context.Context) error {
	id := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})
	return s.wait(ctx, func(ctx context.Context) (bool, int64, error) {
		err := s.tasks.FindOne(ctx, bson.D{{Key: "state", Value: tasks.Request}, {Key: "tsRequest", Value: bson.D{{Key: "$lte", Value: time.Now()}}}}, id).Err()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return true, 0, nil
		}
		return false, s.board.Total(), err
	}, func(have int64) string { return fmt.Sprintf("tasks are due and do not start; %d have", have) })
}

// startedOnceButForCrash checks that each of the first n tasks has started once,
// but that one which a killed process had may have started twice. It returns how
// many that process had, and how many of them started twice.
func (s *stage) startedOnceButForCrash(ctx context.Context, n int) (held, again int, err error) {
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "crashes", Value: bson.D{{Key: "$gt", Value: 0}}}},
		options.Find().SetProjection(bson.D{{Key: "kwargs.n", Value: 1}, {Key: "crashes", Value: 1}}))
	if err != nil {
		return 0, 0, err
	}
	var docs []struct {
		Kwargs  struct{ N int }
		Crashes int64
	}
	if err := cur.All(ctx, &docs); err != nil {
		return 0, 0, err
	}
	crashes := map[int]int64{}
	for _, d := range docs {
		crashes[d.Kwargs.N] = d.Crashes
	}
	var wrong []string
	for i := range n {
		switch k := s.board.Starts(i); {
		case k < 1 || k > 1+crashes[i]:
			wrong = append(wrong, fmt.Sprintf("task %d started %d times and was held by %d killed processes", i, k, crashes[i]))
		case k > 1:
			again++
		}
	}
	if total := s.board.Total(); total != int64(n+again) {
		wrong = append(wrong, fmt.Sprintf("there were %d starts of %d tasks, %d of which started twice", total, n, again))
	}
	if len(wrong) == 0 {
		return len(docs), again, nil
	}
	if more := len(wrong) - shown; more > 0 {
		wrong = append(wrong[:shown], fmt.Sprintf("and %d more", more))
	}
	return len(docs), again, errors.New("a task runs again only if its process was killed: " + strings.Join(wrong, ", "))
}
