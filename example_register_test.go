package lgtask_test

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask"
)

// SendInvoice is the class "SendInvoice" with the kwargs "customerId" and
// "dueDate".
type SendInvoice struct {
	CustomerID string `lgtask:"required"`
	DueDate    time.Time
}

// Options are those of the class; without the method the defaults hold.
func (*SendInvoice) Options() lgtask.ClassOptions {
	return lgtask.ClassOptions{MaxAttempts: 3, Timeout: time.Minute}
}

// Run does the work of one task.
func (s *SendInvoice) Run(ctx context.Context, t *lgtask.TaskContext) error {
	t.Logf("invoice of %s, attempt %d of %d", s.CustomerID, t.Attempt(), t.MaxAttempts())
	return nil
}

// CleanUp has another name than its type, and runs alone.
type CleanUp struct{ lgtask.SingletonTask }

// TaskClass is the name of the class.
func (*CleanUp) TaskClass() string { return "clean-up" }

// Run does the work of one task.
func (*CleanUp) Run(ctx context.Context, t *lgtask.TaskContext) error { return nil }

func ExampleRegister() {
	reg := lgtask.NewRegistry()
	lgtask.Register[SendInvoice](reg)
	lgtask.Register[CleanUp](reg)
	fmt.Println(reg.Classes())
	// Output: [SendInvoice clean-up]
}
