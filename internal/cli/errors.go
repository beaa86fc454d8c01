package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/internal/mongouri/nearest"
	"github.com/lgtask/lgtask/internal/tasksocket"
	"github.com/lgtask/lgtask/tasks"
)

// Exit codes of the commands.
const (
	exitDone        = 0
	exitFailed      = 1   // the call failed
	exitUsage       = 2   // arguments, configuration or values are wrong, or the database cannot be reached
	exitInterrupted = 130 // a signal came first
)

// usageError says what is wrong with the command line, and what to do.
type usageError struct{ problem, remedy string }

// Error implements error.
func (e *usageError) Error() string { return e.problem + ": " + e.remedy }

// outputError is returned if standard output cannot be written.
type outputError struct{ err error }

// Error implements error.
func (e *outputError) Error() string {
	return "standard output cannot be written, though the command was done: " + e.err.Error()
}

// Unwrap returns the cause.
func (e *outputError) Unwrap() error { return e.err }

// fail writes the error on one line and returns the exit code.
func (p *program) fail(ctx context.Context, err error) int {
	code := exitCode(err)
	if ctx.Err() != nil {
		code, err = exitInterrupted, fmt.Errorf("a signal came first, and what was under way may have been done or not: %w", err)
	}
	// If nobody reads standard error there is nobody to tell.
	_, _ = fmt.Fprintf(p.stderr, "%s: %s\n", p.name, oneLine(err.Error()))
	return code
}

// note writes a line for people to standard error.
func (p *program) note(format string, args ...any) {
	_, _ = fmt.Fprintln(p.stderr, oneLine(fmt.Sprintf(format, args...)))
}

func oneLine(text string) string {
	return clean(strings.Join(strings.Fields(text), " "))
}

// exitCode tells what is wrong with the input from what failed.
func exitCode(err error) int {
	var usage *usageError
	var config *lgtask.ConfigError
	var foreign *tasks.ForeignError
	var invalid *tasks.InvalidError
	var noSocket *tasksocket.UnreachableError
	var socket *tasksocket.Error
	switch {
	case errors.As(err, &socket):
		switch socket.Kind {
		case tasksocket.InvalidTask, tasksocket.InvalidTime, tasksocket.BadRequest:
			return exitUsage
		}
	case errors.As(err, &usage), errors.As(err, &config), errors.As(err, &foreign), errors.As(err, &invalid), errors.As(err, &noSocket),
		errors.Is(err, lgtask.ErrUnreachable), errors.Is(err, lgtask.ErrInvalidTask), errors.Is(err, lgtask.ErrInvalidTime):
		return exitUsage
	}
	return exitFailed
}

// flagError makes cobra's errors about options read like the others.
func flagError(cmd *cobra.Command, err error) error {
	var usage *usageError
	if errors.As(err, &usage) {
		return usage
	}
	help := "see " + cmd.CommandPath() + " --help"
	text := err.Error()
	if name, unknown := strings.CutPrefix(text, "unknown flag: --"); unknown {
		own := slices.DeleteFunc(slices.Clone(flagNames), func(n string) bool { return cmd.Flags().Lookup(n) == nil })
		if meant := nearest.Word(name, own, 2); meant != "" {
			help = "did you mean --" + meant + "?"
		}
		return &usageError{fmt.Sprintf("%s has no option --%s", cmd.Name(), shortText(name, maxShown)), help}
	}
	if name, missing := strings.CutPrefix(text, "flag needs an argument: "); missing {
		return &usageError{name + " needs a value", help}
	}
	return &usageError{text, help}
}

// maxShown bounds the characters of a value in a message.
const maxShown = 80

// quote shows an argument in a message.
func quote(text string) string {
	return `"` + clean(shortText(mongouri.Redact(text), maxShown)) + `"`
}

// address matches the beginning of an address; in JSON its slashes may be escaped.
var address = regexp.MustCompile(`(?i)mongodb(\+srv)?:(//|\\/\\/)`)

// checkArguments refuses an address with a user, password or key in it.
func checkArguments(args []string) error {
	for _, arg := range args {
		if address.MatchString(arg) && mongouri.Redact(arg) != arg {
			return &usageError{"the argument " + quote(arg) + " holds secrets, and arguments can be seen by everybody on this host",
				"leave them out of the address, since the task database's own and those in LGTASK_MONGO_HOSTS are supplied, or pass the kwargs with --kwargs - on standard input"}
		}
	}
	return nil
}

// shells are those with a completion script.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// checkShell refuses an unknown shell, for which cobra would print the help.
func checkShell(args []string) error {
	if args[0] != "completion" || len(args) == 1 || strings.HasPrefix(args[1], "-") || slices.Contains(shells, args[1]) {
		return nil
	}
	return &usageError{"there is no completion for " + quote(args[1]), "the shells are " + strings.Join(shells, ", ")}
}

// processors runs the form [CONFIG [COUNT]].
func (p *program) processors(root *cobra.Command, args []string) int {
	if len(args) > 0 {
		if meant := p.meant(root, args[0]); meant != "" {
			return p.fail(context.Background(), &usageError{fmt.Sprintf("there is no command and no configuration file %s", quote(args[0])),
				"did you mean " + meant + "?"})
		}
	}
	code := p.hooks.Run()
	if code == exitDone && asksForHelp(args) {
		_, _ = fmt.Fprint(p.stdout, p.commandList(root))
	}
	return code
}

// meant returns the command that was probably meant by a word which is no file.
func (p *program) meant(root *cobra.Command, word string) string {
	if strings.ContainsAny(word, `./\-`) {
		return ""
	}
	if _, err := os.Stat(word); err == nil {
		return ""
	}
	return nearest.Word(word, commandNames(root), 2)
}

func asksForHelp(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "-h", "-help", "--help":
			return true
		}
	}
	return false
}
