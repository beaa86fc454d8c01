package lgtask

import (
	"io"
	"os"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// openLog makes the logger that a configuration asks for. Whoever wrote a line,
// the secrets that can be recognised in it are masked. A log that cannot be
// written, such as on a full disk, ends nothing.
func openLog(cfg Config, stderr io.Writer) (log zerolog.Logger, closeLog func(), err error) {
	out, closeLog := stderr, func() {}
	if cfg.LogFile != "" {
		// Without O_NONBLOCK a named pipe that nobody reads would hold up the start.
		f, err := os.OpenFile(cfg.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600)
		if err != nil {
			problem := fileProblem("logFile", cfg.sources["logFile"], err, "name a file in a folder that this user may write to")
			problem.Value = cfg.LogFile
			return log, closeLog, problem
		}
		// Closing a file that only logs were appended to loses nothing.
		out, closeLog = f, func() { _ = f.Close() }
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		closeLog()
		return log, closeLog, &ConfigError{Key: "logLevel", Value: cfg.LogLevel, Problem: "there is no such level", Remedy: "write one of trace, debug, info, warn, error, disabled"}
	}
	if cfg.LogFormat == "console" || cfg.LogFormat == "auto" && isTerminal(out) {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: time.DateTime, NoColor: !isTerminal(out)}
	}
	return zerolog.New(redacting{out}).Level(level).With().Timestamp().Logger(), closeLog, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
