package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lgtask/lgtask/bench/internal/report"
)

// setting is a peer in one of its configurations, ready to be measured.
type setting struct {
	peer
	tuned    bool
	argv     []string
	versions string
	rows     []row
}

// metric names a row of a setting.
func (s setting) metric(r row) string {
	name := s.name + "_" + r.name
	if !s.tuned {
		name += "_default"
	}
	return name
}

// word tells a program its setting.
func (s setting) word() string {
	if s.tuned {
		return "tuned"
	}
	return "default"
}

// rowTimeout bounds a row of one round: the slowest known takes three minutes.
const rowTimeout = 15 * time.Minute

// measureAll measures every row that is asked for, in rounds, and returns the
// lines in the order of the peers and rows. Rows that fail are in the error.
func measureAll(ctx context.Context, o options, progress io.Writer) ([]report.Metric, error) {
	settings, err := prepare(ctx, o, progress)
	if err != nil {
		return nil, err
	}
	samples := map[string][]sample{}
	var failed error
	for round := range o.rounds {
		for _, s := range settings {
			fmt.Fprintf(progress, "round %d of %d, %s %s, load %.1f\n", round+1, o.rounds, s.name, s.word(), load())
			if err := s.measure(ctx, o, samples, progress); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s %s: %w", s.name, s.word(), err))
			}
		}
	}
	var lines []report.Metric
	for _, s := range settings {
		for _, r := range s.rows {
			if got := samples[s.metric(r)]; got != nil {
				lines = append(lines, summarize(s.metric(r), got, s.params(r)))
			}
		}
	}
	return lines, failed
}

// wanted returns the settings that have a row to measure.
func wanted(run *regexp.Regexp) []setting {
	var all []setting
	for _, p := range peers {
		for _, tuned := range []bool{true, false} {
			s := setting{peer: p, tuned: tuned}
			s.rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !run.MatchString(s.metric(r)) })
			if len(s.rows) > 0 {
				all = append(all, s)
			}
		}
	}
	return all
}

// prepare installs and builds what the settings need, and asks for versions.
func prepare(ctx context.Context, o options, progress io.Writer) ([]setting, error) {
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return nil, err
	}
	settings := wanted(o.run)
	for i := range settings {
		s := &settings[i]
		if i > 0 && settings[i-1].name == s.name {
			s.argv, s.versions = settings[i-1].argv, settings[i-1].versions
			continue
		}
		if err := provide(ctx, s.needs, progress); err != nil {
			return nil, err
		}
		var err error
		if s.argv, err = s.build(ctx, s.peer, o); err != nil {
			return nil, fmt.Errorf("build the program of %s: %w", s.name, err)
		}
		if s.versions, err = s.peer.versions(ctx, o); err != nil {
			return nil, err
		}
	}
	return settings, nil
}

// measure adds a sample of each row to samples, on a server that lives as long.
func (s setting) measure(ctx context.Context, o options, samples map[string][]sample, progress io.Writer) (err error) {
	srv, err := s.server(ctx, s.tuned, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	for _, r := range s.rows {
		before := load()
		got, failed := s.one(ctx, srv.address, r, o.size)
		switch {
		case errors.Is(failed, errUnsupported):
			fmt.Fprintf(progress, "  %s: the peer has no such call\n", s.metric(r))
		case failed != nil:
			err = errors.Join(err, fmt.Errorf("%s: %w", r.name, failed))
		default:
			got.load = before
			samples[s.metric(r)] = append(samples[s.metric(r)], got)
			fmt.Fprintf(progress, "  %s\n", got.text(s.metric(r)))
		}
	}
	return err
}

// one measures a row once, from an empty server, with processes of its own.
func (s setting) one(ctx context.Context, address string, r row, size size) (got sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, rowTimeout)
	defer cancel()
	if !s.tuned {
		size.tasks = s.fewer(r, size.tasks)
	}
	producer, err := launch(ctx, s.argv, "producer", address, s.word(), "0")
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, producer.stop()) }()
	if _, err := producer.ask(ctx, command{Do: "reset"}); err != nil {
		return sample{}, err
	}
	ses := session{producer: producer, size: size}
	if r.workers > 0 {
		if ses.worker, err = launch(ctx, s.argv, "worker", address, s.word(), strconv.Itoa(r.workers)); err != nil {
			return sample{}, err
		}
		defer func() { err = errors.Join(err, ses.worker.stop()) }()
	}
	return r.measure(ctx, ses)
}

// fewer returns how many tasks a row has in the default configuration.
func (s setting) fewer(r row, tasks int) int {
	if r.workers > 0 {
		return tasks / s.slow
	}
	return tasks
}

// params says under which conditions a row was measured.
func (s setting) params(r row) report.Params {
	about := s.standard
	if s.tuned {
		about = s.peer.tuned
	}
	return report.Params{"config": s.word(), "settings": about, "workers": r.workers, "versions": s.versions}
}

// load returns how many processes the machine has had to run, averaged over a
// minute, or -1 where the system does not say.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	v, wrong := strconv.ParseFloat(first, 64)
	if err != nil || wrong != nil {
		return -1
	}
	return v
}
