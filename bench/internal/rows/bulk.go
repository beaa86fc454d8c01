package rows

import (
	"context"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/bench/internal/job"
)

// bulkCall says what createMany calls.
const bulkCall = "CreateTasks of 1,000"

// createMany enqueues n tasks by one call.
func createMany(ctx context.Context, conn *lgtask.Connection, first, n int) error {
	list := make([]lgtask.NewTask, n)
	for i := range list {
		list[i].Kwargs = job.New(first + i)
	}
	_, err := conn.CreateTasks(ctx, list) // its error names the first task that failed
	return err
}
