package executable

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// notStarted cleans up after a start that failed with err and says why it did.
func (r *run) notStarted(script *os.File, err error) error {
	e := r.startError(script, err)
	if err := r.cleanUp(); err != nil {
		e.Reason += "; " + err.Error()
	}
	return e
}

// startError says in words why the program did not start.
func (r *run) startError(script *os.File, err error) *StartError {
	e := &StartError{Path: r.spec.File.Path, Err: err}
	interpreter := interpreterOf(script)
	switch {
	case errors.Is(err, unix.ENOENT) && r.cmd != nil:
		e.Reason = missing(interpreter)
	case errors.Is(err, unix.ENOEXEC):
		e.Reason = fmt.Sprintf("it neither begins with #! nor is a program for %s/%s", runtime.GOOS, runtime.GOARCH)
	case errors.Is(err, unix.EACCES) && r.cmd != nil && interpreter != "":
		e.Reason = fmt.Sprintf("its interpreter %s may not be executed: check its mode, and whether a file system is mounted noexec", strconv.Quote(interpreter))
	case errors.Is(err, unix.ETXTBSY):
		e.Reason, e.Passing = "it is being written: put new versions in place by renaming", true
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOSPC):
		e.Reason, e.Passing = "the system is short of something: "+err.Error(), true
	case errors.Is(err, unix.E2BIG):
		e.Reason = "the environment is too large: " + err.Error()
	default:
		e.Reason = err.Error()
	}
	return e
}

func missing(interpreter string) string {
	switch _, err := os.Stat("/proc/self/fd"); {
	case err != nil:
		return "/proc is not mounted; executables need it"
	case strings.HasSuffix(interpreter, "\r"):
		return "its first line ends as on Windows: save it with line ends of Unix"
	case interpreter != "":
		return fmt.Sprintf("the interpreter %s of its first line, or what that needs, is not there", strconv.Quote(interpreter))
	}
	return "the dynamic loader that it needs is not there: was it built for another system?"
}

// interpreterOf returns the program named in a first line "#!…", or nothing.
func interpreterOf(script *os.File) string {
	head, err := io.ReadAll(io.NewSectionReader(script, 0, 256)) // the system reads no more
	if err != nil {
		return "" // the message is less exact then
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("#!"))
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(strings.Trim(string(rest), " \t"), " ")
	return name
}
