package skew

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// variable tells a program how wrong its clock is, in seconds.
const variable = "LGTASK_SKEW"

// Env returns the entry of the environment that sets the clock of a program made
// by Build ahead by d, or back if d is negative. Only whole seconds count.
func Env(d time.Duration) string { return Step(d, 0) }

// Step is Env for a clock that is right until the program has run for a while.
func Step(d, after time.Duration) string {
	return fmt.Sprintf("%s=%d@%d", variable, int64(d/time.Second), int64(after/time.Second))
}

// Build builds the main package of that import path into the file out. It takes
// half a minute the first time, since all of Go's packages have to be built anew;
// later the go command has them.
func Build(ctx context.Context, pkg, out string) error {
	root, err := run(ctx, "env", "GOROOT")
	if err != nil {
		return err
	}
	original := filepath.Join(root, "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	if text, err = skewed(text); err != nil {
		return fmt.Errorf("%s: %w", original, err)
	}
	dir, err := os.MkdirTemp("", "lgtask-skew-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is small, and temporary
	replaced, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replaced}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(replaced, text, 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return err
	}
	_, err = run(ctx, "build", "-overlay", overlay, "-o", out, pkg)
	return err
}

func run(ctx context.Context, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

var (
	// The start of time.Now in the versions of Go that there are.
	now     = regexp.MustCompile(`(?m)^func Now\(\) Time \{\n\tsec, nsec, mono := \w+\(\)\n`)
	imports = regexp.MustCompile(`(?m)^import \(\n`)
)

// skewed changes the text of time.go.
func skewed(text []byte) ([]byte, error) {
	for _, at := range []*regexp.Regexp{now, imports} {
		if n := len(at.FindAll(text, -1)); n != 1 {
			return nil, fmt.Errorf("%d places look like %q; this version of Go needs another way to set the clock wrong", n, at)
		}
	}
	text = now.ReplaceAll(text, []byte("${0}\tif mono-startNano >= skewFrom {\n\t\tsec += skew\n\t}\n"))
	text = imports.ReplaceAll(text, []byte("${0}\tskewenv \"syscall\"\n"))
	return append(text, addition...), nil
}

// addition reads the variable once, with the little that package time may import.
const addition = `
var skew, skewFrom = func() (s, from int64) {
	text, _ := skewenv.Getenv("` + variable + `")
	sign, sum := int64(1), &s
	for i := range len(text) {
		switch c := text[i]; c {
		case '-':
			sign = -1
		case '@':
			sum = &from
		default:
			*sum = 10**sum + int64(c-'0')
		}
	}
	return sign * s, from * int64(Second)
}()
`
