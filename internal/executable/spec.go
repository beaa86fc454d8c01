package executable

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lgtask/lgtask/taskdir"
)

// DefaultGrace is the time between SIGTERM and SIGKILL. It is less than the 8 s
// that a stopping processor gives its tasks, so that the end of the run is
// still recorded.
const DefaultGrace = 5 * time.Second

// Spec says what to run.
type Spec struct {
	// File is the program.
	File taskdir.Executable
	// Stdin is what the program can read; it need not.
	Stdin []byte
	// Env is added to the allow-list, as "NAME=value".
	Env []string
	// Handler is served on a Unix socket, whose path is in LGTASK_SOCKET, for the
	// time of the run. Nil: no socket.
	Handler http.Handler
	// Line gets each line of output without its end. Calls do not overlap, and
	// there are none after Run has returned. Nil: lines are dropped.
	Line func(stderr bool, text string)
	// Grace is the time between SIGTERM and SIGKILL once the context has ended.
	// 0: DefaultGrace.
	Grace time.Duration
}

// Result is how a program that was started has ended.
type Result struct {
	// Code is the exit code; -1 if a signal ended it or, with Cleanup, if the code
	// could not be had.
	Code int
	// Signal ended it; 0 if it exited.
	Signal syscall.Signal
	// CoreDumped says that the system wrote, or passed on, a core.
	CoreDumped bool
	// Stopped says that the context ended first, so it was sent SIGTERM.
	Stopped bool
	// Killed says that it was still there after the grace, so it was sent SIGKILL.
	Killed bool
	// LastStdout and LastStderr are the last lines that were not blank.
	LastStdout, LastStderr string
	// TruncatedLines counts the lines that were cut, DroppedBytes what they lost.
	TruncatedLines, DroppedBytes int64
	// OutputOpen says that some process outlived the run with its output open.
	// What it prints later is lost.
	OutputOpen bool
	// Escaped counts the processes that had left the group and were killed.
	Escaped int
	// Cleanup says what could not be cleaned up after the run, if anything.
	Cleanup error
}

// String tells the end in words, as "exit status 3".
func (r Result) String() string {
	text := "exit status " + strconv.Itoa(r.Code)
	if r.Signal != 0 {
		text = fmt.Sprintf("signal %d (%v)", int(r.Signal), r.Signal)
	}
	var notes []string
	if r.CoreDumped {
		notes = append(notes, "core dumped")
	}
	if r.Killed {
		notes = append(notes, "did not end after SIGTERM")
	}
	if notes != nil {
		text += ", " + strings.Join(notes, ", ")
	}
	return text
}

// RefusedError is returned when the file is not, or no longer, one that may
// run. Repeating the run is of no use until somebody has changed the file.
type RefusedError = taskdir.Refusal

// StartError is returned when the program could not be started.
type StartError struct {
	// Path is the program.
	Path string
	// Reason says what is wrong and what to do about it.
	Reason string
	// Passing says that this is no fault of the program but a shortage, or that
	// the context had ended: the same run may succeed later.
	Passing bool
	// Err is the system's error, or the cause of the context's end.
	Err error
}

// Error returns path and reason on one line.
func (e *StartError) Error() string {
	return fmt.Sprintf("cannot start %s: %s", strconv.Quote(e.Path), e.Reason)
}

// Unwrap returns Err.
func (e *StartError) Unwrap() error { return e.Err }
