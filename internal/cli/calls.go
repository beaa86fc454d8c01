package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/tasksocket"
	"github.com/lgtask/lgtask/tasks"
)

// maxAttempts bounds --max-attempts; the database takes more.
const maxAttempts = 1_000_000

// callCommand describes a command that does a call.
type callCommand struct {
	verb    string
	when    string // what the argument before CLASS is called; empty: there is none
	short   string
	long    string
	example string
	// options are those of the call; kwargs are one of them.
	kwargs, taskName, priority, maxAttempts, startAt, fromStart, replace, id, policies, reason bool
	did, not                                                                                   string // what it says if it did something, or not
}

var callCommands = []callCommand{
	{
		verb: "create", short: "create a task that is due now",
		long: "Create a task of a class, due now, and print its ID.\n\n" + kwargsHelp +
			"\n\nAfter an error whose outcome is not known, repeat the call with --id: a task of\nthat ID with the same class and kwargs is success.",
		example: "PROGRAM create Mail to=bob copies=2\nPROGRAM create Mail --task-name bob --priority 10 --max-attempts 3 to=bob\nPROGRAM create Import --id import-2026-03 month=2026-03\ngenerate | PROGRAM create Report --kwargs - draft=true",
		kwargs:  true, taskName: true, priority: true, maxAttempts: true, id: true, not: "already there",
	},
	{
		verb: "delay", when: "WHEN", short: "create a task that is due later",
		long:    "Create a task of a class, due at WHEN, and print its ID.\n\n" + whenHelp + "\n\n" + kwargsHelp,
		example: "PROGRAM delay \"5 minutes\" Mail to=bob\nPROGRAM delay \"1 day 2 hours\" Mail to=bob\nPROGRAM delay 2026-03-29T02:30:00+01:00 Mail to=bob",
		kwargs:  true, taskName: true, priority: true, maxAttempts: true, id: true, not: "already there",
	},
	{
		verb: "batch", when: "WHEN", short: "make sure that a run of a name starts by then",
		long: "Make sure that a run of CLASS, with its --task-name, starts at WHEN or earlier,\nand print the run's ID. If one waits already nothing is created; it is moved up\n" +
			"if WHEN is earlier. If one is running, exactly one more follows it. Standard\nerror says \"created\" or \"already there\". Other kwargs than those of the run that is there are\nan error.\n\n" + whenHelp + "\n\n" + kwargsHelp,
		example: "PROGRAM batch \"10 seconds\" Reindex\nPROGRAM batch now Reindex --task-name customers table=customers",
		kwargs:  true, taskName: true, priority: true, maxAttempts: true, did: "created", not: "already there",
	},
	{
		verb: "interval", when: "EVERY", short: "schedule runs again and again",
		long: "Schedule a class to run again and again, EVERY after the end of the last run\n(--from-start: after its start), and print the ID of the next run. EVERY is at\nleast 1 second, such as \"90 seconds\", \"1 hour 30 minutes\" or \"1 day\".\n\n" +
			"If the name is scheduled in the same way nothing changes; standard error says\n\"created\" or \"already there\". Scheduled in another way it is an error, unless --replace is given.\n\n" + kwargsHelp,
		example: "PROGRAM interval \"1 hour\" Cleanup\nPROGRAM interval \"1 day\" Report --start-at 2026-03-29T06:00:00Z --from-start\nPROGRAM interval \"30 minutes\" Cleanup --replace",
		kwargs:  true, taskName: true, priority: true, startAt: true, fromStart: true, replace: true, policies: true, did: "created", not: "already there",
	},
	{
		verb: "cron", when: "SPEC", short: "schedule runs by a cron spec",
		long: "Schedule a class by a cron spec: minute, hour, day of month, month, day of week,\nor @hourly, @daily, @weekly, @monthly, @yearly; in UTC unless it begins with\nCRON_TZ=ZONE. It prints the ID of the next run.\n\n" +
			"If the name is scheduled in the same way nothing changes; standard error says\n\"created\" or \"already there\". Scheduled in another way it is an error, unless --replace is given.\n\n" + kwargsHelp,
		example: "PROGRAM cron \"0 3 * * *\" Backup\nPROGRAM cron \"CRON_TZ=Europe/Berlin 30 8 * * 1-5\" Report --task-name sales\nPROGRAM cron @hourly Cleanup --replace",
		kwargs:  true, taskName: true, priority: true, replace: true, policies: true, did: "created", not: "already there",
	},
	{
		verb: "unschedule", short: "end the schedule of a name",
		long: "Remove the interval or cron schedule of CLASS, with its --task-name, and abort\nits waiting run, or the waiting batch of that name. The ID of an aborted run is printed.\n" +
			"A run that is going ends normally; plain and delayed tasks stay. It is no error\nif nothing is scheduled.",
		example:  "PROGRAM unschedule Cleanup\nPROGRAM unschedule Report --task-name sales",
		taskName: true,
	},
	{
		verb: "pause", short: "end the runs of a schedule for the time being",
		long:     "Pause the interval or cron schedule of CLASS, with its --task-name: its waiting run\nis aborted, and there is no other until it is resumed. A run that is going ends\nnormally. What \"batch\" asks for under the name runs. Scheduling it again, also with\n--replace, does not resume it.",
		example:  "PROGRAM pause Cleanup --reason \"the disk is being replaced\"\nPROGRAM pause Report --task-name sales",
		taskName: true, reason: true, did: "paused", not: "it was paused already",
	},
	{
		verb: "resume", short: "have the runs of a paused schedule go on",
		long:     "Resume the interval or cron schedule of CLASS, with its --task-name, and print the ID\nof its next run. A run that would have been due meanwhile is due now, once for\nhowever many there were.",
		example:  "PROGRAM resume Cleanup\nPROGRAM resume Report --task-name sales",
		taskName: true, did: "resumed", not: "it was not paused",
	},
}

