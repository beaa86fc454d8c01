package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
)

func (p *program) killCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "kill ID", Short: "stop a task", Args: expects("ID"),
		Long:    "Stop a task. One that waits ends as an error at once. One that runs is told to end,\nand ends as an error, unless it succeeds all the same; this command does not wait for\nthat. The waiting run of a schedule is refused: see unschedule.",
		Example: "PROGRAM kill 66b2f0c1a4e9d0a1b2c3d4e5",
	}
	config := withConfig(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.control(cmd.Context(), config, args[0], (*lgtask.Connection).KillTask)
	}
	return cmd
}

func (p *program) retryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry ID", Short: "bring back a task that failed", Args: expects("ID"),
		Long:    "Bring back a task that ended as an error or was aborted: it waits again, due now,\nwith all its attempts before it. Its errors are kept.",
		Example: "PROGRAM retry 66b2f0c1a4e9d0a1b2c3d4e5",
	}
	config := withConfig(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.control(cmd.Context(), config, args[0], (*lgtask.Connection).RetryTask)
	}
	return cmd
}

// control does something to a task.
func (p *program) control(ctx context.Context, config *configFile, id string, do func(*lgtask.Connection, context.Context, lgtask.TaskID) error) error {
	return timed(ctx, func(ctx context.Context) error {
		return p.connected(ctx, config, func(conn *lgtask.Connection) error {
			t, err := findTask(ctx, conn, id)
			if err != nil {
				return err
			}
			return do(conn, ctx, t.ID)
		})
	})
}

func (p *program) requeueCommand() *cobra.Command {
	var class string
	var all bool
	cmd := &cobra.Command{
		Use: "requeue --class CLASS | --all", Short: "bring back all tasks that failed", Args: expects(),
		Long:    "Bring back all tasks of a class that ended as an error, or with --all those of every\nclass, as retry does with one, and print how many. Of several runs of a name only the\nnewest comes back, and none while another run of the name waits.",
		Example: "PROGRAM requeue --class Mail\nPROGRAM requeue --all",
	}
	config := withConfig(cmd)
	cmd.Flags().StringVar(&class, "class", "", "tasks of this `CLASS`")
	cmd.Flags().BoolVar(&all, "all", false, "tasks of every class")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if all == (class != "") {
			return &usageError{"it is not said which tasks", "give either --class CLASS or --all"}
		}
		return timed(cmd.Context(), func(ctx context.Context) error {
			return p.connected(ctx, config, func(conn *lgtask.Connection) error {
				back, left, err := conn.RetryAll(ctx, class)
				if err != nil {
					return err
				}
				if left > 0 {
					p.note("%d are left: another run of their name waits", left)
				}
				_, err = fmt.Fprintln(p.stdout, back)
				return err
			})
		})
	}
	return cmd
}
