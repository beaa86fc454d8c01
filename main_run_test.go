package lgtask

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const ready = "processors are ready"

// TestMainCount sees COUNT win over the environment, which wins over the file,
// and the processors' names.
func TestMainCount(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	file := writeConfig(t, "[taskProcessor]\ntaskDatabase = '"+address+"'\ntaskName = file\nprocessors = 4\n")
	for _, tt := range []struct {
		environ map[string]string
		args    []string
		want    []string
	}{
		{nil, []string{file}, []string{"file-1", "file-2", "file-3", "file-4"}},
		{nil, []string{file, "1"}, []string{"file"}},
		{map[string]string{"LGTASK_PROCESSORS": "3", "LGTASK_NAME": "env"}, []string{file}, []string{"env-1", "env-2", "env-3"}},
		{map[string]string{"LGTASK_PROCESSORS": "3"}, []string{file, "2"}, []string{"file-1", "file-2"}},
		{map[string]string{"LGTASK_DATABASE": address}, nil, []string{"host"}},
	} {
		r, _, _ := mainRegistry(t)
		p := runProgram(t, r, tt.environ, tt.args...)
		p.err.wait(t, ready)
		p.terminate(t)
		if got := p.processor.Names(); !slices.Equal(got, tt.want) {
			t.Errorf("%v %v: processors %q, want %q", tt.environ, tt.args, got, tt.want)
		}
		if !strings.Contains(p.err.String(), `"processors":["`+strings.Join(tt.want, `","`)+`"]`) {
			t.Errorf("the log does not name %q:\n%s", tt.want, p.err)
		}
	}
}

func TestMainRunsTasksAndStops(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	r, began, let := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": address})
	id := createMainTask(t, conn, nil)
	if got := receive(t, began, "the task"); got != "host" {
		t.Errorf("the processor is %q", got)
	}
	p.signals <- syscall.SIGINT
	p.err.wait(t, "a second signal ends the program at once")
	close(let) // within the grace
	p.exits(t, exitDone)
	wantState(t, conn, id, StateSuccess)
}

func TestMainGivesBackAfterTheGrace(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	r, began, _ := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": address, "LGTASK_GRACE": "10ms"})
	id := createMainTask(t, conn, nil)
	receive(t, began, "the task")
	p.terminate(t)
	wantState(t, conn, id, StateRequest)
}

func TestMainStuckHandler(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	r, began, let := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": address, "LGTASK_GRACE": "10ms"})
	id := createMainTask(t, conn, bson.M{"stubborn": true})
	receive(t, began, "the task")
	p.signals <- syscall.SIGTERM
	p.exits(t, exitRun)
	wantState(t, conn, id, StateWorking)
	if lines := strings.Split(strings.TrimSpace(p.err.String()), "\n"); !strings.HasPrefix(lines[len(lines)-1], "prog: ") || !strings.Contains(lines[len(lines)-1], id.String()) {
		t.Errorf("the last line does not name the task:\n%s", p.err)
	}
	close(let) // a real program would have exited
	p.err.wait(t, "stopped before the end of a task was recorded")
}

func TestMainSecondSignal(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	r, began, let := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": address, "LGTASK_GRACE": "1h"})
	id := createMainTask(t, conn, bson.M{"stubborn": true})
	receive(t, began, "the task")
	p.signals <- syscall.SIGTERM
	p.err.wait(t, "stopping")
	p.signals <- syscall.SIGTERM
	p.exits(t, exitRun)
	wantState(t, conn, id, StateWorking)
	close(let) // a real program would have exited
	receive(t, p.processor.Done(), "the processor")
}

func TestMainSignalDuringStart(t *testing.T) {
	t.Parallel()
	r, _, _ := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": "mongodb://127.0.0.1:1/x", "LGTASK_LOG_LEVEL": "debug"})
	p.err.wait(t, "starting")
	p.terminate(t)
}

