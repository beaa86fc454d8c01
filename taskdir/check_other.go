//go:build !unix

package taskdir

import "os"

// Files have no owner and no mode here by which they could be checked. So
// resolve refuses every folder, and the rest is never reached.

const unsupported = "cannot be checked on this system"

type info struct {
	dir, executable   bool
	special, insecure string
}

func resolve(dir string) (string, error) {
	return "", &DirError{Path: dir, Problem: unsupported, Remedy: "use Linux or macOS"}
}

func dirProblem(string) string                   { return unsupported }
func examine(string) (info, error)               { return info{special: unsupported}, nil }
func openNoFollow(path string) (*os.File, error) { return os.Open(path) }
func openProblem(_ string, err error) string     { return reason(err) }
func fileProblem(*os.File) string                { return unsupported }
func stamp(path string, full bool) string        { return unsupported }
