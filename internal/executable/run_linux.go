package executable

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// scriptPath is what is executed: the checked descriptor, the first after 0 to 2.
const scriptPath = "/proc/self/fd/3"

// Run runs the program and waits for its end, whatever its exit code. It
// returns a *RefusedError if the file must not run, and a *StartError if it
// could not be started; then nothing ran. An end of ctx while it runs is no
// error: see Result.Stopped.
func Run(ctx context.Context, s Spec) (Result, error) {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		return Result{}, &StartError{Path: s.File.Path, Reason: cause.Error(), Passing: true, Err: cause}
	}
	script, err := s.File.Open()
	if err != nil {
		return Result{}, err
	}
	defer script.Close()
	r := &run{spec: s, id: rand.Text(), out: &output{line: s.Line}}
	if err := r.prepare(); err != nil {
		return Result{}, r.notStarted(script, err)
	}
	if err := r.start(script); err != nil {
		return Result{}, r.notStarted(script, err)
	}
	res := r.wait(ctx)
	res.Cleanup = errors.Join(res.Cleanup, r.cleanUp())
	return res, nil
}

// run is the state of one run. Its goroutines are those of pipes and socket.
type run struct {
	spec   Spec
	id     string // the value of LGTASK_RUN
	dir    string // removed at the end; holds the working directory and the socket
	out    *output
	pipes  pipes
	socket *socket
	cmd    *exec.Cmd
}

// prepare makes folder, pipes and socket. cleanUp removes them, also after an error.
func (r *run) prepare() (err error) {
	if r.dir, err = makeDir(r.spec.Handler != nil); err != nil {
		return err
	}
	if err = os.Mkdir(filepath.Join(r.dir, workName), 0o700); err != nil {
		return err
	}
	if r.spec.Handler != nil {
		if r.socket, err = listen(filepath.Join(r.dir, socketName)); err != nil {
			return err
		}
	}
	return r.pipes.open()
}

func (r *run) start(script *os.File) error {
	further := append(append([]string{}, r.spec.Env...),
		"LGTASK_TASK_DIR="+filepath.Dir(r.spec.File.Path), runVariable+r.id)
	if r.socket != nil {
		further = append(further, "LGTASK_SOCKET="+r.socket.path)
	}
	if err := closeOnExec(); err != nil {
		return err
	}
	r.cmd = &exec.Cmd{
		Path: scriptPath, Args: []string{r.spec.File.Path},
		Env: environment(os.Environ(), r.spec.File.Options.Env, further),
		Dir: filepath.Join(r.dir, workName),
		// Files, not readers and writers: exec.Cmd then has no goroutines.
		Stdin: r.pipes.stdin.child, Stdout: r.pipes.stdout.child, Stderr: r.pipes.stderr.child,
		ExtraFiles: []*os.File{script},
		// A session of its own is a group of its own, without a terminal to wait for.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	// The system kills the program when the thread that started it ends. So this
	// goroutine keeps its thread until the program has ended, see wait.
	runtime.LockOSThread()
	if err := r.cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	forbidCore(r.cmd.Process.Pid)
	r.pipes.start(r.spec.Stdin, r.out)
	if r.socket != nil {
		r.socket.serve(r.spec.Handler, &lineWriter{out: r.out, stderr: true})
	}
	return nil
}

// wait waits for the program's end, ends what it left, and collects the result.
func (r *run) wait(ctx context.Context) Result {
	pid := r.cmd.Process.Pid
	adopted.add(pid)
	g := watchGroup(ctx, pid, r.spec.grace())
	waitErr := waitUnreaped(pid)
	runtime.UnlockOSThread()
	g.end()
	escaped, cleanup := adopted.end(pid, r.id)
	reapErr := r.cmd.Wait() // ends at once
	open := r.pipes.finish()
	var exit *exec.ExitError
	if errors.As(reapErr, &exit) {
		reapErr = nil // the exit code says it
	}
	res := Result{
		Code: -1, Stopped: g.stopped, Killed: g.killed, OutputOpen: open, Escaped: escaped,
		LastStdout: r.out.last[0], LastStderr: r.out.last[1],
		TruncatedLines: r.out.truncated, DroppedBytes: r.out.dropped,
		Cleanup: errors.Join(waitErr, cleanup, reapErr),
	}
	// There is no state if somebody else reaped our child, against the rules.
	if state := r.cmd.ProcessState; state != nil {
		res.Code = state.ExitCode()
		if st, ok := state.Sys().(syscall.WaitStatus); ok && st.Signaled() {
			res.Signal, res.CoreDumped = st.Signal(), st.CoreDump()
		}
	}
	return res
}

// cleanUp removes what prepare made.
func (r *run) cleanUp() error {
	var err error
	if r.socket != nil {
		err = r.socket.close()
	}
	r.pipes.close()
	return errors.Join(err, removeDir(r.dir))
}

// closeOnExec keeps descriptors from the program that this process was itself
// started with, or that other languages opened in it: those of Go are closed
// anyway.
func closeOnExec() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) {
		return err
	}
	fds, err := numbers("/proc/self/fd") // before Linux 5.11
	for _, fd := range fds {
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return err
}

// forbidCore sets the limit to 1 byte, too little for a file; 0 would not keep
// the system from passing a core to a program that collects them. It fails if
// the limit is 0 already, or the program has ended.
func forbidCore(pid int) {
	_ = unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
}
