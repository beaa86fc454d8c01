package lgtask

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/lgtask/lgtask/internal/namelock"
)

// workerProcess is a worker as its launcher sees it. The fields belong to the
// launcher's goroutine, exit and started are written before the exit is
// announced.
type workerProcess struct {
	cmd     *exec.Cmd
	orders  chan order // has room for all that a worker is ever told
	gone    chan struct{}
	exit    int
	how     string // of the exit, in the system's words
	failure string // what it reported
	code    int
	runs    state
	readyAt time.Time
	endBy   time.Time
}

// startWorker starts a program as a worker. Its reports and its exit are sent to
// events, the exit last.
func startWorker(path string, locks []*namelock.Lock, events chan<- launcherEvent) (*workerProcess, error) {
	in, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, out, err := os.Pipe()
	if err != nil {
		closeAll(in, orders)
		return nil, err
	}
	cmd := exec.Command(path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), controlEnv+"="+controlNow, "PATH="+workerPath())
	cmd.ExtraFiles = []*os.File{in, out}
	for _, l := range locks {
		cmd.ExtraFiles = append(cmd.ExtraFiles, l.File())
	}
	ownGroup(cmd)
	w := &workerProcess{cmd: cmd, orders: make(chan order, maxProcessors+16), gone: make(chan struct{})}
	started := make(chan error)
	go w.run(started, orders, reports, events)
	err = <-started
	closeAll(in, out) // they are the worker's now
	if err != nil {
		closeAll(orders, reports)
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return w, nil
}

// workerPath is the path for commands, with the folder of this program at its
// end: tasks call it by its name.
func workerPath() string {
	list := os.Getenv("PATH")
	if list == "" { // as cron may leave it
		list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	self, err := os.Executable()
	if err != nil || slices.Contains(filepath.SplitList(list), filepath.Dir(self)) {
		return list
	}
	return list + string(filepath.ListSeparator) + filepath.Dir(self)
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close() // pipes; nothing is lost
	}
}

// run starts the process and waits for its end. The system kills the worker when
// the thread that started it ends, so this goroutine keeps its thread.
func (w *workerProcess) run(started chan<- error, orders, reports *os.File, events chan<- launcherEvent) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := w.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer closeAll(reports)
		if err := receiveControl(reports, func(r report) { events <- launcherEvent{worker: w, report: &r} }); err != nil {
			events <- launcherEvent{worker: w, report: &report{Failed: true, Code: exitRun, Text: err.Error()}}
		}
	}()
	go w.write(orders)
	err = w.cmd.Wait()
	w.exit, w.how = w.cmd.ProcessState.ExitCode(), w.cmd.ProcessState.String()
	if err != nil && w.exit == 0 {
		w.exit, w.how = exitRun, err.Error()
	}
	<-read
	close(w.gone)
	events <- launcherEvent{worker: w}
}

// write sends orders until the worker is gone.
func (w *workerProcess) write(orders *os.File) {
	defer closeAll(orders)
	out := &controlWriter{out: orders}
	for {
		select {
		case o := <-w.orders:
			if err := out.send(o); err != nil {
				<-w.gone // its exit says why
				return
			}
		case <-w.gone:
			return
		}
	}
}

// send gives an order; a worker that is gone does not hear it.
func (w *workerProcess) send(o order) {
	select {
	case w.orders <- o:
	case <-w.gone:
	}
}

// signal sends a signal; a worker that is gone does not get it.
func (w *workerProcess) signal(s os.Signal) { _ = w.cmd.Process.Signal(s) }

func (w *workerProcess) pid() int { return w.cmd.Process.Pid }

// reason says why the worker ended.
func (w *workerProcess) reason() string {
	if w.failure != "" {
		return w.failure
	}
	return "worker " + w.how
}
