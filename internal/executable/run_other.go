//go:build !linux

package executable

import (
	"context"
	"errors"
	"runtime"
)

var errLinux = errors.New("executables run on Linux, not on " + runtime.GOOS)

// Run returns a *StartError: executables run on Linux.
func Run(_ context.Context, s Spec) (Result, error) {
	return Result{}, &StartError{Path: s.File.Path, Reason: errLinux.Error(), Err: errLinux}
}

// BecomeSubreaper returns an error: executables run on Linux.
func BecomeSubreaper() error { return errLinux }
