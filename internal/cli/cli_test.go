package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runs a command with the hooks and returns what it wrote.
func run(t *testing.T, hooks Hooks, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{name: "prog", hooks: hooks, stdin: strings.NewReader(""), stdout: &output{w: &out}, stderr: &errs}
	root := p.root()
	if len(args) == 0 || !isCommand(root, args[0]) {
		return p.processors(root, args), out.String(), errs.String()
	}
	return p.run(t.Context(), root, args), out.String(), errs.String()
}

func TestProcessorForm(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("lisst", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"my.cfg"}, {"my.cfg", "2"}, {"./list"}, {"--help"}, {"-1"}, {"lisst"}, {"zzzzzzz"}, {"--", "list"}, {"creat.cfg"}, {""}} {
		called := 0
		code, _, stderr := run(t, Hooks{Run: func() int { called++; return 7 }}, args...)
		if called != 1 || code != 7 || stderr != "" {
			t.Errorf("%q: called %d times, code %d, %s", args, called, code, stderr)
		}
	}
	code, _, stderr := run(t, Hooks{}, "creat", "Mail")
	if code != exitUsage || !strings.Contains(stderr, `"creat": did you mean create?`) {
		t.Errorf("%d %s", code, stderr)
	}
	code, stdout, _ := run(t, Hooks{Run: func() int { return 0 }}, "--help")
	if code != exitDone || !strings.Contains(stdout, "unschedule") || strings.Contains(stdout, "health") {
		t.Errorf("%d %s", code, stdout)
	}
}

func TestHooks(t *testing.T) {
	var got any
	hooks := Hooks{
		Run:    func() int { return 9 },
		Dev:    func(_ context.Context, o DevOptions) int { got = o; return 3 },
		Build:  func(_ context.Context, o BuildOptions) int { got = o; return 4 },
		Health: func(_ context.Context, o HealthOptions) int { got = o; return 1 },
	}
	for _, tt := range []struct {
		args string
		code int
		want any
	}{
		{"dev", 3, DevOptions{Dir: "."}},
		{"dev tasks --processors 4 --port=8080", 3, DevOptions{"tasks", 4, 8080}},
		{"build", 4, BuildOptions{Dir: "."}},
		{"build tasks -o out --os linux --arch arm64", 4, BuildOptions{"tasks", "out", "linux", "arm64"}},
		{"health", 1, HealthOptions{}},
		{"health my.cfg", 1, HealthOptions{"my.cfg", ""}},
		{"health my.cfg 2", 1, HealthOptions{"my.cfg", "2"}},
	} {
		got = nil
		if code, _, stderr := run(t, hooks, strings.Fields(tt.args)...); code != tt.code || got != tt.want || stderr != "" {
			t.Errorf("%s: code %d, %+v, %s", tt.args, code, got, stderr)
		}
	}
	for args, part := range map[string]string{
		"dev a b": `"b" is one argument too many`, "dev --processors 0": `--processors is "0"`, "dev --port 65536": "from 1 to 65535",
		"build --os=": "--os is empty", "health a 1 b": `"b" is one argument too many`, "health mongodb://h": "not an address",
	} {
		if code, _, stderr := run(t, hooks, strings.Fields(args)...); code != exitUsage || !strings.Contains(stderr, part) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: code %d, %s", args, code, stderr)
		}
	}
	for _, name := range []string{"dev", "build", "health"} {
		if code, _, _ := run(t, Hooks{Run: func() int { return 9 }}, name); code != 9 {
			t.Errorf("%s is offered without its hook: code %d", name, code)
		}
	}
}

// Each command has a help with an example that begins with the program's name.
func TestHelpOfEachCommand(t *testing.T) {
	hooks := Hooks{Dev: func(context.Context, DevOptions) int { return 0 }, Build: func(context.Context, BuildOptions) int { return 0 },
		Health: func(context.Context, HealthOptions) int { return 0 }}
	p := &program{name: "prog", hooks: hooks, stdout: &output{w: io.Discard}}
	for _, c := range p.root().Commands() {
		if c.Name() == "help" {
			continue
		}
		code, stdout, stderr := run(t, hooks, c.Name(), "--help")
		if code != exitDone || stderr != "" || !strings.Contains(stdout, "Examples:\n  ") || !strings.Contains(stdout, "prog "+c.Name()) || strings.Contains(stdout, "PROGRAM") {
			t.Errorf("%s: code %d\n%s%s", c.Name(), code, stdout, stderr)
		}
		if _, again, _ := run(t, hooks, "help", c.Name()); again != stdout {
			t.Errorf("help %s is not %s --help", c.Name(), c.Name())
		}
	}
}

// Who asks for completion gets names, not errors.
func TestCompletion(t *testing.T) {
	for args, want := range map[string]string{
		"__complete cr": "create\t", "__complete list --state e": "error\n", "__complete create --pri": "--priority\t",
		"__completeNoDesc uns": "unschedule\n", "completion bash": "bash completion", "completion zsh": "#compdef prog", "completion fish": "fish completion",
		"completion powershell": "powershell completion",
	} {
		if code, stdout, _ := run(t, Hooks{}, strings.Fields(args)...); code != exitDone || !strings.Contains(stdout, want) {
			t.Errorf("%s: %d %.200s", args, code, stdout)
		}
	}
	if code, stdout, stderr := run(t, Hooks{}, "completion", "tcsh"); code != exitUsage || stdout != "" || !strings.Contains(stderr, "bash, zsh, fish, powershell") {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
}