// TestMainForeignDatabase finds a database of a newer layout, at the start and
// while running.
func TestMainForeignDatabase(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	environ := map[string]string{"LGTASK_DATABASE": address}
	r, _, _ := mainRegistry(t)
	p := runProgram(t, r, environ)
	p.err.wait(t, ready)
	ctx := t.Context()
	if _, err := conn.Database().Collection("meta").UpdateByID(ctx, "lgtask", bson.M{"$set": bson.M{"version": 999}}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Database().Collection("tasks").Drop(ctx); err != nil { // the stream has to be opened again
		t.Fatal(err)
	}
	p.exits(t, exitRun)
	if text := p.err.String(); !strings.Contains(text, "prog: collection meta: layout version 999") {
		t.Errorf("it does not say why:\n%s", text)
	}
	wrong(t, r, environ, nil, "collection meta", "999", "update the program")
}

// TestMainShowsNoSecret plants passwords where they can be and looks for them in
// all that is written at the lowest level.
func TestMainShowsNoSecret(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	// The test server has no user, so the password stands where it is not sent.
	withSecret := address + "&tlsCertificateKeyFilePassword=" + password
	if strings.Contains(address, "@") { // it has one
		withSecret = address
	}
	hosts := "other mongodb://bob:" + password + "@far.example/"
	r, began, let := mainRegistry(t)
	close(let)
	for _, format := range []string{"json", "console"} {
		logFile := filepath.Join(t.TempDir(), "log")
		p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": withSecret, "LGTASK_MONGO_HOSTS": hosts, "LGTASK_LOG_LEVEL": "trace",
			"LGTASK_LOG_FORMAT": format, "LGTASK_LOG_FILE": logFile})
		createMainTask(t, conn, bson.M{"secret": "mongodb://bob:" + password + "@far.example/db"})
		receive(t, began, "the task")
		p.terminate(t)
		logged, err := os.ReadFile(logFile)
		if err != nil || !strings.Contains(string(logged), "far.example") {
			t.Errorf("the configuration is not logged (%v):\n%s", err, logged)
		}
		if all := string(logged) + p.out.String() + p.err.String(); strings.Contains(all, password) {
			t.Errorf("a password is shown:\n%s", all)
		}
	}
	for _, text := range []string{"mongodb://bob:hunter2", "mongodb://bob:hu@nter2@h/", "bob:hunter2@h", "mongodb://bob:hunter2%zz@h", "mongodb://bob:hunter2@127.0.0.1:1/",
		"mongodb://bob:hunter2@h/?wrong=1", "mongodb://h:hunter2/"} {
		file := writeConfig(t, "[taskProcessor]\ntaskDatabase = '"+text+"'\n")
		for _, p := range []*running{
			runProgram(t, r, map[string]string{"LGTASK_DATABASE": text, "LGTASK_LOG_LEVEL": "trace"}),
			runProgram(t, r, map[string]string{"LGTASK_LOG_LEVEL": "trace"}, file),
			runProgram(t, r, nil, text),
			runProgram(t, r, nil, file, text),
		} {
			p.exits(t, exitUsage)
			if all := p.out.String() + p.err.String(); strings.Contains(all, "hunter2") || strings.Contains(all, "nter2") {
				t.Errorf("%s: a password is shown: %s", text, all)
			}
		}
	}
}

func TestMainLogFile(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	logFile := filepath.Join(t.TempDir(), "log")
	file := writeConfig(t, "[taskProcessor]\ntaskDatabase = '"+address+"'\nlogFile = '"+logFile+"'\nhttpAddr = 127.0.0.1:0\n[taskName = name]\n")
	r, _, _ := mainRegistry(t)
	for range 2 {
		p := runProgram(t, r, nil, file)
		p.terminate(t)
		if p.err.String() != "" || p.out.String() != "" {
			t.Errorf("written beside the log: %q %q", p.out, p.err)
		}
	}
	info, err := os.Stat(logFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	content, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	lines := bufio.NewScanner(strings.NewReader(string(content)))
	for lines.Scan() {
		var line struct{ Message, Level, Time string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Level == "" || line.Time == "" {
			t.Errorf("not a line of a JSON log: %s (%v)", lines.Text(), err)
		}
		count[line.Message]++
	}
	warning := file + " line 5: taskName in brackets sets nothing; to set it write taskName = … without them"
	if count["stopped"] != 2 || count[warning] != 2 || count[unused(Config{HTTPAddr: "x"})[0]] != 2 {
		t.Errorf("the log has %v", count)
	}
}

// TestMainErrorInLogFile wants what goes to standard error in the log, too.
func TestMainErrorInLogFile(t *testing.T) {
	t.Parallel()
	logFile := filepath.Join(t.TempDir(), "log")
	r, _, _ := mainRegistry(t)
	p := runProgram(t, r, map[string]string{"LGTASK_DATABASE": "mongodb://127.0.0.1:1/x", "LGTASK_LOG_FILE": logFile})
	p.refuses(t, "nothing listens")
	logged, err := os.ReadFile(logFile)
	if err != nil || !strings.Contains(string(logged), strings.TrimSpace(strings.TrimPrefix(p.err.String(), "prog: "))) {
		t.Errorf("the log lacks the error (%v):\n%s", err, logged)
	}
}

// TestMainLogFullDisk goes on without its log.
func TestMainLogFullDisk(t *testing.T) {
	t.Parallel()
	address, _ := testAddress(t)
	conn := testConnection(t, address)
	r, began, let := mainRegistry(t)
	close(let)
	p := &running{out: newOutput(), signals: make(chan os.Signal, 2), code: make(chan int, 1)}
	p.program = &program{name: "prog", registry: r, config: testLoader(map[string]string{"LGTASK_DATABASE": address}),
		stdout: p.out, stderr: fullDisk{}, signals: p.signals}
	go func() { p.code <- p.run(context.Background(), nil) }()
	createMainTask(t, conn, nil)
	receive(t, began, "the task")
	p.signals <- syscall.SIGTERM
	if code := receive(t, p.code, "the end"); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, fmt.Errorf("write: %w", syscall.ENOSPC) }
