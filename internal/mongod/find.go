package mongod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

// version is the MongoDB version that is fetched where none is installed.
const version = "6.0.5"

// ErrNoMongod is wrapped by what [Find] and [Start] return where there is no
// mongod and none can be fetched.
var ErrNoMongod = errors.New("mongod: no MongoDB server on this machine")

// Find returns the path of a mongod: the one on PATH, else the one that was
// fetched before, else one that it fetches now. Several processes may call it
// at once: one fetches, the others wait for it.
func Find(ctx context.Context) (path string, err error) {
	if path, err := exec.LookPath("mongod"); err == nil {
		return filepath.Abs(path)
	}
	root, err := cacheDir()
	if err != nil {
		return "", notFound(err)
	}
	path, err = fetchOnce(ctx, filepath.Join(root, "mongod-"+version), originFor(runtime.GOOS, runtime.GOARCH))
	if err != nil {
		return "", notFound(err)
	}
	return path, nil
}

func notFound(why error) error {
	return fmt.Errorf("%w: %w; install mongod, or set %s to the URI of a replica set", ErrNoMongod, why, EnvTestDatabase)
}

// ourModule matches the go.mod of this module.
var ourModule = regexp.MustCompile(`(?m)^module\s+github\.com/lgtask/lgtask\s*$`)

// cacheDir is where fetched programs are kept: .cache in the root of this
// module's checkout if the working directory is in it, else a folder of
// the user's cache directory. A .cache of any other module is not ours: it is
// neither written to nor are programs in it run.
func cacheDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && ourModule.Match(text) {
			return filepath.Join(dir, ".cache"), nil
		}
		up := filepath.Dir(dir)
		if err == nil || up == dir {
			break
		}
		dir = up
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(user, "lgtask"), nil
}
