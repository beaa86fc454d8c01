package cli

import (
	"github.com/spf13/cobra"
)

// maxProcessors is how many processors a program may run.
const maxProcessors = 10_000

// runCommands are the commands of the hooks that are there.
func (p *program) runCommands() []*cobra.Command {
	var commands []*cobra.Command
	if p.hooks.Dev != nil {
		commands = append(commands, p.devCommand())
	}
	if p.hooks.Build != nil {
		commands = append(commands, p.buildCommand())
	}
	if p.hooks.Health != nil {
		commands = append(commands, p.healthCommand())
	}
	return commands
}

// optional takes one argument at most, called name.
func optional(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && args[0] == "" {
			return &usageError{name + " is empty", "give a path, or leave it out"}
		}
		if len(args) == 0 {
			return nil
		}
		return expects(name)(cmd, args)
	}
}

// folder returns the argument of a command that works in a folder.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

func completeFolders(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func (p *program) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dev [TASKDIR]", Short: "run a folder of tasks for development", Args: optional("TASKDIR"),
		Long:              "Run the tasks of a folder, by default the current one, on a database of its own,\nwith the log on the terminal. The tasks are built anew when a file changes. Nothing\nneeds to be configured; the database is empty at each start.",
		Example:           "PROGRAM dev\nPROGRAM dev ./tasks --processors 4",
		ValidArgsFunction: completeFolders,
	}
	processors := withNumber(cmd, "processors", 1, maxProcessors, "how many processors run (default 1)")
	port := withNumber(cmd, "port", 1, 65535, "port of the database (default 27117 if it is free)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p.code = p.hooks.Dev(cmd.Context(), DevOptions{Dir: folder(args), Processors: processors.value, Port: port.value})
		return nil
	}
	return cmd
}

func (p *program) buildCommand() *cobra.Command {
	var o BuildOptions
	cmd := &cobra.Command{
		Use: "build [TASKDIR]", Short: "make one program of a folder of tasks", Args: optional("TASKDIR"),
		Long:              "Make a static program of the Go tasks in a folder, by default the current one. It\nruns them where there is no Go toolchain, such as in a container image.",
		Example:           "PROGRAM build ./tasks -o myprocessor\nPROGRAM build ./tasks -o dist/myprocessor --os linux --arch arm64",
		ValidArgsFunction: completeFolders,
	}
	cmd.Flags().StringVarP(&o.Output, "output", "o", "", "`FILE` to write (default the folder's name with -processor)")
	cmd.Flags().StringVar(&o.OS, "os", "", "operating `SYSTEM` it is to run on, as GOOS (default this one)")
	cmd.Flags().StringVar(&o.Arch, "arch", "", "`ARCHITECTURE` it is to run on, as GOARCH (default this one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range []string{"output", "os", "arch"} {
			if f := cmd.Flag(name); f.Changed && f.Value.String() == "" {
				return &usageError{"--" + name + " is empty", "give a value, or leave it out"}
			}
		}
		o.Dir = folder(args)
		p.code = p.hooks.Build(cmd.Context(), o)
		return nil
	}
	return cmd
}

func (p *program) healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "health [CONFIG [COUNT]]", Short: "tell whether this host's processors run", Args: func(cmd *cobra.Command, args []string) error {
			return expects([]string{"CONFIG", "COUNT"}[:min(len(args), 2)]...)(cmd, args)
		},
		Long:    "Tell whether the processors that were started with the same arguments run on this\nhost and gave a sign of life in the last 30 s: exit code 0 if so, 1 if not. It is\nfor the health check of a container, and does not ask the database: a processor\nthat waits for it works.",
		Example: "PROGRAM health\nPROGRAM health /etc/myAppProcessor.cfg 2 || echo it does not work",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var o HealthOptions
		if len(args) > 0 {
			if err := checkConfig("CONFIG", args[0]); err != nil {
				return err
			}
			o.Config = args[0]
		}
		if len(args) > 1 {
			o.Count = args[1]
		}
		p.code = p.hooks.Health(cmd.Context(), o)
		return nil
	}
	return cmd
}
