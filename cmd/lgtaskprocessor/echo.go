package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// Echo writes its kwargs, whatever they are, as relaxed Extended JSON with
// sorted keys: to the task's log, so that its last line becomes the task's
// lastLog, and to standard output, for who looks on. Passwords of addresses in
// them are masked. It succeeds always.
type Echo struct {
	Kwargs map[string]bson.RawValue `bson:",inline"`
}

// Run implements lgtask.Runner.
func (e *Echo) Run(_ context.Context, t *lgtask.TaskContext) error {
	return e.echo(t, os.Stdout)
}

func (e *Echo) echo(t *lgtask.TaskContext, stdout io.Writer) error {
	text, err := e.text()
	if err != nil {
		return err
	}
	t.Log(text)
	// Nobody may be looking: standard output can be closed.
	_, _ = fmt.Fprintf(stdout, "Echo %s: %s\n", t.ID(), text)
	return nil
}

func (e *Echo) text() (string, error) {
	doc := bson.D{}
	for _, key := range slices.Sorted(maps.Keys(e.Kwargs)) {
		var value any // null arrives as no value
		if v := e.Kwargs[key]; !v.IsZero() {
			value = v
		}
		doc = append(doc, bson.E{Key: key, Value: value})
	}
	text, err := bson.MarshalExtJSON(doc, false, false)
	if err != nil {
		return "", fmt.Errorf("kwargs as text: %w", err)
	}
	return mongouri.Redact(string(text)), nil
}
