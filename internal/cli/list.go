package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri/nearest"
	"github.com/lgtask/lgtask/tasks"
)

const (
	defaultLimit = 100
	maxLimit     = 1_000_000
	pageSize     = 100 // tasks read at once: each may be 1 MiB
)

// Widths of a table's columns that others fill, in characters.
const (
	nameWidth = 40
	textWidth = 60
)

// listFlags are the values of list's options.
type listFlags struct {
	config                             *configFile
	class, taskName, processor, before string
	states                             states
	limit                              *number
	asJSON                             bool
}

func (p *program) listCommand() *cobra.Command {
	f := &listFlags{}
	cmd := &cobra.Command{
		Use: "list", Short: "list tasks", Args: expects(),
		Long: "List tasks, newest first (to the second). DUE/AGE is when a waiting task is due, how long a\nrunning one runs, and when an ended one ended.\n\n" +
			"--json writes one document a line, with the fields of the task's document.",
		Example: "PROGRAM list\nPROGRAM list --state error,aborted --limit 20\nPROGRAM list --class Mail --task-name bob --state request\nPROGRAM list --json | jq -r 'select(.attempt > 1) | .id'",
	}
	f.config = withConfig(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.class, "class", "", "only tasks of `CLASS`")
	flags.StringVar(&f.taskName, "task-name", "", "only tasks of that `NAME`; '' for those without")
	flags.Var(&f.states, "state", "only tasks in that state: "+strings.Join(stateNames(), ", ")+"; several with commas")
	flags.StringVar(&f.processor, "processor", "", "only tasks that the processor of that `NAME` ran or runs")
	flags.StringVar(&f.before, "before", "", "only tasks behind that of `ID` in the list, for the next page")
	f.limit = withNumber(cmd, "limit", 1, maxLimit, fmt.Sprintf("how many at most (default %d)", defaultLimit))
	withJSON(cmd, &f.asJSON, "one JSON document a line")
	// An error would say that there is no such option.
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(stateNames(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		filter, err := f.filter(cmd)
		if err != nil {
			return err
		}
		return p.connected(cmd.Context(), f.config, func(conn *lgtask.Connection) error { return p.list(cmd.Context(), conn, f, filter) })
	}
	return cmd
}

// states are those that --state gives.
type states []lgtask.State

// Set is called with the text of each --state.
func (s *states) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		if !lgtask.State(name).Valid() {
			remedy := "the states are " + strings.Join(stateNames(), ", ")
			if meant := nearest.Word(name, stateNames(), 2); meant != "" {
				remedy = "did you mean " + meant + "?"
			}
			return &usageError{"--state " + quote(name) + " is no state", remedy}
		}
		*s = append(*s, lgtask.State(name))
	}
	return nil
}

// String returns the states with commas.
func (s *states) String() string {
	var names []string
	for _, state := range *s {
		names = append(names, string(state))
	}
	return strings.Join(names, ",")
}

// Type is how the help calls the value.
func (s *states) Type() string { return "STATE" }

func stateNames() []string {
	var names []string
	for _, s := range tasks.States {
		names = append(names, string(s))
	}
	return names
}

// filter checks the options before anything is connected.
func (f *listFlags) filter(cmd *cobra.Command) (filter lgtask.TaskFilter, err error) {
	filter = lgtask.TaskFilter{TaskClass: f.class, Processor: f.processor}
	for _, name := range []string{"class", "processor", "before"} {
		if cmd.Flags().Changed(name) && cmd.Flag(name).Value.String() == "" {
			return filter, &usageError{"--" + name + " is empty", "give a value, or leave it out"}
		}
	}
	if cmd.Flags().Changed("task-name") {
		filter.TaskName = &f.taskName
	}
	filter.States = f.states
	return filter, nil
}

func (p *program) list(ctx context.Context, conn *lgtask.Connection, f *listFlags, filter lgtask.TaskFilter) (err error) {
	if f.before != "" {
		if err := timed(ctx, func(ctx context.Context) error {
			last, err := findTask(ctx, conn, f.before)
			filter.Before = last.ID
			return err
		}); err != nil {
			return err
		}
	}
	limit := defaultLimit
	if f.limit.given {
		limit = f.limit.value
	}
	table := newTable(p.stdout, "ID", "CLASS", "NAME", "STATE", "DUE/AGE", "PROCESSOR", "LAST LOG")
	show := func(t lgtask.Task) error { return table.row(taskRow(t, time.Now())...) }
	if f.asJSON {
		show = func(t lgtask.Task) error {
			v, err := viewTask(t)
			if err != nil {
				return fmt.Errorf("task %s: %w", t.ID, err)
			}
			return p.printJSON(v)
		}
	}
	last, more, err := eachTask(ctx, conn, filter, limit, show)
	if err == nil && !f.asJSON {
		err = table.flush()
	}
	if err == nil && more {
		p.note("there are more than these %d: --before %s lists the next, --limit more at once", limit, last)
	}
	return err
}

// eachTask calls f with up to limit tasks, read page by page. It returns the
// last one's ID and whether there are more.
func eachTask(ctx context.Context, conn *lgtask.Connection, filter lgtask.TaskFilter, limit int, f func(lgtask.Task) error) (last lgtask.TaskID, more bool, err error) {
	for {
		filter.Limit = int64(min(pageSize, limit+1))
		var page []lgtask.Task
		if err := timed(ctx, func(ctx context.Context) (err error) {
			page, err = conn.Tasks(ctx, filter)
			return err
		}); err != nil {
			return last, false, err
		}
		for _, t := range page {
			if limit == 0 {
				return last, true, nil
			}
			if err := f(t); err != nil {
				return last, false, err
			}
			last, limit = t.ID, limit-1
		}
		if int64(len(page)) < filter.Limit {
			return last, false, nil
		}
		filter.Before = last
	}
}

func taskRow(t lgtask.Task, now time.Time) []string {
	when := relative(t.TsStop, now)
	switch {
	case t.State.Claimed():
		when = "for " + age(now.Sub(t.TsStart))
	case !t.State.Final():
		if when = relative(t.TsRequest, now); !t.TsRequest.After(now) && !t.TsRequest.IsZero() {
			when = "due " + when
		}
	}
	return []string{clean(t.ID.String()), cell(t.TaskClass, nameWidth), cell(t.TaskName, nameWidth), cell(string(t.State), nameWidth), when,
		cell(t.Processor, nameWidth), cell(t.LastLog, textWidth)}
}

// table writes rows with aligned columns.
type table struct{ w *tabwriter.Writer }

func newTable(out io.Writer, header ...string) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	_ = t.row(header...) // it is kept until flush, which says what fails
	return t
}

func (t table) row(cells ...string) error {
	_, err := fmt.Fprintln(t.w, strings.Join(cells, "\t"))
	return err
}

func (t table) flush() error { return t.w.Flush() }
