package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// How a log is followed. Its processor writes it once a second.
const (
	lookEvery = 250 * time.Millisecond // at the task's state, so that its end is noticed soon
	readEvery = time.Second            // at the log
	outage    = time.Minute            // for how long the database may be gone
)

// logLine is a line of a log as --json writes it.
type logLine struct {
	Attempt   int       `json:"attempt"`
	Processor string    `json:"processor"`
	At        time.Time `json:"at"`
	Text      string    `json:"text"`
}

func (p *program) logsCommand() *cobra.Command {
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use: "logs ID", Short: "show what a task logged", Args: expects("ID"),
		Long: "Show what the attempts of a task logged, the first attempt first. --follow shows\nwhat comes until the task has ended, and how it ended on standard error; a\nretry is followed too.\n\n" +
			"--json writes one document a line: attempt, processor, at and text.",
		Example: "PROGRAM logs 66b2f0c1a4e9d0a1b2c3d4e5\nPROGRAM logs 66b2f0c1a4e9d0a1b2c3d4e5 --follow\nPROGRAM logs \"$(PROGRAM create Import)\" -f",
	}
	config := withConfig(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "show what comes until the task has ended")
	withJSON(cmd, &asJSON, "one JSON document a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.connected(cmd.Context(), config, func(conn *lgtask.Connection) error {
			var task lgtask.Task
			if err := timed(cmd.Context(), func(ctx context.Context) (err error) {
				task, err = findTask(ctx, conn, args[0])
				return err
			}); err != nil {
				return err
			}
			r := &logReader{program: p, conn: conn, task: task, json: asJSON}
			if follow {
				return r.follow(cmd.Context())
			}
			return timed(cmd.Context(), r.read)
		})
	}
	return cmd
}

// logReader shows a task's log, each line once.
type logReader struct {
	*program
	conn *lgtask.Connection
	task lgtask.Task
	json bool

	shown   map[any]int64 // lines of each log by its ID, counting those it dropped
	attempt int           // that of the last line shown
}

// read shows what is new.
func (r *logReader) read(ctx context.Context) error {
	logs, err := r.conn.Logs(ctx, r.task.ID)
	if err != nil {
		return err
	}
	if r.shown == nil {
		r.shown = map[any]int64{}
	}
	for _, l := range logs {
		if lost := l.Dropped - r.shown[l.ID]; lost > 0 {
			r.note("%d lines of attempt %d are not kept any more", lost, l.Attempt)
			r.shown[l.ID] = l.Dropped
		}
		for _, line := range l.Lines[min(r.shown[l.ID]-l.Dropped, int64(len(l.Lines))):] {
			if err := r.line(l, line.At, line.Text); err != nil {
				return err
			}
			r.shown[l.ID]++
		}
	}
	return nil
}

func (r *logReader) line(l lgtask.TaskLog, at time.Time, text string) error {
	if r.json {
		return r.printJSON(logLine{l.Attempt, mongouri.Redact(l.Processor), at, mongouri.Redact(text)})
	}
	if l.Attempt != r.attempt && (r.attempt != 0 || l.Attempt > 1) {
		if _, err := fmt.Fprintf(r.stdout, "attempt %d on %s:\n", l.Attempt, cell(l.Processor, nameWidth)); err != nil {
			return err
		}
	}
	r.attempt = l.Attempt
	_, err := fmt.Fprintf(r.stdout, "%s  %s\n", at.UTC().Format("2006-01-02T15:04:05.000Z"), strings.ReplaceAll(clean(text), `\t`, "\t"))
	return err
}

// follow shows what comes until the task has ended.
func (r *logReader) follow(ctx context.Context) error {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	var readAt, goneSince time.Time // goneSince is zero while the database answers
	for {
		ended, err := r.look(ctx, &readAt)
		switch {
		case err == nil && ended:
			r.note("the task ended: %s", r.task.State)
			return nil
		case err == nil:
			goneSince = time.Time{}
		case ctx.Err() != nil:
			return r.stopped()
		case errors.Is(err, lgtask.ErrNotFound), r.stdout.failed != nil:
			return err
		case goneSince.IsZero():
			goneSince = time.Now()
		case time.Since(goneSince) > outage:
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return r.stopped()
		}
	}
}

// stopped is the end by a signal, which is how one stops looking.
func (r *logReader) stopped() error {
	r.code = exitInterrupted
	return nil
}

// look reads the task's state, then its log if it is time or the task has ended:
// in this order nothing of an ended task's log is missed.
func (r *logReader) look(ctx context.Context, readAt *time.Time) (ended bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	task, err := r.conn.Task(ctx, r.task.ID)
	if errors.Is(err, lgtask.ErrNotFound) {
		return false, fmt.Errorf("%w any more: %s was removed while it was followed", err, quote(r.task.ID.String()))
	}
	if err != nil {
		return false, err
	}
	r.task = task
	if ended = task.State.Final(); !ended && time.Since(*readAt) < readEvery {
		return false, nil
	}
	*readAt = time.Now()
	return ended, r.read(ctx)
}