const whenHelp = `WHEN is "now", a time from now such as "5 minutes", "1 day 2 hours" or
"0.1 seconds", or an instant in RFC 3339, in UTC if it names no offset, such as
2026-03-29T02:30:00+01:00. A time in the past is now.`

// callFlags are the values of a call's options.
type callFlags struct {
	config                        *configFile
	priority, maxAttempts         *number
	kwargs, taskName, startAt, id string
	missed, overlap, reason       string
	fromStart, replace, asJSON    bool
}

func (p *program) callCommands() []*cobra.Command {
	var commands []*cobra.Command
	for _, spec := range callCommands {
		commands = append(commands, p.callCommand(spec))
	}
	return commands
}

func (p *program) callCommand(spec callCommand) *cobra.Command {
	use, names := spec.verb, []string{"CLASS"}
	if spec.when != "" {
		use, names = use+" "+spec.when, []string{spec.when, "CLASS"}
	}
	use += " CLASS"
	args := expects(names...)
	if spec.kwargs {
		use += " [KEY=VALUE]…"
		args = func(cmd *cobra.Command, args []string) error {
			return expects(names...)(cmd, args[:min(len(args), len(names))])
		}
	}
	cmd := &cobra.Command{Use: use, Short: spec.short, Long: spec.long, Example: spec.example, Args: args}
	f := spec.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return p.call(cmd, spec, f, args) }
	return cmd
}

