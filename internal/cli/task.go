package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask/internal/tasksocket"
)

// maxLine is how long a line of standard input may be, as long as a task's log.
const maxLine = 64 << 10

func (p *program) logCommand() *cobra.Command {
	return &cobra.Command{
		Use: "log TEXT… | -", Short: "add to the task's log", Args: cobra.ArbitraryArgs,
		Long: "Add a line to the log of the task that runs this command; - adds the lines of\nstandard input as they come. It works inside a task that is a program of its own.\n\n" +
			"Without this program: curl --unix-socket \"$LGTASK_SOCKET\" http://task/log -d TEXT",
		Example:            "PROGRAM log 3 of 7 files done\nmake 2>&1 | PROGRAM log -",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, help := literal(args)
			switch {
			case help:
				return cmd.Help()
			case len(args) == 0:
				return expects("TEXT")(cmd, args)
			}
			return p.inside(func(c *tasksocket.Client) error {
				if len(args) == 1 && args[0] == "-" {
					return p.logLines(cmd.Context(), c)
				}
				return timed(cmd.Context(), func(ctx context.Context) error { return c.Log(ctx, strings.Join(args, " ")+"\n") })
			})
		},
	}
}

// literal returns the arguments of a command without options: a text or a number
// may begin with a hyphen. It reports whether they ask for help.
func literal(args []string) (texts []string, help bool) {
	if len(args) == 0 {
		return nil, false
	}
	if args[0] == "--" {
		return args[1:], false
	}
	return args, len(args) == 1 && (args[0] == "-h" || args[0] == "--help")
}

// logLines logs standard input, line by line.
func (p *program) logLines(ctx context.Context, c *tasksocket.Client) error {
	r := bufio.NewReaderSize(p.stdin, maxLine)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			part := append(append([]byte{}, line...), '\n')
			if line[len(line)-1] == '\n' {
				part = part[:len(line)]
			}
			if err := timed(ctx, func(ctx context.Context) error { return c.Log(ctx, string(part)) }); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("standard input cannot be read: %w", err)
		}
	}
}

func (p *program) progressCommand() *cobra.Command {
	return &cobra.Command{
		Use: "progress VALUE", Short: "say how far the task is", Args: cobra.ArbitraryArgs,
		Long: "Say how far the task is that runs this command: JSON if VALUE is valid JSON, else\ntext, at most 1 KiB. It works inside a task that is a program of its own.\n\n" +
			"Without this program: curl --unix-socket \"$LGTASK_SOCKET\" http://task/progress -d JSON",
		Example:            "PROGRAM progress 0.5\nPROGRAM progress 'copying files'\nPROGRAM progress '{\"done\": 3, \"of\": 7}'",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, help := literal(args)
			if help {
				return cmd.Help()
			}
			if err := expects("VALUE")(cmd, args); err != nil {
				return err
			}
			value, err := parseValue(args[0])
			if err != nil {
				return err
			}
			return p.inside(func(c *tasksocket.Client) error {
				return timed(cmd.Context(), func(ctx context.Context) error { return c.Progress(ctx, value) })
			})
		},
	}
}

// inside calls f with the socket of the processor that runs us.
func (p *program) inside(f func(*tasksocket.Client) error) error {
	if p.socket == "" {
		return &usageError{tasksocket.Env + " is not set", "this command works only inside a task that a processor runs as a program of its own"}
	}
	c := tasksocket.Dial(p.socket)
	defer c.Close()
	return f(c)
}
