package cli

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// scheduleView is a schedule as --json writes it: lgtask.Schedule's own fields,
// the kwargs as Extended JSON, and its runs.
type scheduleView struct {
	lgtask.Schedule
	Kwargs  json.RawMessage `json:"kwargs"`
	NextRun time.Time       `json:"nextRun,omitzero"` // when the waiting run is due
	State   string          `json:"state"`            // see runState
	Waiting string          `json:"waiting,omitempty"`
	Running string          `json:"running,omitempty"`
}

func (p *program) schedulesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "schedules", Short: "list the interval and cron schedules", Args: expects(),
		Long: "List the interval and cron schedules with their next runs. STATE is waiting,\nworking, retry (a run waits for another attempt), paused (with the reason) or none;\nno run appears soon if a processor of the class runs.\n\n" +
			"--json writes one document a line.",
		Example: "PROGRAM schedules\nPROGRAM schedules --json | jq -r .key",
	}
	config := withConfig(cmd)
	withJSON(cmd, &asJSON, "one JSON document a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.connected(cmd.Context(), config, func(conn *lgtask.Connection) error { return p.schedules(cmd.Context(), conn, asJSON) })
	}
	return cmd
}

func (p *program) schedules(ctx context.Context, conn *lgtask.Connection, asJSON bool) error {
	var all []lgtask.Schedule
	if err := timed(ctx, func(ctx context.Context) (err error) {
		all, err = conn.Schedules(ctx)
		return err
	}); err != nil {
		return err
	}
	table := newTable(p.stdout, "CLASS", "NAME", "SPEC", "NEXT RUN", "STATE")
	for _, sc := range all {
		r, err := findRuns(ctx, conn, sc)
		if err != nil {
			return err
		}
		if asJSON {
			v, err := viewSchedule(sc, r)
			if err == nil {
				err = p.printJSON(v)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := table.row(cell(sc.TaskClass, nameWidth), cell(sc.TaskName, nameWidth), cell(specText(sc), nameWidth), instant(r.next(), time.Now()), stateText(sc, r)); err != nil {
			return err
		}
	}
	if asJSON {
		return nil
	}
	return table.flush()
}

func viewSchedule(sc lgtask.Schedule, r runs) (v scheduleView, err error) {
	v.Kwargs, err = kwargsJSON(sc.Kwargs)
	sc.Key, sc.TaskClass, sc.TaskName = mongouri.Redact(sc.Key), mongouri.Redact(sc.TaskClass), mongouri.Redact(sc.TaskName)
	if sc.Paused != nil {
		paused := *sc.Paused
		paused.Reason, sc.Paused = mongouri.Redact(paused.Reason), &paused
	}
	v.Schedule, v.NextRun, v.State = sc, r.next(), stateOf(sc, r)
	if r.waiting != nil {
		v.Waiting = r.waiting.ID.String()
	}
	if r.going != nil {
		v.Running = r.going.ID.String()
	}
	return v, err
}

// specText says when a schedule runs.
func specText(sc lgtask.Schedule) string {
	if sc.Spec.Cron != "" {
		return strings.TrimSpace("cron " + sc.Spec.Cron + " " + sc.Spec.TZ)
	}
	text := "every " + every(time.Duration(sc.Spec.EveryMS)*time.Millisecond)
	if sc.Spec.FromStart {
		text += " from start"
	}
	return text
}

// runs are the runs of a name that have not ended.
type runs struct {
	waiting, going *lgtask.Task
}

// next is when the waiting run is due, or a going one is tried again.
func (r runs) next() time.Time {
	switch {
	case r.waiting != nil:
		return r.waiting.TsRequest
	case r.going != nil && !r.going.State.Claimed():
		return r.going.TsRequest
	}
	return time.Time{}
}

// state is waiting, working, retry or none.
func (r runs) state() string {
	switch {
	case r.going != nil && r.going.State.Claimed():
		return "working"
	case r.going != nil:
		return "retry"
	case r.waiting != nil:
		return "waiting"
	}
	return "none"
}

// stateOf is the state of a schedule: paused, unless a run has not ended, or that of
// its runs.
func stateOf(sc lgtask.Schedule, r runs) string {
	if state := r.state(); sc.Paused == nil || state != "none" {
		return state
	}
	return "paused"
}

// stateText is stateOf for people: a run of a paused schedule is the last.
func stateText(sc lgtask.Schedule, r runs) string {
	text := stateOf(sc, r)
	switch {
	case sc.Paused == nil:
		return text
	case text != "paused":
		text += ", then paused"
	}
	if sc.Paused.Reason != "" {
		text += ": " + sc.Paused.Reason
	}
	return cell(text, nameWidth)
}

// findRuns looks for the runs of a schedule: those that are named after it, then,
// since a batch may have become one, claimed tasks of the name, and if there is
// nothing at all, all of the name that have not ended.
func findRuns(ctx context.Context, conn *lgtask.Connection, sc lgtask.Schedule) (r runs, err error) {
	filter := lgtask.TaskFilter{TaskClass: sc.TaskClass, TaskName: &sc.TaskName,
		States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}}
	take := func(t lgtask.Task) error {
		switch {
		case t.PendingKey == sc.Key:
			r.waiting = &t
		case t.RunningKey == sc.Key:
			r.going = &t
		default:
			return nil
		}
		if r.waiting != nil && r.going != nil {
			return errFound
		}
		return nil
	}
	own, claimed := filter, filter
	if own.Before, err = lgtask.ParseTaskID(sc.UID.Hex() + ";"); err != nil { // runs are named UID:number
		return r, err
	}
	claimed.States = claimed.States[1:]
	for _, look := range []struct {
		filter lgtask.TaskFilter
		limit  int
	}{{own, 2}, {claimed, math.MaxInt32}, {filter, math.MaxInt32}} {
		if _, _, err := eachTask(ctx, conn, look.filter, look.limit, take); err == errFound {
			break
		} else if err != nil {
			return r, err
		}
		if len(look.filter.States) < len(filter.States) && r != (runs{}) {
			break
		}
	}
	return r, nil
}

// errFound ends a look early.
var errFound = errors.New("both runs were found")
