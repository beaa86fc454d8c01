package programs

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// TestExecutables: how a program ends decides what becomes of its task.
func TestExecutables(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("args.py", `#!/usr/bin/env python3
# lgtask: priority=3
import json, os, sys
kw = json.load(sys.stdin)
print(sorted(kw.items()))
print("to stderr", file=sys.stderr)
print(os.environ["LGTASK_TASK_CLASS"], os.environ["LGTASK_TASK_PROCESSOR"], os.environ["LGTASK_TASK_ATTEMPT"], len(os.environ["LGTASK_TASK_ID"]))
print("last word")
print("after it", file=sys.stderr)
`, 0o755)
	s.addTask("fails", "echo out; echo because >&2; exit 3")
	s.write("again.sh", "#!/bin/sh\n# lgtask: attempts=2\nif [ $LGTASK_TASK_ATTEMPT = 1 ]; then exit 75; fi; echo second\n", 0o755)
	s.addTask("once", "exit 75")
	s.addTask("signalled", "kill -9 $$")
	s.write("late.sh", "#!/bin/sh\n# lgtask: timeout=200ms\nsleep 100\n", 0o755)
	s.addTask("nothing", ":")
	s.write("noprogram.sh", "#!/no/such/interpreter\n", 0o755)
	s.write("bad name.sh", "#!/bin/sh\n", 0o755)
	p := s.start(s.config(), "4")
	p.runs("n-1", "n-2", "n-3", "n-4")
	p.wrote(`bad name\.sh.* is not run: `, 1)

	task := s.comes(s.create("args", bson.D{{Key: "n", Value: int64(1) << 53}, {Key: "s", Value: "ä\"$x"}, {Key: "d", Value: bson.D{{Key: "e", Value: bson.A{nil, 1.5}}}}}), lgtask.StateSuccess)
	if task.LastLog != "last word" {
		t.Errorf("last log %q", task.LastLog)
	}
	logs, err := s.conn.Logs(t.Context(), task.ID)
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	var text strings.Builder
	for _, line := range logs[0].Lines {
		text.WriteString(line.Text + "\n")
	}
	for _, want := range []string{`[('d', {'e': [None, 1.5]}), ('n', 9007199254740992), ('s', 'ä"$x')]`, "to stderr\n", "args n-", " 1 24\n", "after it\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, text.String())
		}
	}
	for class, want := range map[string]string{
		"fails": "exit status 3: because", "once": "exit status 75", "signalled": "signal 9 (killed)", "noprogram": "/no/such/interpreter",
		"late": "the task ran longer than its class allows (200ms)",
	} {
		if task := s.comes(s.create(class, nil), lgtask.StateError); !strings.Contains(task.LastLog, want) || len(task.Errors) != 1 {
			t.Errorf("%s ended as %q, %d errors; want %q", class, task.LastLog, len(task.Errors), want)
		}
	}
	s.says("nothing", "(no log)")
	again := s.create("again", nil)
	task = s.comes(again, lgtask.StateRequest)
	for task.Attempt == 0 {
		task = s.comes(again, lgtask.StateRequest)
	}
	p.stop()
}

// TestExecutableSocket: a task enqueues, logs and reports progress through its
// processor, and knows no database.
func TestExecutableSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.addTask("parent", `
case "$(env)" in *mongodb://*) echo "knows the database" ; exit 1;; esac
id=$(lgtaskprocessor create child text="it's \$x" n=7) || exit 1
lgtaskprocessor progress '{"done": 3}' || exit 1
lgtaskprocessor log "made $id" || exit 1
lgtaskprocessor batch "1 hour" child n=1 >&2 || exit 1
lgtaskprocessor create 2>&1 && exit 1
echo $id`)
	s.addTask("child", "cat")
	p := s.start()
	p.runs("n")
	parent := s.comes(s.create("parent", nil), lgtask.StateSuccess)
	id, err := lgtask.ParseTaskID(parent.LastLog)
	if err != nil {
		t.Fatalf("the parent said %q: %v", parent.LastLog, err)
	}
	if child := s.comes(id, lgtask.StateSuccess); child.LastLog != `{"n":7,"text":"it's $x"}` {
		t.Errorf("the child said %q", child.LastLog)
	}
	var doc struct {
		Progress struct{ Done int }
	}
	if err := s.conn.Database().Collection("tasks").FindOne(t.Context(), bson.D{{Key: "_id", Value: parent.ID}}).Decode(&doc); err != nil || doc.Progress.Done != 3 {
		t.Errorf("progress %+v, %v", doc, err)
	}
	p.stop()
}

// TestExecutableStopped: a task that is running when the processor stops is told
// so, killed if it does not listen, and given back.
func TestExecutableStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t).with(map[string]string{"LGTASK_GRACE": "200ms"})
	s.addTask("deaf", "trap '' TERM; touch \"$LGTASK_TASK_DIR/began\"; while :; do sleep 0.1; done")
	p := s.start()
	p.runs("n")
	id := s.create("deaf", nil)
	s.comes(id, lgtask.StateWorking)
	s.appears("began")
	p.stop()
	if task := s.comes(id, lgtask.StateRequest); task.Attempt != 0 || task.Crashes != 0 {
		t.Errorf("given back as %+v", task)
	}
}
