//go:build !linux && !darwin

package mongod

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// supported says whether this system can run the watchdog.
const supported = false

func detach(*exec.Cmd) {}

func readNow(*os.File, []byte) (int, error) { return 0, errors.ErrUnsupported }

func lockFile(context.Context, string) (func(), error) { return nil, errors.ErrUnsupported }
