package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask/internal/mongouri/nearest"
)

// flagNames are all options, for "did you mean".
var flagNames = []string{"all", "arch", "before", "class", "config", "follow", "from-start", "help", "id", "json", "kwargs", "limit", "max-attempts", "missed",
	"os", "output", "overlap", "port", "priority", "processor", "processors", "reason", "replace", "start-at", "state", "task-name"}

const rootLong = `%[1]s runs task processors on a central MongoDB, enqueues tasks and shows them.

  %[1]s [CONFIG [COUNT]]   run processors; %[1]s --help tells about it
  %[1]s COMMAND …          one of the commands below

The task database is that of --config FILE, else that of the environment:
LGTASK_DATABASE=mongodb://host/database, or LGTASK_DATABASE_FILE with the path
of a file that holds the address.`

const rootExample = `  %[1]s create Mail to=bob copies=2
  %[1]s delay "5 minutes" Mail to=bob
  %[1]s interval "1 hour" Cleanup
  %[1]s list --state error
  %[1]s logs 66b2f0c1a4e9d0a1b2c3d4e5 --follow`

// root makes the tree of commands.
func (p *program) root() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use: p.name, Short: "run task processors, enqueue tasks and show them",
		Long: fmt.Sprintf(rootLong, p.name), Example: fmt.Sprintf(rootExample, p.name),
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(p.helpCommand(root))
	p.add(root, "Enqueue tasks:", p.callCommands()...)
	p.add(root, "Look at tasks:", p.listCommand(), p.showCommand(), p.logsCommand(), p.schedulesCommand(), p.processorsCommand())
	p.add(root, "Stop and bring back tasks:", p.killCommand(), p.retryCommand(), p.requeueCommand())
	p.add(root, "Run tasks:", p.runCommands()...)
	p.add(root, "Inside a task:", p.logCommand(), p.progressCommand())
	p.add(root, "", p.versionCommand())
	return root
}

// add adds a group of commands, with the program's name in their texts.
func (p *program) add(root *cobra.Command, group string, commands ...*cobra.Command) {
	if group != "" && len(commands) > 0 {
		root.AddGroup(&cobra.Group{ID: group, Title: group})
	}
	for _, c := range commands {
		c.GroupID = group
		c.Long = strings.ReplaceAll(c.Long, "PROGRAM", p.name)
		c.Example = "  " + strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(c.Example), "PROGRAM", p.name), "\n", "\n  ")
		c.DisableFlagsInUseLine = true
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = cobra.NoFileCompletions
		}
		root.AddCommand(c)
	}
}

// helpCommand tells about a command. It is cobra's, but an unknown command is an
// error of one line.
func (p *program) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "tell about a command",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return commandNames(root), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err == nil && len(rest) == 0 {
				cmd.InitDefaultHelpFlag() // else done when it runs
				return cmd.Help()
			}
			remedy := "the commands are " + strings.Join(commandNames(root), ", ")
			if meant := nearest.Word(args[0], commandNames(root), 2); meant != "" {
				remedy = "did you mean " + meant + "?"
			}
			return &usageError{"there is no command " + quote(strings.Join(args, " ")), remedy}
		},
	}
}

// commandList is what --help shows of the commands, behind the text about the
// processors.
func (p *program) commandList(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("\nCommands (a configuration file of such a name is written ./NAME):\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range root.Commands() {
		// What is written to a builder cannot fail.
		_, _ = fmt.Fprintf(w, "  %s\t%s\n", c.Name(), c.Short)
	}
	_, _ = fmt.Fprint(w, "  completion\tmake the completion script of a shell\n  help\ttell about commands\n")
	_ = w.Flush()
	return b.String() + "\n" + p.name + " COMMAND --help tells more, with examples.\n"
}

// expects checks how many arguments a command got; names are those it takes.
func expects(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		usage := "write " + cmd.UseLine() + ", see " + cmd.CommandPath() + " --help"
		if len(args) < len(names) {
			return &usageError{names[len(args)] + " is missing", usage}
		}
		if len(args) > len(names) {
			return &usageError{quote(args[len(names)]) + " is one argument too many", usage}
		}
		return nil
	}
}

// withConfig gives a command the option --config.
func withConfig(cmd *cobra.Command) *configFile {
	c := new(configFile)
	cmd.Flags().Var(c, "config", "configuration `FILE`; without it the environment (LGTASK_DATABASE, …)")
	// An error would say that there is no such option.
	_ = cmd.MarkFlagFilename("config")
	return c
}

// withJSON gives a command the option --json.
func withJSON(cmd *cobra.Command, asJSON *bool, what string) {
	cmd.Flags().BoolVar(asJSON, "json", false, "write "+what)
}
