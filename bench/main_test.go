package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/bench/internal/child"
	"github.com/lgtask/lgtask/bench/internal/report"
	"github.com/lgtask/lgtask/bench/internal/roles"
	"github.com/lgtask/lgtask/bench/internal/rows"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestMain(m *testing.M) {
	child.Main(os.Args[1:], roles.All)
	code := m.Run()
	taskstest.Close()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestRowsEndToEnd measures with few tasks what the program measures with many,
// in processes of their own, on the server of the tests.
func TestRowsEndToEnd(t *testing.T) {
	tiny := rows.Sizes{
		Drain: 40, Idle: 4, IdleEvery: 5 * time.Millisecond, One: 10, Bulk: 20,
	}
	e := &rows.Env{URI: taskstest.URI(t), Dir: t.TempDir(), Rounds: 1, Sizes: tiny, Log: t.Logf}
	want := map[string]int{"drain_10": 40, "idle_latency": 4, "enqueue_1": 10, "enqueue_bulk": 20}
	wanted := func(m string) bool { return want[m] > 0 }
	var stdout strings.Builder
	if err := measure(t.Context(), e, choose(rows.All, wanted), wanted, &output{stdout: &stdout}); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	text := bufio.NewScanner(strings.NewReader(stdout.String()))
	for range len(want) {
		var m report.Metric
		if !text.Scan() {
			t.Fatalf("lines are missing:\n%s", stdout.String())
		}
		if err := json.Unmarshal(text.Bytes(), &m); err != nil {
			t.Fatalf("%q: %v", text.Text(), err)
		}
		if n := want[m.Metric]; n == 0 || m.N != n || m.Value <= 0 || m.Raw == nil || *m.Raw <= 0 || m.Ratio == nil || m.Min > m.Value || m.Max < m.Value {
			t.Errorf("%+v", m)
		}
		delete(want, m.Metric)
	}
	if !strings.Contains(stdout.String(), "min to max") || len(want) > 0 {
		t.Errorf("no table, or without %v:\n%s", want, stdout.String())
	}
}

// TestRowThatFails wants a line with the error, the other rows, and an error.
func TestRowThatFails(t *testing.T) {
	all := []rows.Row{
		{Metrics: []string{"bad", "worse"}, Run: func(context.Context, *rows.Env, func(string) bool) ([]report.Metric, error) {
			return nil, errors.New("broken on purpose")
		}},
		{Metrics: []string{"good"}, Run: func(context.Context, *rows.Env, func(string) bool) ([]report.Metric, error) {
			return []report.Metric{{Metric: "good", Value: 1}}, nil
		}},
	}
	var stdout, file strings.Builder
	err := measure(t.Context(), nil, all, func(string) bool { return true }, &output{stdout: &stdout, file: &file})
	if err == nil || err.Error() != "failed: bad, worse" {
		t.Errorf("error %v", err)
	}
	lines := `{"metric":"bad","error":"broken on purpose"}` + "\n" + `{"metric":"worse","error":"broken on purpose"}` + "\n" + `{"metric":"good",`
	if !strings.HasPrefix(stdout.String(), lines) || !strings.HasPrefix(stdout.String(), file.String()) || strings.Count(file.String(), "\n") != 3 {
		t.Errorf("printed\n%s\nin the file\n%s", stdout.String(), file.String())
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	row := rows.Row{Metrics: []string{"x"}, Run: func(ctx context.Context, _ *rows.Env, _ func(string) bool) ([]report.Metric, error) {
		runs++
		cancel()
		return nil, ctx.Err()
	}}
	err := measure(ctx, nil, []rows.Row{row, row}, func(string) bool { return true }, &output{stdout: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "interrupted") || runs != 1 {
		t.Errorf("%d rows, error %v", runs, err)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-rounds", "0"}, 2, "give 1 or more"},
		{[]string{"-run", "("}, 2, "missing closing"},
		{[]string{"-run", "no such metric"}, 2, "-list"},
		{[]string{"drain_10"}, 2, `unexpected argument "drain_10"`},
		{[]string{"-fast"}, 2, "-fast"},
		{[]string{"-help"}, 0, "-quick"},
		{[]string{"-list", "-run", "^idle_c"}, 0, "idle_cpu\nidle_commands\n"},
		{[]string{"-json", filepath.Join(t.TempDir(), "no", "folder")}, 1, "no such file"},
	} {
		var out strings.Builder
		if code := run(t.Context(), c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%q: exit code %d, %q; want %d and %q", c.args, code, out.String(), c.code, c.want)
		}
	}
	if c, err := parse([]string{"-quick"}, io.Discard); err != nil || c.rounds != 1 || c.sizes != rows.Quick {
		t.Errorf("-quick: %+v, %v", c, err)
	}
	if c, err := parse(nil, io.Discard); err != nil || c.rounds != 3 || c.sizes != rows.Full {
		t.Errorf("no flag: %+v, %v", c, err)
	}
}
