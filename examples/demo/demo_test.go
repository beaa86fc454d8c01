package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask/internal/mongod"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onTestServer runs the demo on the server of the tests. do, if not nil, is called
// when a text that contains on is written. It fails the test if the database that
// the demo used is still there.
func onTestServer(t *testing.T, ctx context.Context, args []string, on string, do func()) (code int, stdout, stderr string) {
	t.Helper()
	uri, err := mongod.ForTests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(mongod.EnvTestDatabase, uri)
	out, errs := &trigger{on: on, do: do}, &strings.Builder{}
	code = run(ctx, args, newScreen(out, false), errs)
	database := regexp.MustCompile("lgtask_demo_[0-9a-f]{24}").FindString(out.String())
	if database == "" {
		t.Fatalf("exit code %d, errors %q, output without a database:\n%s", code, errs, out)
	}
	if names := databases(t, uri); slices.Contains(names, database) {
		t.Errorf("the database %s is left behind", database)
	}
	return code, out.String(), errs.String()
}

// databases lists the databases of the server.
func databases(t *testing.T, uri string) []string {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Disconnect(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	names, err := client.ListDatabaseNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// trigger keeps what is written, and calls do at the first text that contains on.
type trigger struct {
	strings.Builder
	on string
	do func()
}

// Write implements io.Writer.
func (w *trigger) Write(p []byte) (int, error) {
	if w.do != nil && strings.Contains(string(p), w.on) {
		w.do()
		w.do = nil
	}
	return w.Builder.Write(p)
}

func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	code, out, errs := onTestServer(t, ctx, []string{"-files", "200"}, "", nil)
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d, errors %q, output:\n%s", code, errs, out)
	}
	for _, want := range []string{
		`(?m)^200 files in \d+ folders of .*src, [\d,]+ bytes; counted without tasks in `,
		`(?m)^4 processors: \S+-1 to \S+-4$`,
		`(?m)^package +files +lines +words +bytes$`,
		`(?m)^total +200 `,
		`(?m)^These are the sums of the direct count. 200 files asked for sums of \d+ packages: \d+ runs.$`,
		`(?m)^\d+ tasks in \S+ m?s: \d+ tasks/s$`,
		`(?m)^CountFile +200( +\S+ m?s){6}$`,
		`(?m)^SumPackage +\d+( +\S+ m?s){6}$`,
		`(?m)^Progress +\d+( +\S+ m?s){6}$`,
		`(?m)^Report +1( +\S+ m?s){6}$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line %s in the output:\n%s", want, out)
		}
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("control characters in plain output: %q", out)
	}
}

// TestFileVanishes has a file that cannot be counted when its task runs: it is
// taken away once the processors are there.
func TestFileVanishes(t *testing.T) {
	dir := tree(t, map[string]string{"p/a": "one\n", "p/b": "two\n"})
	code, _, errs := onTestServer(t, t.Context(), []string{"-dir", dir, "-processors", "1"}, "1 processor: ", func() {
		if err := os.Remove(filepath.Join(dir, "p", "b")); err != nil {
			t.Error(err)
		}
	})
	if code != 1 || !strings.Contains(errs, "1 tasks of class CountFile failed") || !strings.Contains(errs, "p/b") {
		t.Errorf("exit code %d, errors %q", code, errs)
	}
}

// TestFileChanges has a file that is another one when its task runs.
func TestFileChanges(t *testing.T) {
	dir := tree(t, map[string]string{"p/a": "one\n"})
	code, _, errs := onTestServer(t, t.Context(), []string{"-dir", dir}, "4 processors: ", func() {
		if err := os.WriteFile(filepath.Join(dir, "p", "a"), []byte("three four"), 0o644); err != nil {
			t.Error(err)
		}
	})
	if code != 1 || !strings.Contains(errs, "p has 1 files, 0 lines, 2 words, 10 bytes instead of 1 files, 1 lines, 1 words, 4 bytes") {
		t.Errorf("exit code %d, errors %q", code, errs)
	}
}

// TestStopped ends the context in the middle, as Ctrl-C does.
func TestStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code, _, errs := onTestServer(t, ctx, nil, " files, ", cancel)
	if code != 130 || errs != "demo: stopped\n" {
		t.Errorf("exit code %d, errors %q", code, errs)
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"-files -1":     "-files -1",
		"-processors 0": "-processors 0",
		"file":          `"file"`,
		"-x":            "-x",
	} {
		var errs strings.Builder
		if code := run(t.Context(), strings.Fields(args), newScreen(io.Discard, false), &errs); code != 2 || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit code %d, %q", args, code, &errs)
		}
	}
	if code := run(t.Context(), []string{"-h"}, newScreen(io.Discard, false), io.Discard); code != 0 {
		t.Errorf("-h: exit code %d", code)
	}
}

func TestNoServer(t *testing.T) {
	t.Setenv(mongod.EnvTestDatabase, "")
	t.Setenv("PATH", "")
	t.Setenv("HOME", t.TempDir())
	t.Chdir(t.TempDir())
	var errs strings.Builder
	code := run(t.Context(), []string{"-dir", tree(t, map[string]string{"a": ""})}, newScreen(io.Discard, false), &errs)
	if code != 1 || !strings.Contains(errs.String(), mongod.EnvTestDatabase) || strings.Count(errs.String(), "\n") != 1 {
		t.Errorf("exit code %d, errors %q", code, &errs)
	}
}

func TestNoGo(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := goSource(t.Context()); err == nil || !strings.Contains(err.Error(), "-dir") {
		t.Errorf("error %v; want one that names -dir", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := goSource(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: error %v", err)
	}
}
