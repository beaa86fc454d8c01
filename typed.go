package lgtask

import "context"

// Create is CreateTask with a task value: its type is the class and its fields
// are the kwargs.
func Create(ctx context.Context, c *Connection, task Runner, opts ...TaskOption) (Result, error) {
	return c.CreateTask(ctx, classOf(task), task, opts...)
}

// Delayed is DelayedTask with a task value.
func Delayed(ctx context.Context, c *Connection, when When, task Runner, opts ...TaskOption) (Result, error) {
	return c.DelayedTask(ctx, when, classOf(task), task, opts...)
}

// Batch is BatchTask with a task value.
func Batch(ctx context.Context, c *Connection, when When, task Runner, opts ...TaskOption) (Result, error) {
	return c.BatchTask(ctx, when, classOf(task), task, opts...)
}

// Interval is IntervalTask with a task value.
func Interval(ctx context.Context, c *Connection, every When, task Runner, opts ...TaskOption) (Result, error) {
	return c.IntervalTask(ctx, every, classOf(task), task, opts...)
}

// Cron is CronTask with a task value.
func Cron(ctx context.Context, c *Connection, spec string, task Runner, opts ...TaskOption) (Result, error) {
	return c.CronTask(ctx, spec, classOf(task), task, opts...)
}
