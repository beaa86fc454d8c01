package lgtask_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lgtask/lgtask"
)

// errBusy is what a remote service says at first.
var errBusy = errors.New("503 service unavailable")

// downloaded tells that the task has done its work.
var downloaded = make(chan struct{}, 1)

// Download tries again when the service says so.
type Download struct{ URL string }

// Run does the work of one task.
func (d *Download) Run(ctx context.Context, t *lgtask.TaskContext) error {
	fmt.Println("attempt", t.Attempt(), "at", d.URL)
	if t.Attempt() == 1 {
		return lgtask.RetryAfter(100*time.Millisecond, errBusy)
	}
	downloaded <- struct{}{}
	return nil
}

// A handler steers what becomes of its task by the error that it returns:
// RetryAfter, Discard, Snooze. Any other error counts as a failed attempt.
func ExampleRetryAfter() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, drop := exampleDatabase() // mongodb://host/database
	defer drop()
	reg := lgtask.NewRegistry()
	lgtask.Register[Download](reg)
	p, err := lgtask.NewProcessor(lgtask.Config{TaskDatabase: address}, reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Stop(context.Background()) }()
	if _, err := lgtask.Create(ctx, p.Connection(), &Download{URL: "https://example.org/"}); err != nil {
		fmt.Println(err)
		return
	}
	select {
	case <-downloaded:
	case <-ctx.Done():
		fmt.Println(ctx.Err())
	}
	// Output:
	// attempt 1 at https://example.org/
	// attempt 2 at https://example.org/
}
