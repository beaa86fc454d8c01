package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask"
)

// envChild holds the childConfig of a child process, as JSON.
const envChild = "LGTASK_INTEGRATION_CHILD"

// childConfig says what a child process runs.
type childConfig struct {
	Address    string        // of the task database
	Name       string        // base of the processors' names
	Processors int           // default 1
	Classes    []string      // default all of them
	Sweep      time.Duration // of the safety sweep; default the library's
}

// report is a line of a child's output: the first says that it listens, the last
// how it went.
type report struct {
	Listening bool
	Stats     lgtask.ProcessorStats
	Failure   string // why it could not start or stop
}

// childMain runs a processor until in closes, and returns the exit code.
func childMain(settings string, in io.Reader, out, logs io.Writer) int {
	say := json.NewEncoder(out)
	stats, err := runChild(settings, logs, func() error {
		if err := say.Encode(report{Listening: true}); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, in)
		return err
	})
	last := report{Stats: stats}
	if err != nil {
		last.Failure = err.Error()
	}
	if werr := say.Encode(last); err != nil || werr != nil {
		return 1
	}
	return 0
}

// runChild starts the processor, waits and stops it.
func runChild(settings string, logs io.Writer, wait func() error) (lgtask.ProcessorStats, error) {
	var none lgtask.ProcessorStats
	var c childConfig
	if err := json.Unmarshal([]byte(settings), &c); err != nil {
		return none, err
	}
	opts := []lgtask.ProcessorOption{lgtask.WithLogger(zerolog.New(logs).Level(zerolog.WarnLevel).With().Timestamp().Str("process", c.Name).Logger())}
	if c.Sweep > 0 {
		opts = append(opts, lgtask.WithSafetySweep(c.Sweep))
	}
	p, err := lgtask.NewProcessor(lgtask.Config{
		TaskDatabase: c.Address, TaskName: c.Name, Processors: c.Processors, Classes: c.Classes,
	}, registry(), opts...)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := p.Start(ctx); err != nil {
		return none, fmt.Errorf("starting: %w", err)
	}
	if err := wait(); err != nil {
		return none, err
	}
	stats := p.Stats()
	stop, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return stats, p.Stop(stop)
}
