package main

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask"
)

// batchWait is how long the sum of a package waits for further files of it.
const batchWait = time.Second

// register names the demo's task classes.
func register() *lgtask.Registry {
	r := lgtask.NewRegistry()
	lgtask.Register[CountFile](r)
	lgtask.Register[SumPackage](r)
	lgtask.Register[Progress](r)
	lgtask.Register[Report](r)
	return r
}

// CountFile counts one file and asks for the sum of its package.
type CountFile struct {
	Root   string
	Path   string // below Root, with slashes
	TaskDB *mongo.Database
}

// Run implements lgtask.Runner.
func (c *CountFile) Run(ctx context.Context, t *lgtask.TaskContext) error {
	counted, err := countFile(c.Root, c.Path)
	if err != nil {
		return err
	}
	res := results{c.TaskDB}
	if err := res.putFile(ctx, fileResult{Path: c.Path, Package: packageOf(c.Path), Counts: counted}); err != nil {
		return err
	}
	// Only now: a sum that begins from here on finds the result.
	sum := &SumPackage{Package: packageOf(c.Path), TaskDB: c.TaskDB}
	_, err = lgtask.Batch(ctx, t.Connection(), lgtask.In(batchWait), sum, lgtask.WithTaskName(sum.Package))
	return err
}

// SumPackage sums up the results of a package's files, as many as there are by
// now.
type SumPackage struct {
	Package string
	TaskDB  *mongo.Database
}

// Options implements lgtask.Optioned: sums pass the files that wait.
func (*SumPackage) Options() lgtask.ClassOptions { return lgtask.ClassOptions{Priority: 1} }

// Run implements lgtask.Runner.
func (s *SumPackage) Run(ctx context.Context, t *lgtask.TaskContext) error {
	t.Log("summing up ", s.Package)
	return results{s.TaskDB}.sumPackage(ctx, s.Package)
}

// Progress looks how far the counting is and writes it down.
type Progress struct {
	Files  int64 // how many there are to count
	TaskDB *mongo.Database
}

// Options implements lgtask.Optioned: who waits wants to see something.
func (*Progress) Options() lgtask.ClassOptions { return lgtask.ClassOptions{Priority: 10} }

// Run implements lgtask.Runner.
func (p *Progress) Run(ctx context.Context, t *lgtask.TaskContext) error {
	res := results{p.TaskDB}
	now := progress{Files: p.Files}
	var err error
	if now.Done, err = res.countedFiles(ctx); err != nil {
		return err
	}
	if now.Summed, err = res.summedFiles(ctx); err != nil {
		return err
	}
	for _, class := range []string{"CountFile", "SumPackage"} {
		n, err := t.Connection().CountTasks(ctx, failedTasks(class))
		if err != nil {
			return err
		}
		now.Failed += n
	}
	t.Logf("%d of %d files", now.Done, now.Files)
	if err := t.Progress(bson.D{{Key: "done", Value: now.Done}, {Key: "of", Value: now.Files}}); err != nil {
		return err
	}
	return res.putProgress(ctx, now)
}

// failedTasks selects the tasks of a class that did not succeed.
func failedTasks(class string) lgtask.TaskFilter {
	return lgtask.TaskFilter{TaskClass: class, States: []lgtask.State{lgtask.StateError, lgtask.StateAborted}}
}

// Report writes the table of the packages.
type Report struct {
	lgtask.SingletonTask
	TaskDB *mongo.Database
}

// Run implements lgtask.Runner.
func (r *Report) Run(ctx context.Context, t *lgtask.TaskContext) error {
	res := results{r.TaskDB}
	packages, err := res.packages(ctx)
	if err != nil {
		return err
	}
	t.Logf("%d packages", len(packages))
	return res.putReport(ctx, table(packages, topPackages))
}
