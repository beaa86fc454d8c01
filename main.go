package lgtask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Exit codes of Main.
const (
	exitDone  = 0 // stopped cleanly
	exitRun   = 1 // a handler could not be stopped, or the database turned out not to be ours
	exitUsage = 2 // the arguments or the configuration are wrong, or MongoDB cannot be used at the start
)

// Main is the main function of a processor program: it reads the arguments
// [CONFIG [COUNT]], the configuration file and the LGTASK_… variables, runs the
// registered classes until SIGTERM or SIGINT, and returns the exit code.
//
//	func main() {
//		reg := lgtask.NewRegistry()
//		lgtask.Register[MyAppTask](reg)
//		os.Exit(lgtask.Main(reg))
//	}
//
// The code is 0 after a clean stop, 1 if a handler could not be stopped or the
// database turned out to be another program's, and 2 with one line on standard
// error if the arguments or the configuration are wrong or MongoDB cannot be used
// at the start. On the first signal it takes no more tasks, gives running ones
// Config.Grace to end and gives back the rest. On the second it returns 1 at once,
// while handlers may still run: the caller must exit then.
//
// Main is for programs that do nothing else: it takes the process's signals,
// SIGPIPE among them, so that a log nobody reads any more ends no task. Others use
// NewProcessor, which sees neither signals nor arguments.
//
// If Config.TaskDir is set, its executables are tasks too. They, and the
// registered classes, then run in a process of their own, which is replaced when
// the folder changes: new tasks run in the new one, running ones end in the old.
func Main(r *Registry) int { return MainWith(r, MainOptions{Args: os.Args[1:]}) }

// MainOptions are for programs that are more than their classes.
type MainOptions struct {
	// Args are the arguments, without the program's name.
	Args []string
	// Builder returns what builds the Go files of the task folder. Nil: they are
	// not run. With a builder the registered classes run only if there is no
	// task folder.
	Builder func(taskDir string) (Builder, error)
	// Configure changes the configuration after it was loaded. Nil: nothing.
	Configure func(*Config)
	// ShowTasks logs the start and the end of each task of the task folder.
	ShowTasks bool
	// Patient makes a start wait for a task folder that cannot be built or run
	// to change, instead of ending with an error.
	Patient bool
}

// MainWith is Main with options.
func MainWith(r *Registry, o MainOptions) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP) // the terminal was closed
	}
	defer signal.Stop(signals)
	pipes := make(chan os.Signal, 1) // nobody reads it: the write fails, that is all
	signal.Notify(pipes, syscall.SIGPIPE)
	defer signal.Stop(pipes)
	m := &program{
		name: filepath.Base(os.Args[0]), o: o, registry: r, config: systemConfigLoader(),
		stdout: os.Stdout, stderr: os.Stderr, signals: signals,
	}
	if os.Getenv(controlEnv) != "" {
		return m.work(context.Background())
	}
	return m.run(context.Background(), o.Args)
}

// program is Main with its surroundings as fields, for tests.
type program struct {
	name           string
	o              MainOptions
	registry       *Registry
	config         configLoader
	stdout, stderr io.Writer
	signals        <-chan os.Signal

	log       zerolog.Logger
	toFile    bool       // the log goes to a file, not to stderr
	replace   bool       // the names were to be taken from who has them
	processor *Processor // nil if it did not come that far
}

func (m *program) run(ctx context.Context, args []string) int {
	a, err := parseArguments(args)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	switch {
	case a.help:
		fmt.Fprint(m.stdout, helpText(m.name, m.registry.Classes()))
		return exitDone
	case a.version:
		fmt.Fprintln(m.stdout, m.name, buildVersion())
		return exitDone
	}
	cfg, err := a.configure(m.config, m.o.Configure)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	if a.health {
		return m.health(cfg)
	}
	log, closeLog, err := openLog(cfg, m.stderr)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	defer closeLog()
	m.log, m.toFile = log, cfg.LogFile != ""
	log.Debug().Str("program", m.name).Str("version", buildVersion()).Stringer("config", cfg).Msg("starting")
	for _, w := range append(cfg.Warnings, unused(cfg)...) {
		log.Warn().Msg(w)
	}
	if m.replace = a.replace; m.replace {
		if err := m.stopHolders(ctx, cfg); err != nil {
			return m.fail(exitRun, err)
		}
	}
	if cfg.TaskDir != "" {
		return m.launch(ctx, cfg)
	}
	if m.processor, err = NewProcessor(cfg, m.registry, WithLogger(log)); err != nil {
		return m.fail(exitUsage, err)
	}
	return m.untilSignal(ctx)
}

// launch runs a task folder. The names are locked before anything is built.
func (m *program) launch(ctx context.Context, cfg Config) int {
	locks, err := lockNames(cfg, ProcessorNames(cfg.TaskName, cfg.Processors))
	if running := new(ErrProcessorRunning); errors.As(err, &running) {
		return m.sayRunsAlready(err)
	}
	if err != nil {
		return m.fail(exitUsage, err)
	}
	l, err := newLauncher(m, cfg, locks)
	if err != nil {
		unlock(locks)
		return m.fail(exitUsage, err)
	}
	defer func() { unlock(l.locks) }()
	return l.run(ctx)
}

// fail writes the error on one line to standard error, and to the log if that is
// elsewhere.
func (m *program) fail(code int, err error) int {
	text := oneLine(err)
	fmt.Fprintf(m.stderr, "%s: %s\n", m.name, text)
	if m.toFile {
		m.log.Error().Msg(text)
	}
	return code
}

// oneLine is the text of an error on one line and without secrets.
func oneLine(err error) string {
	return mongouri.Redact(strings.Join(strings.Fields(err.Error()), " "))
}

// unusedSettings are those that this version does not act on.
var unusedSettings = []string{"httpAddr"}

// unused warns of them, so that nobody believes they work.
func unused(c Config) (warnings []string) {
	for _, key := range unusedSettings {
		if configSettingByKey(key).get(&c) != "" {
			warnings = append(warnings, key+" is set but not used by this version")
		}
	}
	return warnings
}
