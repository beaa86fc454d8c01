//go:build faults && linux

package network

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/internal/netlab"
)

// worker is a worker process on a host.
type worker struct {
	*netlab.Host
	w    *world
	cmd  *exec.Cmd
	in   io.WriteCloser
	gone chan struct{} // closed when it has ended
	logs bytes.Buffer  // read only when it has ended

	mu     sync.Mutex
	events []event
}

// launch starts a worker on a host.
func (w *world) launch(host *netlab.Host, s settings) *worker {
	w.Helper()
	if s.Address == "" {
		s.Address = w.uri
	}
	if s.Processors == 0 {
		s.Processors = 1
	}
	if s.LockDir == "" {
		s.LockDir = w.lockDir("locks")
	}
	text, err := json.Marshal(s)
	w.must(err)
	exe, err := os.Executable()
	w.must(err)
	words := append(host.Enter(), exe)
	k := &worker{Host: host, w: w, cmd: exec.Command(words[0], words[1:]...), gone: make(chan struct{})}
	k.cmd.Env = append(os.Environ(), envWorker+"="+string(text))
	// Not with Pdeathsig: the thread that starts it may end before the test.
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWNS}
	k.cmd.Stderr = &k.logs
	k.in, err = k.cmd.StdinPipe()
	w.must(err)
	out, err := k.cmd.StdoutPipe()
	w.must(err)
	w.must(k.cmd.Start())
	go k.listen(out)
	w.crew = append(w.crew, k)
	w.Cleanup(func() { k.end(s.Name) })
	return k
}

// start starts a worker on a host of its own and waits until it listens.
func (w *world) start(s settings) *worker {
	w.Helper()
	k := w.launch(w.host(), s)
	k.waits(time.Minute, "listening")
	return k
}

func (k *worker) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			e = event{What: "garbled", Text: lines.Text()}
		}
		k.mu.Lock()
		k.events = append(k.events, e)
		k.mu.Unlock()
	}
	_ = k.cmd.Wait() // how it ended is what its events and logs tell
	close(k.gone)
}

// end stops it, or kills it if it does not stop, and shows its logs if the test failed.
func (k *worker) end(name string) {
	_ = k.in.Close()
	select {
	case <-k.gone:
	case <-time.After(30 * time.Second):
		k.w.Errorf("worker %s does not stop", name)
		k.kill()
	}
	if k.w.Failed() {
		k.w.Logf("%s, on %s:\n%s", name, k.IP(), &k.logs)
	}
}

func (k *worker) kill() {
	_ = k.cmd.Process.Kill()
	<-k.gone
}

func (k *worker) do(word string) {
	k.w.Helper()
	_, err := fmt.Fprintln(k.in, word)
	k.w.must(err)
}

// all returns the events of a kind, about a task if one is given.
func (k *worker) all(what string, task ...string) (es []event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.events {
		if e.What == what && (len(task) == 0 || e.Task == task[0]) {
			es = append(es, e)
		}
	}
	return es
}

// waits returns the first event of a kind, about a task if one is given.
func (k *worker) waits(limit time.Duration, what string, task ...string) event {
	k.w.Helper()
	k.w.eventually(limit, what+" "+strings.Join(task, ""), func() bool { return k.ended() || len(k.all(what, task...)) > 0 })
	es := k.all(what, task...)
	if len(es) == 0 {
		k.w.Fatalf("%s: the worker has ended: %+v", what, k.all("refused"))
	}
	return es[0]
}

func (k *worker) ended() bool {
	select {
	case <-k.gone:
		return true
	default:
		return false
	}
}

// asks says a word and returns the answer to it.
func (k *worker) asks(word string) event {
	k.w.Helper()
	before := len(k.all(word))
	k.do(word)
	k.w.eventually(20*time.Second, word, func() bool { return len(k.all(word)) > before })
	return k.all(word)[before]
}

// watching reports whether the worker follows a stream.
func (k *worker) watching() bool {
	k.w.Helper()
	return k.asks("stats").Stats.Watcher.State == "following"
}

// cutOff cuts the worker off from servers.
func (k *worker) cutOff(way netlab.Way, from ...*netlab.Host) {
	k.w.Helper()
	k.w.must(k.Cut(k.w.Context(), way, from...))
}

func (k *worker) heal() {
	k.w.Helper()
	k.w.must(k.Heal(k.w.Context()))
}