// flags gives the command the options of the call.
func (spec callCommand) flags(cmd *cobra.Command) *callFlags {
	f := &callFlags{config: withConfig(cmd)}
	flags := cmd.Flags()
	if spec.kwargs {
		flags.StringVar(&f.kwargs, "kwargs", "", "`JSON` document with kwargs; - reads it from standard input")
	}
	if spec.taskName {
		flags.StringVar(&f.taskName, "task-name", "", "`NAME` of the task, which with the class is its identity")
	}
	if spec.priority {
		f.priority = withNumber(cmd, "priority", tasks.MinPriority, tasks.MaxPriority, fmt.Sprintf("from %d to %d, higher runs first (default the class's, else 0)", tasks.MinPriority, tasks.MaxPriority))
	}
	if spec.maxAttempts {
		f.maxAttempts = withNumber(cmd, "max-attempts", 1, maxAttempts, "how many attempts may fail (default the class's, else 1)")
	}
	if spec.startAt {
		flags.StringVar(&f.startAt, "start-at", "", "`WHEN` the first run is due: a time from now or an instant (default now)")
	}
	if spec.fromStart {
		flags.BoolVar(&f.fromStart, "from-start", false, "count from start to start instead of from the end to the next start")
	}
	if spec.replace {
		flags.BoolVar(&f.replace, "replace", false, "replace another schedule of that name")
	}
	if spec.policies {
		flags.StringVar(&f.missed, "missed", "", "`POLICY` for runs that could not start in time: once (default), skip those over a minute late, or \"all 6 hours\"")
		flags.StringVar(&f.overlap, "overlap", "", "`POLICY` for instants that pass during a run: skip (default of cron) or queue one run (default of --from-start)")
	}
	if spec.reason {
		flags.StringVar(&f.reason, "reason", "", "`TEXT` that schedules shows")
	}
	if spec.id {
		flags.StringVar(&f.id, "id", "", "`ID` of the task, so that the call can be repeated")
	}
	withJSON(cmd, &f.asJSON, `{"id": …, "created": …} instead of the ID`)
	return f
}

// call does what the command line says.
func (p *program) call(cmd *cobra.Command, spec callCommand, f *callFlags, args []string) error {
	call := lgtask.Call{Verb: spec.verb, StartAt: f.startAt, FromStart: f.fromStart, Replace: f.replace, ID: f.id, Missed: f.missed, Overlap: f.overlap, Reason: f.reason}
	if spec.when != "" {
		call.When, args = args[0], args[1:]
	}
	call.Class, args = args[0], args[1:]
	changed := cmd.Flags().Changed
	for _, name := range []string{"id", "start-at", "missed", "overlap", "reason"} {
		if changed(name) && cmd.Flag(name).Value.String() == "" {
			return &usageError{"--" + name + " is empty", "give a value, or leave it out"}
		}
	}
	if changed("task-name") {
		call.TaskName = &f.taskName
	}
	if f.priority != nil {
		call.Priority = f.priority.pointer()
	}
	if f.maxAttempts != nil {
		call.MaxAttempts = f.maxAttempts.pointer()
	}
	// Before the kwargs: of "delay 5 minutes Mail", 5 is what is wrong.
	if err := call.Validate(); err != nil {
		return err
	}
	if spec.kwargs {
		var err error
		if call.Kwargs, err = p.kwargs(f.kwargs, changed("kwargs"), args); err != nil {
			return err
		}
	}
	reply, err := p.do(cmd.Context(), f.config, call)
	if err != nil {
		return err
	}
	return p.report(spec, f.asJSON, reply)
}

// kwargs builds the kwargs of --kwargs, if it was given, and the arguments.
func (p *program) kwargs(whole string, given bool, pairs []string) (json.RawMessage, error) {
	text := []byte(whole)
	if whole == "-" {
		var err error
		if text, err = readAll(p.stdin); err != nil {
			return nil, err
		}
	}
	if given && len(text) == 0 {
		text = []byte(" ") // parseDocument says what is wrong with it
	}
	return kwargsDocument(text, pairs)
}

// report prints what the call did.
func (p *program) report(spec callCommand, asJSON bool, reply tasksocket.Reply) error {
	if asJSON {
		return p.printJSON(reply)
	}
	if reply.ID != "" {
		if _, err := fmt.Fprintln(p.stdout, clean(reply.ID)); err != nil {
			return err
		}
	}
	text := spec.not
	if reply.Created {
		text = spec.did
	}
	if text != "" {
		p.note("%s", text)
	}
	return nil
}
