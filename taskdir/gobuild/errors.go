package gobuild

import (
	"errors"
	"fmt"
)

// module is the path of the module that task folders import.
const module = "github.com/lgtask/lgtask"

// ErrNoToolchain is returned when something must be built and no go command was
// found: in PATH, GOROOT, and where it is usually installed.
var ErrNoToolchain = errors.New("no Go toolchain was found on PATH, in GOROOT or where it is usually installed; " +
	"install Go 1.25 or newer, or build a program elsewhere with: lgtaskprocessor build")

// errUnsettled is returned when the inputs changed during each of several builds.
var errUnsettled = errors.New("the files changed again and again while they were built; try again when they are written")

// NoTaskError is returned for a folder in which no type can be a task class.
type NoTaskError struct {
	Dir string
}

func (e *NoTaskError) Error() string {
	return fmt.Sprintf("no task class in %s: it is an exported struct type in a Go file that is no test, "+
		"with the method Run(ctx context.Context, t *lgtask.TaskContext) error", e.Dir)
}

// ProgramError is returned for a folder that is a program with a main function.
type ProgramError struct {
	Dir  string
	File string // where func main is
}

func (e *ProgramError) Error() string {
	return fmt.Sprintf("%s has a func main: %s is a program of its own; run it with go run, or remove func main or "+
		"rename the package to make it a task folder", e.File, e.Dir)
}

// RequirementError is returned when the module around the task folder does not
// require lgtask, or one that is too old.
type RequirementError struct {
	GoMod  string // path of the go.mod file
	Remedy string // command to run beside it
	Reason string // message of the go command
}

func (e *RequirementError) Error() string {
	return fmt.Sprintf("%s does not require a %s that has what is needed; run there: %s (%s)", e.GoMod, module, e.Remedy, e.Reason)
}

// NoModuleError is returned when a folder without a module imports a package that
// is neither of the standard library nor of lgtask or what lgtask itself requires.
type NoModuleError struct {
	Dir     string
	Problem Diagnostic // the import
}

func (e *NoModuleError) Error() string {
	return fmt.Sprintf("%s; the folder is in no module: make it one with: cd %q && go mod init tasks && go mod tidy",
		e.Problem.String(), e.Dir)
}

// isOfInputs reports whether an error lasts until an input has changed.
func isOfInputs(err error) bool {
	return errors.As(err, new(*CompileError)) || errors.As(err, new(*NoTaskError)) || errors.As(err, new(*ProgramError)) ||
		errors.As(err, new(*RequirementError)) || errors.As(err, new(*NoModuleError)) || errors.Is(err, ErrNoToolchain)
}

// CacheError is returned for a cache folder from which nothing may be executed.
type CacheError struct {
	Dir     string
	Problem string
}

func (e *CacheError) Error() string {
	return fmt.Sprintf("cache folder %s %s: programs are run from it; remove it, or name another one that only you can write to",
		e.Dir, e.Problem)
}
