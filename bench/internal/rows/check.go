package rows

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask/tasks"
)

// shown bounds how many tasks an error lists.
const shown = 5

// finished waits until no task is claimed. A claimed task has a holder, and there
// is an index of those.
func (s *stage) finished(ctx context.Context) error {
	held := bson.D{{Key: "holder", Value: bson.D{{Key: "$exists", Value: true}}}}
	id := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})
	return s.wait(ctx, func(ctx context.Context) (bool, int64, error) {
		err := s.tasks.FindOne(ctx, held, id).Err()
		if errors.Is(err, mongo.ErrNoDocuments) {
			return true, 0, nil
		}
		return false, 0, err
	}, func(int64) string { return "tasks have started and do not end" })
}

// ran checks that there are n tasks, that each has started exactly once, and that
// all are stored as success.
func (s *stage) ran(ctx context.Context, n int) error {
	if err := s.states(ctx, map[tasks.State]int{tasks.Success: n}); err != nil {
		return err
	}
	return s.startedOnce(n)
}

// startedOnce checks that the handlers noted n starts, one for each of the first
// n tasks.
func (s *stage) startedOnce(n int) error {
	var wrong []string
	for i := range n {
		if k := s.board.Starts(i); k != 1 {
			wrong = append(wrong, fmt.Sprintf("task %d started %d times", i, k))
		}
	}
	if total := s.board.Total(); total != int64(n) {
		wrong = append(wrong, fmt.Sprintf("there were %d starts of %d tasks", total, n))
	}
	if len(wrong) == 0 {
		return nil
	}
	if more := len(wrong) - shown; more > 0 {
		wrong = append(wrong[:shown], fmt.Sprintf("and %d more", more))
	}
	return errors.New("each task must run exactly once: " + strings.Join(wrong, ", "))
}

// states checks how many tasks are stored in which state.
func (s *stage) states(ctx context.Context, want map[tasks.State]int) error {
	cur, err := s.tasks.Aggregate(ctx, mongo.Pipeline{{{Key: "$group", Value: bson.D{
		{Key: "_id", Value: "$state"}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}},
	}}}})
	if err != nil {
		return err
	}
	var groups []struct {
		State tasks.State `bson:"_id"`
		N     int
	}
	if err := cur.All(ctx, &groups); err != nil {
		return err
	}
	have := map[tasks.State]int{}
	for _, g := range groups {
		have[g.State] = g.N
	}
	if !maps.Equal(have, want) {
		return fmt.Errorf("the tasks by state are %s; they should be %s", list(have), list(want))
	}
	return nil
}

func list(states map[tasks.State]int) string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(states)) {
		parts = append(parts, fmt.Sprintf("%d %s", states[s], s))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// waiting checks that n tasks wait, with n different numbers.
func (s *stage) waiting(ctx context.Context, n int) error {
	if err := s.states(ctx, map[tasks.State]int{tasks.Request: n}); err != nil {
		return err
	}
	cur, err := s.tasks.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$kwargs.n"}}}},
		{{Key: "$count", Value: "n"}},
	})
	if err != nil {
		return err
	}
	var numbers []struct{ N int }
	if err := cur.All(ctx, &numbers); err != nil {
		return err
	}
	if len(numbers) != 1 || numbers[0].N != n {
		return fmt.Errorf("the %d tasks do not have %d different numbers: %v", n, n, numbers)
	}
	return nil
}
