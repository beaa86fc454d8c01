package lgtask

import (
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// openLog makes the logger that a configuration asks for. Addresses in what is
// logged are masked, whoever wrote them.
func openLog(cfg Config, stderr io.Writer) (log zerolog.Logger, closeLog func(), err error) {
	out, closeLog := stderr, func() {}
	if cfg.LogFile != "" {
		f, err := os.OpenFile(cfg.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return log, closeLog, &ConfigError{Key: "logFile", Value: cfg.LogFile, Problem: "cannot be written: " + err.Error(), Remedy: "give a file in a folder that this user can write to"}
		}
		// Closing a file that only logs were appended to loses nothing.
		out, closeLog = f, func() { _ = f.Close() }
	}
	level, err := zerolog.ParseLevel(cfg.LogLevel)
	if err != nil {
		return log, closeLog, &ConfigError{Key: "logLevel", Value: cfg.LogLevel, Problem: "is no level", Remedy: "use trace, debug, info, warn, error or disabled"}
	}
	w := io.Writer(redacting{out})
	if cfg.LogFormat == "console" || cfg.LogFormat == "auto" && isTerminal(out) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.DateTime, NoColor: !isTerminal(out)}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger(), closeLog, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// redacting masks the secrets of mongodb:// addresses in each line: a driver's
// error may quote one.
type redacting struct{ out io.Writer }

// Write implements io.Writer.
func (r redacting) Write(line []byte) (int, error) {
	if _, err := io.WriteString(r.out, mongouri.Redact(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
