package lgtask_test

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// Probe is a plain class.
type Probe struct{ N int }

func (p *Probe) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, p.N) }

// Other is another plain class.
type Other struct{ N int }

func (p *Other) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, p.N) }

// Solo is a singleton.
type Solo struct {
	lgtask.SingletonTask
	N int
}

func (p *Solo) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, p.N) }

// SoloDB is a singleton for each database.
type SoloDB struct {
	lgtask.SingletonTask
	DB   *mongo.Database
	Fill string `bson:"fill,omitempty"`
}

func (p *SoloDB) TaskName() string { return lgtask.NameByKwargs(p.DB) }

func (p *SoloDB) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, 0) }

// Careless is a singleton whose name cannot be computed without its kwarg.
type Careless struct {
	lgtask.SingletonTask
	DB *mongo.Database
}

func (p *Careless) TaskName() string { return p.DB.Name() }

func (p *Careless) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, 0) }

// Loop is a looping class.
type Loop struct {
	lgtask.LoopingTask
	Sleep, For time.Duration
	calls      int
}

func (p *Loop) LoopSleep() time.Duration { return p.Sleep }

func (p *Loop) LoopFor() time.Duration { return p.For }

func (p *Loop) Run(ctx context.Context, t *lgtask.TaskContext) error {
	p.calls++
	return probe(ctx, t, p.calls)
}

// Tries is tried three times, at once.
type Tries struct{}

func (*Tries) Options() lgtask.ClassOptions {
	return lgtask.ClassOptions{MaxAttempts: 3, Priority: 7, Backoff: func(attempt int) time.Duration {
		return time.Duration(attempt) * 100 * time.Millisecond
	}}
}

func (*Tries) Run(ctx context.Context, t *lgtask.TaskContext) error {
	return probe(ctx, t, t.Attempt())
}

// Broken has a back-off that panics.
type Broken struct{}

func (*Broken) Options() lgtask.ClassOptions {
	return lgtask.ClassOptions{MaxAttempts: 2, Backoff: func(int) time.Duration { panic("no back-off") }}
}

func (*Broken) Run(ctx context.Context, t *lgtask.TaskContext) error { return errors.New("failed") }

// Short must end within a few milliseconds.
type Short struct{}

func (*Short) Options() lgtask.ClassOptions {
	return lgtask.ClassOptions{Timeout: 20 * time.Millisecond}
}

func (*Short) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, 0) }

// Exact says what it needs.
type Exact struct {
	Count int `lgtask:"required"`
	Name  string
}

func (*Exact) StrictKwargs() bool { return true }

func (p *Exact) Run(ctx context.Context, t *lgtask.TaskContext) error { return probe(ctx, t, p.Count) }

// MyAppTask is the example of the original: it inserts and creates itself again.
type MyAppTask struct {
	TaskDB *mongo.Database
	Arg    int
}

func (p *MyAppTask) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if _, err := p.TaskDB.Collection("collection").InsertOne(ctx, bson.M{"arg": p.Arg}); err != nil {
		return err
	}
	if p.Arg < 3 {
		_, err := t.Connection().CreateTask(ctx, "MyAppTask", bson.M{"taskDb": p.TaskDB, "arg": p.Arg + 1})
		return err
	}
	return nil
}

// MyAppTyped is the same with a collection and a typed call.
type MyAppTyped struct {
	TaskDB *mongo.Collection
	Arg    int
}

func (p MyAppTyped) Run(ctx context.Context, t *lgtask.TaskContext) error {
	if _, err := p.TaskDB.InsertOne(ctx, bson.M{"arg": p.Arg}); err != nil {
		return err
	}
	if p.Arg < 3 {
		p.Arg++
		_, err := lgtask.Create(ctx, t.Connection(), p)
		return err
	}
	return nil
}

// probes returns a registry of all classes here.
func probes() *lgtask.Registry {
	r := lgtask.NewRegistry()
	lgtask.Register[Probe](r)
	lgtask.Register[Other](r)
	lgtask.Register[Solo](r)
	lgtask.Register[SoloDB](r)
	lgtask.Register[Careless](r)
	lgtask.Register[Loop](r)
	lgtask.Register[Tries](r)
	lgtask.Register[Broken](r)
	lgtask.Register[Short](r)
	lgtask.Register[Exact](r)
	lgtask.Register[MyAppTask](r)
	lgtask.Register[MyAppTyped](r)
	return r
}
