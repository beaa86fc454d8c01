package taskdir

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
)

// Executable is a file that may be run as a task.
type Executable struct {
	// Class is the task class.
	Class string
	// Path is absolute and without symbolic links. Do not run it: run what Open
	// returns.
	Path string
	// Options are from the file's line "lgtask: …".
	Options Options
}

// Open opens the file for reading after checking, as Scan did, what leads to
// it, and on the descriptor itself the file. It returns a *Refusal if the file
// is not there or must not run. The caller closes the file.
//
// A file that was exchanged since the scan for another that may run is opened:
// that is how a new version is put in place.
func (e Executable) Open() (*os.File, error) {
	if why := dirProblem(filepath.Dir(e.Path)); why != "" {
		return nil, &Refusal{Path: e.Path, Reason: why}
	}
	return open(e.Path)
}

// newExecutable examines the executable file at path. The caller has checked
// the folder.
func newExecutable(path string) (Executable, error) {
	class, problem := classOf(filepath.Base(path))
	if problem != "" {
		return Executable{}, &Refusal{Path: path, Reason: problem}
	}
	f, err := open(path)
	if err != nil {
		return Executable{}, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxHead+1))
	if err != nil {
		return Executable{}, err
	}
	options, problem := parseHead(filepath.Base(path), head)
	if problem != "" {
		return Executable{}, &Refusal{Path: path, Reason: problem}
	}
	return Executable{Class: class, Path: path, Options: options}, nil
}

// open opens a file of the folder and checks the opened one.
func open(path string) (*os.File, error) {
	f, err := openNoFollow(path)
	if err != nil {
		return nil, &Refusal{Path: path, Reason: openProblem(path, err)}
	}
	if why := fileProblem(f); why != "" {
		_ = f.Close() // it was only read
		return nil, &Refusal{Path: path, Reason: why}
	}
	return f, nil
}

// startsScript reports whether a file begins with #!. One that cannot be read
// is data of somebody else.
func startsScript(path string) bool {
	f, err := openNoFollow(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [2]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && bytes.Equal(head[:], []byte("#!"))
}
