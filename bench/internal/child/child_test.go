package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var roles = map[string]Role{
	"adder": func(_ context.Context, setup json.RawMessage) (*Actor, error) {
		var s struct {
			Base  int
			Grave string
		}
		if err := json.Unmarshal(setup, &s); err != nil {
			return nil, err
		}
		if s.Base < 0 {
			return nil, errors.New("the base is negative")
		}
		return &Actor{
			Verbs: map[string]Verb{
				"add":  Do(func(_ context.Context, n int) (any, error) { return s.Base + n, nil }),
				"fail": Do(func(context.Context, struct{}) (any, error) { return nil, errors.New("as asked") }),
				"die":  Do(func(context.Context, struct{}) (any, error) { os.Exit(3); return nil, nil }),
				"env":  Do(func(_ context.Context, name string) (any, error) { return os.Getenv(name), nil }),
				"hang": Do(func(ctx context.Context, _ struct{}) (any, error) { <-ctx.Done(); return nil, nil }),
			},
			End: func() error { return os.WriteFile(s.Grave, nil, 0o600) },
		}, nil
	},
}

func TestMain(m *testing.M) {
	Main(os.Args[1:], roles)
	goleak.VerifyTestMain(m)
}

type setup struct {
	Base  int
	Grave string
}

func start(t *testing.T) (*Child, string) {
	t.Helper()
	grave := filepath.Join(t.TempDir(), "grave")
	c, err := Start(t.Context(), "adder", setup{100, grave})
	if err != nil {
		t.Fatal(err)
	}
	return c, grave
}

func TestCalls(t *testing.T) {
	c, grave := start(t)
	for i := range 3 {
		var sum int
		if err := c.Call(t.Context(), "add", i, &sum); err != nil || sum != 100+i {
			t.Errorf("%d, %v", sum, err)
		}
	}
	for verb, want := range map[string]string{"fail": "as asked", "subtract": "it can add, die, env, fail, hang"} {
		if err := c.Call(t.Context(), verb, nil, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprint(c.PID())) {
			t.Errorf("%s: error %v; want one with %q and the process", verb, err, want)
		}
	}
	if err := c.Call(t.Context(), "add", 1, nil); err != nil {
		t.Errorf("after an error: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(grave); err != nil {
		t.Errorf("End was not called: %v", err)
	}
}

func TestChildThatDies(t *testing.T) {
	c, _ := start(t)
	if err := c.Call(t.Context(), "die", nil, nil); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("error %v", err)
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
}

func TestCallThatTakesTooLong(t *testing.T) {
	c, _ := start(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no time left"))
	if err := c.Call(ctx, "hang", nil, nil); err == nil || !strings.Contains(err.Error(), "no time left") {
		t.Errorf("error %v", err)
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v", err)
	}
}

func TestRoleThatFails(t *testing.T) {
	if _, err := Start(t.Context(), "adder", setup{Base: -1}); err == nil || !strings.Contains(err.Error(), "the base is negative") {
		t.Errorf("error %v", err)
	}
	if _, err := Start(t.Context(), "stranger", nil); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("error %v", err)
	}
}

// TestKill ends a child that is frozen, where the system can do that, and finds
// out about one that was gone before.
func TestKill(t *testing.T) {
	c, grave := start(t)
	if err := c.Freeze(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("it does not answer"))
	if err := c.Call(ctx, "add", 1, nil); err == nil || !strings.Contains(err.Error(), "it does not answer") {
		t.Errorf("error %v", err)
	}
	if err := c.Kill(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(grave); err == nil {
		t.Error("End was called")
	}
	c, _ = start(t)
	if err := c.Call(t.Context(), "die", nil, nil); err == nil {
		t.Error("it did not die")
	}
	if err := c.Kill(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
}

// TestStartProgram hands over an environment.
func TestStartProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := StartProgram(t.Context(), self, []string{"BENCH_CHILD_TEST=x"}, "adder", setup{1, filepath.Join(t.TempDir(), "grave")})
	if err != nil {
		t.Fatal(err)
	}
	var x string
	if err := c.Call(t.Context(), "env", "BENCH_CHILD_TEST", &x); err != nil || x != "x" {
		t.Errorf("%q, %v", x, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
