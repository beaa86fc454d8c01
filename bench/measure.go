package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/rows"
)

// rowLimit bounds a row, so that one that hangs does not stop the others.
const rowLimit = 5 * time.Minute

// choose returns the rows with a metric that want accepts, with those only.
func choose(all []rows.Row, want func(string) bool) []rows.Row {
	var chosen []rows.Row
	for _, r := range all {
		r.Metrics = slices.DeleteFunc(slices.Clone(r.Metrics), func(m string) bool { return !want(m) })
		if len(r.Metrics) > 0 {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// measure runs the rows, prints their results as they come and the table at the
// end. It returns an error that names the rows that failed.
func measure(ctx context.Context, e *rows.Env, selected []rows.Row, want func(string) bool, out *output) error {
	var metrics []report.Metric
	var failed []string
	for _, r := range selected {
		found, err := measureRow(ctx, e, r, want)
		if err != nil {
			failed = append(failed, r.Metrics...)
			if err := out.failure(r.Metrics, err); err != nil {
				return err
			}
			if ctx.Err() != nil {
				break
			}
			continue
		}
		for _, m := range found {
			if err := out.metric(m); err != nil {
				return err
			}
		}
		metrics = append(metrics, found...)
	}
	if err := out.table(metrics); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; the other rows were not measured")
	case len(failed) > 0:
		return errors.New("failed: " + strings.Join(failed, ", "))
	}
	return nil
}

// measureRow runs one row within its limit.
func measureRow(ctx context.Context, e *rows.Env, r rows.Row, want func(string) bool) ([]report.Metric, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rowLimit, fmt.Errorf("not done in %v", rowLimit))
	defer cancel()
	return r.Run(ctx, e, want)
}

// output writes the lines of JSON, to standard output and to the file if there is
// one, and the table.
type output struct {
	stdout io.Writer
	file   io.Writer // nil for none
}

func (o *output) lines() io.Writer {
	if o.file == nil {
		return o.stdout
	}
	return io.MultiWriter(o.stdout, o.file)
}

func (o *output) metric(m report.Metric) error { return m.Write(o.lines()) }

// failure writes a line for each metric that could not be measured.
func (o *output) failure(metrics []string, err error) error {
	for _, m := range metrics {
		line := struct {
			Metric string `json:"metric"`
			Error  string `json:"error"`
		}{m, err.Error()}
		if err := json.NewEncoder(o.lines()).Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) table(metrics []report.Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(o.stdout); err != nil {
		return err
	}
	return report.Table(o.stdout, metrics)
}
