package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
)

func (p *program) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "show all of a task", Args: expects("ID"),
		Long:    "Show all fields of a task: times, attempts, kwargs and errors.\n\n--json writes one document with the fields of the task's document.",
		Example: "PROGRAM show 66b2f0c1a4e9d0a1b2c3d4e5\nPROGRAM show 66b2f0c1a4e9d0a1b2c3d4e5 --json | jq .kwargs",
	}
	config := withConfig(cmd)
	withJSON(cmd, &asJSON, "one JSON document")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return timed(cmd.Context(), func(ctx context.Context) error {
			return p.connected(ctx, config, func(conn *lgtask.Connection) error {
				t, err := findTask(ctx, conn, args[0])
				if err != nil {
					return err
				}
				v, err := viewTask(t)
				if err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(v)
				}
				return p.show(v, time.Now())
			})
		})
	}
	return cmd
}

// show writes a task for people.
func (p *program) show(t taskView, now time.Time) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	field := func(name, value string) { // what fails is said by Flush
		if value != "" && value != "-" {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	field("ID", clean(t.ID.String()))
	field("Class", clean(t.TaskClass))
	field("Name", clean(t.TaskName))
	field("State", clean(string(t.State)))
	field("Priority", fmt.Sprint(t.Priority))
	field("Inserted", instant(t.TsInsert, now))
	field("Due", instant(t.TsRequest, now))
	field("Started", instant(t.TsStart, now))
	field("Ended", instant(t.TsStop, now))
	field("Processor", clean(t.Processor))
	field("Attempts", attempts(t.Task))
	if t.Crashes > 0 {
		field("Crashes", fmt.Sprint(t.Crashes))
	}
	if !t.Schedule.IsZero() {
		field("Schedule", fmt.Sprintf("run %d", t.Schedule.Number))
	}
	field("Progress", string(escapeJSON(t.Progress)))
	field("Last log", clean(t.LastLog))
	field("Kept until", instant(t.ExpireAt, now))
	if err := w.Flush(); err != nil {
		return err
	}
	if err := p.showKwargs(t.Kwargs); err != nil {
		return err
	}
	for _, e := range t.Errors {
		text := ""
		for line := range strings.SplitSeq(strings.TrimRight(e.Text, "\n"), "\n") {
			text += "  " + strings.ReplaceAll(clean(line), `\t`, "  ") + "\n"
		}
		if _, err := fmt.Fprintf(p.stdout, "Error of attempt %d, %s:\n%s", e.Attempt, instant(e.At, now), text); err != nil {
			return err
		}
	}
	return nil
}

// attempts says how many attempts failed, and how many may, if the task says so.
func attempts(t lgtask.Task) string {
	if t.MaxAttempts > 0 {
		return fmt.Sprintf("%d failed of %d", t.Attempt, t.MaxAttempts)
	}
	return fmt.Sprintf("%d failed", t.Attempt)
}

func (p *program) showKwargs(kwargs json.RawMessage) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, kwargs, "  ", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "Kwargs:\n  %s\n", escapeJSON(indented.Bytes()))
	return err
}
