package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// fault names what the fake program does wrong, if anything.
const fault = "LGTASK_TEST_PEER_FAULT"

// TestMain makes this program a fake peer if it is started like one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "producer" || os.Args[1] == "worker") {
		os.Exit(fake(os.Args[1], os.Getenv(fault)))
	}
	goleak.VerifyTestMain(m)
}

// fake speaks the protocol. It needs no server: what is offered as task i at
// 1000·i µs starts 2 ms later, and 100 tasks take 10 ms.
func fake(role, fault string) int {
	enc := json.NewEncoder(os.Stdout)
	if fault == "silent" {
		fmt.Fprintln(os.Stderr, "there is no server")
		return 3
	}
	if enc.Encode(reply{}) != nil {
		return 1
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var c command
		if json.Unmarshal(in.Bytes(), &c) != nil || enc.Encode(fakeReply(role, fault, c)) != nil {
			return 1
		}
	}
	return 0
}

func fakeReply(role, fault string, c command) reply {
	r := reply{Began: 1, Ended: 1 + 100*int64(c.N)}
	if role == "producer" && c.Do == "enqueue" && c.Callers == 0 && fault == "no bulk" {
		return reply{Unsupported: true}
	}
	if c.Do == fault {
		return reply{Error: "it was told to fail"}
	}
	for i := range c.N {
		at := int64(1_000_000 + 1000*i)
		if c.Do == "await" {
			r.Seqs, at = append(r.Seqs, i), at+2000
		}
		r.Instants, r.Called = append(r.Instants, at), append(r.Called, at-500)
	}
	if c.Do == "await" && fault == "twice" {
		r.Seqs[c.N-1] = 0
	}
	return r
}

// fakePeers makes the fake the only peer for the time of a test.
func fakePeers(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before := peers
	t.Cleanup(func() { peers = before })
	peers = []peer{{
		name: "fake", slow: 2, tuned: "fast", standard: "slow",
		server: func(context.Context, bool, options) (*server, error) {
			dir, err := ownDir()
			if err != nil {
				return nil, err
			}
			return start(dir, "TERM", []string{"sleep", "600"})
		},
		build: func(context.Context, peer, options) ([]string, error) { return []string{self}, nil },
	}}
}

// measureFake runs the whole program on the fake and returns its lines, its
// table and what it said.
func measureFake(t *testing.T, code int, args ...string) (map[string]map[string]any, string, string) {
	t.Helper()
	fakePeers(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each fake takes a second to end
	args = append([]string{"-quick", "-dir", t.TempDir(), "-cache", filepath.Join(t.TempDir(), "cache")}, args...)
	var out, progress bytes.Buffer
	if got := run(t.Context(), args, &out, &progress); got != code {
		t.Fatalf("exit code %d instead of %d:\n%s", got, code, &progress)
	}
	lines := map[string]map[string]any{}
	text, table, _ := strings.Cut(out.String(), "\n\n")
	for l := range strings.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		lines[one["metric"].(string)] = one
	}
	return lines, table, progress.String()
}

func TestAllRows(t *testing.T) {
	lines, table, _ := measureFake(t, 0, "-rounds", "2")
	if len(lines) != 2*len(rows) {
		t.Errorf("%d lines instead of %d", len(lines), 2*len(rows))
	}
	for metric, want := range map[string]float64{
		"fake_drain_100": 10_000, "fake_enqueue_bulk_default": 10_000,
		"fake_idle_latency": 2.5, "fake_steady_500": 2, "fake_delayed_lateness_default": 2,
	} {
		if got := lines[metric]["value"]; got != want {
			t.Errorf("%s is %v instead of %v", metric, got, want)
		}
	}
	for metric, want := range map[string]float64{"fake_drain_100": 4_000, "fake_drain_100_default": 2_000} {
		if got := lines[metric]["n"]; got != want {
			t.Errorf("%s is of %v tasks instead of %v", metric, got, want)
		}
	}
	for _, want := range []string{"| drain_100        | 10,000/s (10,000 to 10,000)", "| idle_latency     | 2.5 / 2.5 ms (2.5 to 2.5)"} {
		if strings.Count(table, want) != 2 {
			t.Errorf("the tables do not both hold %q:\n%s", want, table)
		}
	}
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	lines, _, _ := measureFake(t, 0, "-run", "_steady_500$")
	if len(lines) != 1 || lines["fake_steady_500"] == nil {
		t.Errorf("measured %v", lines)
	}
}

func TestWithoutBulk(t *testing.T) {
	t.Setenv(fault, "no bulk")
	lines, table, progress := measureFake(t, 0, "-run", "fake_(drain_10|enqueue_bulk|enqueue_1)$")
	if lines["fake_enqueue_bulk"] != nil || lines["fake_drain_10"] == nil || strings.Contains(table, "bulk") {
		t.Errorf("without a bulk call a drain enqueues otherwise, and the row is left out: %v", lines)
	}
	if !strings.Contains(progress, "no such call") {
		t.Errorf("it does not say so: %s", progress)
	}
}

func TestFaultsAreSeen(t *testing.T) {
	for name, want := range map[string]string{
		"twice":  "ran twice",
		"await":  "it was told to fail",
		"reset":  "it was told to fail",
		"silent": "there is no server",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(fault, name)
			lines, _, progress := measureFake(t, 1, "-run", "fake_drain_10$")
			if len(lines) != 0 || !strings.Contains(progress, want) {
				t.Errorf("lines %v; it does not say %q:\n%s", lines, want, progress)
			}
		})
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"-run", "("}, {"-appendfsync", "no"}, {"-rounds", "-1"}, {"-nonsense"}, {"rest"}, {"-run", "drain_11"}} {
		var out, progress bytes.Buffer
		if code := run(t.Context(), args, &out, &progress); code != 2 || progress.Len() == 0 {
			t.Errorf("%q: exit code %d, says %q", args, code, &progress)
		}
	}
	if code := run(t.Context(), []string{"-help"}, new(bytes.Buffer), new(bytes.Buffer)); code != 0 {
		t.Errorf("-help: exit code %d", code)
	}
}

// TestProgramsArePinned wants the files that a build takes, and a lock that
// leaves it to the caller where packages come from.
func TestProgramsArePinned(t *testing.T) {
	for _, name := range []string{"river/go.sum", "asynq/go.sum", "bullmq/package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"resolved"`)) {
			t.Errorf("%s names the addresses of a registry: make it with --omit-lockfile-registry-resolved", name)
		}
	}
	for _, p := range peers {
		if _, err := os.Stat(p.name); err != nil || p.slow < 1 || slices.Contains([]string{p.tuned, p.standard}, "") {
			t.Errorf("%s lacks its folder or a description: %v", p.name, err)
		}
	}
}
