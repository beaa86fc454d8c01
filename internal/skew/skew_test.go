package skew

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestClockIsWrong builds a program and asks it for the time.
func TestClockIsWrong(t *testing.T) {
	program := filepath.Join(t.TempDir(), "clock")
	if err := Build(t.Context(), "github.com/lgtask/lgtask/internal/skew/testdata/clock", program); err != nil {
		t.Fatal(err)
	}
	for _, by := range []time.Duration{0, 5 * time.Second, -70 * time.Second, time.Hour} {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = append(cmd.Environ(), Env(by))
		before := time.Now()
		out, err := cmd.Output()
		after := time.Now()
		var at, took int64
		if _, e := fmt.Sscan(string(out), &at, &took); e != nil || err != nil {
			t.Fatalf("%q: %v, %v", out, err, e)
		}
		if said := time.Unix(0, at).Add(-by); said.Before(before) || said.After(after) {
			t.Errorf("by %v: it says %v; it was %v to %v", by, said.Add(by), before, after)
		}
		if d := time.Duration(took); d < time.Millisecond || d > after.Sub(before) {
			t.Errorf("by %v: a millisecond took %v", by, d)
		}
	}
}

func TestUnknownToolchain(t *testing.T) {
	for _, text := range []string{
		"package time\n",
		"import (\n)\nfunc Now() Time {\n\tother()\n",
		"func Now() Time {\n\tsec, nsec, mono := now()\n",
	} {
		if _, err := skewed([]byte(text)); err == nil || !strings.Contains(err.Error(), "another way") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestBuildThatFails(t *testing.T) {
	err := Build(t.Context(), "github.com/lgtask/lgtask/internal/skew/nothing", filepath.Join(t.TempDir(), "x"))
	if err == nil || !strings.Contains(err.Error(), "go build") || !strings.Contains(err.Error(), "nothing") {
		t.Errorf("error %v", err)
	}
}

// TestClockSteps has a clock go wrong while the program runs, and another that would only
// later.
func TestClockSteps(t *testing.T) {
	program := filepath.Join(t.TempDir(), "clock")
	if err := Build(t.Context(), "github.com/lgtask/lgtask/internal/skew/testdata/clock", program); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{Step(-time.Hour, time.Second), Step(time.Hour, time.Hour)} {
		cmd := exec.CommandContext(t.Context(), program, "1200ms")
		cmd.Env = append(cmd.Environ(), env)
		out, err := cmd.Output()
		var at, took, later int64
		if _, e := fmt.Sscan(string(out), &at, &took, &later); e != nil || err != nil {
			t.Fatalf("%q: %v, %v", out, err, e)
		}
		want := time.Duration(0)
		if strings.HasSuffix(env, "@1") {
			want = -time.Hour
		}
		if by := time.Duration(later - at - took); (by - want).Abs() > 100*time.Millisecond {
			t.Errorf("%s: it stepped by %v", env, by)
		}
		if d := time.Since(time.Unix(0, at)); d.Abs() > 30*time.Second {
			t.Errorf("%s: at first it was wrong by %v", env, d)
		}
	}
}
