package executable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	workName   = "work"
	socketName = "sock"
	maxSocket  = 100 // bytes of a socket's path; the system's limit is 107
)

// makeDir makes the folder of a run, for us alone: in TMPDIR or, where the path
// of a socket in it would be too long, in /tmp.
func makeDir(socket bool) (string, error) {
	dir, err := os.MkdirTemp("", "lgtask-run-")
	if err != nil || !socket || len(dir)+1+len(socketName) < maxSocket {
		return dir, err
	}
	if err := os.Remove(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp("/tmp", "lgtask-run-")
}

// removeDir removes the folder with all in it. What the program made unreadable
// is made readable first; nothing outside the folder can be reached that way.
func removeDir(dir string) error {
	if dir == "" || os.RemoveAll(dir) == nil {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err == nil {
		// What fails here fails again below.
		_ = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = root.Chmod(filepath.FromSlash(path), 0o700)
			}
			return err
		})
		err = root.Close()
	}
	if removeErr := os.RemoveAll(dir); removeErr != nil {
		return fmt.Errorf("remove the folder of the run: %w", errors.Join(removeErr, err))
	}
	return nil
}
