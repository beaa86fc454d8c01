package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/lgtask/lgtask"
)

const (
	// enqueuers is how many goroutines enqueue: each waits for its task to be
	// on disk before the next.
	enqueuers = 32
	// stall is how long nothing may be heard of the progress, which comes once
	// a second.
	stall = time.Minute
)

// job is one run of the demo.
type job struct {
	settings
	out    *screen
	files  []string
	direct map[string]total // the sums by package, counted without tasks
	conn   *lgtask.Connection
	began  time.Time
}

// demo counts the tree twice, without and with tasks, and compares.
func demo(ctx context.Context, s settings, out *screen) (err error) {
	j := &job{settings: s, out: out}
	if err := j.look(ctx); err != nil {
		return err
	}
	conn, where, done, err := openDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	j.conn = conn
	if err := (results{conn.Database()}).prepare(ctx); err != nil {
		return err
	}
	j.out.printf("on %s\n", where)
	if err := j.work(ctx); err != nil {
		return err
	}
	return j.show(ctx)
}

// look lists the files and counts them directly.
func (j *job) look(ctx context.Context) (err error) {
	if j.dir == "" {
		if j.dir, err = goSource(ctx); err != nil {
			return err
		}
	}
	if j.files, err = listFiles(j.dir, j.settings.files); err != nil {
		return err
	}
	began := time.Now()
	if j.direct, err = countTree(ctx, j.dir, j.files); err != nil {
		return err
	}
	sum := sumOf(j.direct)
	j.out.printf("%s files in %s folders of %s, %s bytes; counted without tasks in %s\n",
		grouped(sum.Files), grouped(int64(len(j.direct))), j.dir, grouped(sum.Counts.Bytes), short(time.Since(began)))
	return nil
}

// work runs the tasks until all are done.
func (j *job) work(ctx context.Context) (err error) {
	p, err := lgtask.NewProcessor(lgtask.Config{Processors: j.processors}, register(), lgtask.WithConnection(j.conn))
	if err != nil {
		return err
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		err = errors.Join(err, p.Stop(stopping))
	}()
	j.out.printf("%s\n", processors(p.Names()))
	j.began = time.Now()
	if err := j.count(ctx); err != nil {
		return err
	}
	if err := j.failures(ctx); err != nil {
		return err
	}
	if _, err := j.conn.UnscheduleTask(ctx, "Progress"); err != nil {
		return err
	}
	if _, err := lgtask.Create(ctx, j.conn, &Report{TaskDB: j.conn.Database()}); err != nil {
		return err
	}
	// The report is all that is left: this waits for it.
	draining, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	return p.Drain(draining)
}

// processors says which there are.
func processors(names []string) string {
	if len(names) == 1 {
		return "1 processor: " + names[0]
	}
	return fmt.Sprintf("%d processors: %s to %s", len(names), names[0], names[len(names)-1])
}

// errComplete ends the following of the progress.
var errComplete = errors.New("complete")

// count enqueues the files and shows the progress until all packages are summed
// up or a task failed.
func (j *job) count(ctx context.Context) error {
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	ready := make(chan struct{})
	p.Go(func(ctx context.Context) error {
		select {
		case <-ready:
			return j.enqueue(ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	p.Go(func(ctx context.Context) error {
		return j.follow(ctx, func() { close(ready) })
	})
	err := p.Wait()
	if errors.Is(err, errComplete) {
		return nil
	}
	return err
}

// follow shows the progress and returns errComplete at its end.
func (j *job) follow(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("no progress was heard of for %v", stall)
	watchdog := time.AfterFunc(stall, func() { cancel(silent) })
	defer watchdog.Stop()
	err := results{j.conn.Database()}.follow(ctx, ready, func(p progress) error {
		watchdog.Reset(stall)
		now := time.Now()
		j.out.progress(now, progressLine(p, now.Sub(j.began)), p.complete())
		if p.complete() {
			return errComplete
		}
		return nil
	})
	if context.Cause(ctx) == silent {
		return silent
	}
	return err
}

// enqueue schedules the progress and makes a task of each file.
func (j *job) enqueue(ctx context.Context) error {
	db := j.conn.Database()
	looking := &Progress{Files: int64(len(j.files)), TaskDB: db}
	if _, err := lgtask.Interval(ctx, j.conn, lgtask.In(time.Second), looking); err != nil {
		return err
	}
	p := pool.New().WithMaxGoroutines(enqueuers).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, file := range j.files {
		p.Go(func(ctx context.Context) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			_, err := lgtask.Create(ctx, j.conn, &CountFile{Root: j.dir, Path: file, TaskDB: db})
			return err
		})
	}
	return p.Wait()
}

// failures returns an error if a task failed, with the reason of the first.
func (j *job) failures(ctx context.Context) error {
	for _, class := range []string{"CountFile", "SumPackage"} {
		ts, err := j.conn.Tasks(ctx, failedTasks(class))
		if err != nil {
			return err
		}
		if len(ts) > 0 {
			t := ts[len(ts)-1]
			return fmt.Errorf("%d tasks of class %s failed, among them %s: %s", len(ts), class, t.ID, t.LastLog)
		}
	}
	return nil
}

// show checks the sums and writes report and figures.
func (j *job) show(ctx context.Context) error {
	res := results{j.conn.Database()}
	report, err := res.report(ctx)
	if err != nil {
		return err
	}
	packages, err := res.packages(ctx)
	if err != nil {
		return err
	}
	f, err := readFigures(ctx, j.conn, register().Classes())
	if err != nil {
		return err
	}
	j.out.printf("\n%s\n", report)
	if err := compare(j.direct, packages); err != nil {
		return err
	}
	if n := f.runs("CountFile"); n != int64(len(j.files)) {
		return fmt.Errorf("%d tasks of class CountFile succeeded for %d files", n, len(j.files))
	}
	j.out.printf("These are the sums of the direct count. %s files asked for sums of %s packages: %s runs.\n",
		grouped(int64(len(j.files))), grouped(int64(len(packages))), grouped(f.runs("SumPackage")))
	j.out.printf("%s", f)
	return nil
}
