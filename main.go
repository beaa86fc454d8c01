package lgtask

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
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
// registered classes until SIGTERM or SIGINT, and returns the exit code. A
// second signal ends the program at once, with exit code 1.
//
//	func main() {
//		reg := lgtask.NewRegistry()
//		lgtask.Register[MyAppTask](reg)
//		os.Exit(lgtask.Main(reg))
//	}
func Main(r *Registry) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	m := &program{name: filepath.Base(os.Args[0]), registry: r, stdout: os.Stdout, stderr: os.Stderr, signals: signals}
	return m.run(context.Background(), os.Args[1:])
}

// program is Main with its surroundings as fields, for tests.
type program struct {
	name           string
	registry       *Registry
	stdout, stderr io.Writer
	signals        <-chan os.Signal
}

func (m *program) run(ctx context.Context, args []string) int {
	if len(args) == 1 {
		switch args[0] {
		case "-h", "-help", "--help", "help":
			fmt.Fprintf(m.stdout, usage, m.name)
			return exitDone
		case "-v", "-version", "--version", "version":
			fmt.Fprintln(m.stdout, m.name, buildVersion())
			return exitDone
		}
	}
	cfg, err := configure(args)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	log, closeLog, err := openLog(cfg, m.stderr)
	if err != nil {
		return m.fail(exitUsage, err)
	}
	defer closeLog()
	for _, w := range append(cfg.Warnings, unused(cfg)...) {
		log.Warn().Msg(w)
	}
	p, err := NewProcessor(cfg, m.registry, WithLogger(log))
	if err != nil {
		return m.fail(exitUsage, err)
	}
	return m.process(ctx, p, log)
}

// process runs the processor until a signal.
func (m *program) process(ctx context.Context, p *Processor, log zerolog.Logger) int {
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	started := make(chan error, 1)
	go func() { started <- p.Start(starting) }()
	select {
	case err := <-started:
		if err != nil {
			return m.fail(exitUsage, err)
		}
	case <-m.signals:
		cancel()
		<-started
		return exitDone
	}
	select {
	case <-p.Done():
		return m.stopped(p.Stop(ctx), log)
	case s := <-m.signals:
		log.Info().Stringer("signal", s).Msg("stopping; a second signal ends the program at once")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.Stop(ctx) }()
	select {
	case err := <-stopped:
		return m.stopped(err, log)
	case s := <-m.signals:
		log.Warn().Stringer("signal", s).Msg("ending at once; running tasks stay claimed")
		return exitRun
	}
}

func (m *program) stopped(err error, log zerolog.Logger) int {
	if err != nil {
		log.Error().Err(mongouri.RedactError(err)).Msg("stopped")
		return m.fail(exitRun, err)
	}
	log.Info().Msg("stopped")
	return exitDone
}

// fail writes the error on one line.
func (m *program) fail(code int, err error) int {
	fmt.Fprintf(m.stderr, "%s: %s\n", m.name, mongouri.Redact(err.Error()))
	return code
}

// configure reads the configuration that the arguments name. COUNT goes before
// the environment, which goes before the file.
func configure(args []string) (Config, error) {
	if len(args) > 2 {
		return Config{}, fmt.Errorf("%d arguments given: use [CONFIG [COUNT]], or --help", len(args))
	}
	var cfg Config
	var err error
	if len(args) == 0 {
		cfg, err = ConfigFromEnv()
	} else {
		cfg, err = LoadConfig(args[0])
	}
	if err != nil {
		return Config{}, err
	}
	if len(args) == 2 {
		if cfg.Processors, err = parseCount(args[1]); err != nil {
			return Config{}, err
		}
	}
	return cfg, cfg.Validate()
}

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxProcessors {
		return 0, &ConfigError{Key: "COUNT", Value: text, Problem: "is not a number of processors", Remedy: fmt.Sprintf("give 1 to %d", maxProcessors)}
	}
	return n, nil
}

// unused names settings that this program does not act on yet, so that nobody
// believes they work.
func unused(c Config) (warnings []string) {
	for _, s := range []struct{ name, value string }{{"taskDir", c.TaskDir}, {"lockDir", c.LockDir}, {"httpAddr", c.HTTPAddr}} {
		if s.value != "" {
			warnings = append(warnings, s.name+" is set but not used by this version; only the classes compiled into this program run")
		}
	}
	return warnings
}

// buildVersion is the module's version and the revision it was built from, as
// far as the build recorded them.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	return version + " " + info.GoVersion
}
