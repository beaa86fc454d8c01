package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/lgtask/lgtask"
)

// Patient runs until its context ends.
type Patient struct{}

// Run implements lgtask.Runner.
func (*Patient) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if err := began(t); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// Stubborn runs for ever, whatever its context says.
type Stubborn struct{}

// Run implements lgtask.Runner.
func (*Stubborn) Run(_ context.Context, t *lgtask.TaskContext) error {
	if err := began(t); err != nil {
		return err
	}
	select {}
}

// Talker logs its words and fails with an address that holds a password.
type Talker struct{ Words []string }

// Run implements lgtask.Runner.
func (k *Talker) Run(_ context.Context, t *lgtask.TaskContext) error {
	for _, w := range k.Words {
		t.Log(w)
	}
	if err := t.Progress(map[string]int{"done": len(k.Words)}); err != nil {
		return err
	}
	return lgtask.RetryAfter(0, errors.New("it failed at mongodb://bob:hunter2@h/db"))
}

// began lets a script know that the handler of a task has begun, which is later
// than the task's claim: by the file "began" in the script's folder.
func began(t *lgtask.TaskContext) error {
	t.Log("began")
	f, err := os.OpenFile("began", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = fmt.Fprintln(f, t.ID())
	return err
}

// myprocessor is a program of a user's own. It writes its exit code, which
// scripts cannot see otherwise of a program in the background.
func myprocessor() {
	reg := lgtask.NewRegistry()
	lgtask.Register[Patient](reg)
	lgtask.Register[Stubborn](reg)
	lgtask.Register[Talker](reg)
	code := lgtask.Main(reg)
	fmt.Println("exit code", code)
	os.Exit(code)
}
