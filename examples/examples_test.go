package examples_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// limit bounds the run of an example.
const limit = time.Minute

// bin is the folder with the built examples.
var bin string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "lgtask-examples-"); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	defer func() { _ = os.RemoveAll(bin) }()
	defer taskstest.Close()
	return m.Run()
}

// build compiles all examples, once.
var build = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-o", bin+string(filepath.Separator), "./...").CombinedOutput()
	if err != nil {
		return errors.New(err.Error() + ": " + string(out))
	}
	return nil
})

// program is an example that can be run.
func program(t *testing.T, ctx context.Context, db *mongo.Database, name string, args ...string) *exec.Cmd {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LGTASK_") })
	cmd.Env = append(cmd.Env, "LGTASK_DATABASE="+address(t, db))
	return cmd
}

// address is that of a database on the test server.
func address(t *testing.T, db *mongo.Database) string {
	t.Helper()
	u, err := mongouri.Parse(taskstest.URI(t))
	if err != nil {
		t.Fatal(err)
	}
	u, err = u.WithDatabase(db.Name())
	if err != nil {
		t.Fatal(err)
	}
	return u.Driver()
}

// TestExamples runs each example twice on one database: what the first leaves
// must not disturb the second. The outputs are regular expressions.
func TestExamples(t *testing.T) {
	for name, want := range map[string]string{
		"quickstart": "hello, world",
		"delayed":    "at once, since the time is past\nfirst, after a time\nsecond, at a time\nthird, in words",
		"batch": "100 requests made 2 tasks\nother kwargs under the same name are refused: true\n" +
			"rebuilt north\nrebuilt south",
		"interval": "scheduled a second time: false\nanother period is refused: true\n" +
			"the nightly task waits for 0[23]:[03]0 in Berlin\ntick 1\ntick 2\ntick 3\n0 schedules are left",
		"singleton": "compacting sales\ncompacting stock\n" +
			"another one for sales: aborted, already running.*\nthree rounds in one task",
		"magic": "copied 2 documents of originals\n" + `the field of type any got a \*mongo\.Collection` + "\n" +
			"the text begins with mongodb://\nthe document has an address that ends in /originals",
		"drain":       "drained: 16 leaves\nnext week's task is still in state request\nout of time: true",
		"transaction": "ordering coffee: not in stock\nshipping the order of tea\n0 orders are left to ship",
	} {
		t.Run(name, func(t *testing.T) {
			db := taskstest.DB(t)
			for range 2 {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				cmd := program(t, ctx, db, name)
				var errs bytes.Buffer
				cmd.Stderr = &errs
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %s\n%s", err, &errs, out)
				}
				if !regexp.MustCompile("^" + want + "\n$").Match(out) {
					t.Errorf("output\n%s\nwant\n%s", out, want)
				}
			}
		})
	}
}
