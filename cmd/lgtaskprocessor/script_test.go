package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// scriptTime bounds each wait of a script. It is long, so that a busy machine
// fails no test.
const scriptTime = 40 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(checked{m}, map[string]func(){
		"lgtaskprocessor": main,
		"myprocessor":     myprocessor,
	})
}

// checked runs the tests and looks for goroutines that they left behind.
type checked struct{ *testing.M }

func (c checked) Run() int {
	code := c.M.Run()
	taskstest.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// TestScripts runs the program itself, as a process, as testdata tells. Each
// script has a task database of its own, whose address is $DB. Beside
// testscript's own commands there are:
//
//	fill FILE                    replaces $DB in a file
//	exits CODE PROGRAM [ARG...]  runs a program to its end; it must take at most 6 s
//	create CLASS [KWARGS]        creates a task, which the next two commands are about
//	comes STATE                  waits until the task is in that state
//	ran-on NAME...               fails unless these processors, and no others, ran tasks
//	signal TERM|INT              signals the program in the background that was started last
//	logged FILE REGEXP           waits until the file matches
//	mode FILE OCTAL              fails unless the file has that mode
//	keep VAR                     puts what was last written to standard output into a variable
//	foreign                      inserts tasks with IDs that only other programs make
//	socket                       serves a task's socket, as LGTASK_SOCKET, until the script ends
//	told TEXT                    fails unless the task said exactly that over the socket
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			tb := env.T().(testing.TB)
			s, err := newScript(tb)
			if err != nil {
				return err
			}
			env.Values[scriptKey{}] = s
			env.Setenv("DB", s.address)
			host, err := os.Hostname()
			env.Setenv("HOSTNAME", host)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "signal": signal, "fill": fill, "create": create, "comes": comes, "ran-on": ranOn, "logged": logged, "mode": mode,
			"keep": keep, "foreign": foreign, "socket": socket, "told": told,
		},
	})
}

// script is what the commands of one script share.
type script struct {
	address string
	conn    *lgtask.Connection
	task    lgtask.TaskID
	heard   heard // over the socket
}

type scriptKey struct{}

func newScript(t testing.TB) (*script, error) {
	db := taskstest.DB(t)
	u, err := mongouri.Parse(taskstest.URI(t))
	if err == nil {
		u, err = u.WithDatabase(db.Name())
	}
	if err != nil {
		return nil, err
	}
	conn, err := lgtask.New(db)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &script{address: u.Driver(), conn: conn}, nil
}

// use returns the script's state and checks how a command is called.
func use(ts *testscript.TestScript, neg bool, args []string, least, most int) *script {
	if neg || len(args) < least || len(args) > most {
		ts.Fatalf("it takes %d to %d arguments and no !", least, most)
	}
	return ts.Value(scriptKey{}).(*script)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, neg, args, 2, 20)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	began := time.Now()
	err = ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	code := 0
	switch {
	case errors.As(err, &failed):
		code = failed.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if took := time.Since(began); code != want || took > 6*time.Second {
		ts.Fatalf("exit code %d after %v, want %d within 6 s", code, took, want)
	}
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, neg, args, 1, 1)
	number, known := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[0]]
	running := ts.BackgroundCmds()
	if !known || len(running) == 0 {
		ts.Fatalf("no such signal, or nothing runs")
	}
	ts.Check(running[len(running)-1].Process.Signal(number))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 1, 1)
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "$DB", s.address)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func create(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 1, 2)
	var kwargs bson.D
	if len(args) == 2 {
		ts.Check(bson.UnmarshalExtJSON([]byte(args[1]), false, &kwargs))
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	res, err := s.conn.CreateTask(ctx, args[0], kwargs)
	ts.Check(err)
	s.task = res.ID
	ts.Setenv("TASK", res.ID.String())
}

func comes(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 1, 1)
	var task lgtask.Task
	waitFor(ts, func() (string, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
		defer cancel()
		var err error
		task, err = s.conn.Task(ctx, s.task)
		ts.Check(err)
		return fmt.Sprintf("the task is %s (%s)", task.State, task.LastLog), string(task.State) == args[0]
	})
	ts.Setenv("LASTLOG", task.LastLog)
}

func ranOn(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 1, 10)
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	ran, err := s.conn.Tasks(ctx, lgtask.TaskFilter{})
	ts.Check(err)
	found := map[string]int{}
	for _, task := range ran {
		found[task.Processor]++
	}
	for _, name := range args {
		if found[name] == 0 {
			ts.Fatalf("%s ran nothing; tasks by processor: %v", name, found)
		}
	}
	if len(found) != len(args) {
		ts.Fatalf("tasks by processor: %v", found)
	}
}

func logged(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, neg, args, 2, 2)
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	waitFor(ts, func() (string, bool) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ts.Check(err)
		}
		return "the log is:\n" + string(text), want.Match(text)
	})
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, neg, args, 2, 2)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("mode %s", got)
	}
}

func keep(ts *testscript.TestScript, neg bool, args []string) {
	use(ts, neg, args, 1, 1)
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func foreign(ts *testscript.TestScript, neg bool, args []string) {
	s := use(ts, neg, args, 0, 0)
	uuid, err := hex.DecodeString("00112233445566778899aabbccddeeff")
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	for class, id := range map[string]any{"Int": int32(42), "UUID": bson.Binary{Subtype: bson.TypeBinaryUUID, Data: uuid}, "Text": "aaaaaaaaaaaaaaaaaaaaaaaa"} {
		_, err := s.conn.Database().Collection("tasks").InsertOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "taskClass", Value: class}, {Key: "state", Value: "request"}})
		ts.Check(err)
	}
}

// waitFor returns when ok does not say any more what is missing.
func waitFor(ts *testscript.TestScript, ok func() (state string, done bool)) {
	over := time.After(scriptTime)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		state, done := ok()
		if done {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			ts.Fatalf("waited in vain: %s", state)
		}
	}
}
