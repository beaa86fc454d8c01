package gobuild

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// DefaultCache returns the folder for programs: lgtaskprocessor in the user's
// cache folder, which is that of the environment or else in the home of the user
// database. If neither can be made, as in containers, it is a folder of the
// user in that for temporary files. The folder is created. It returns a
// [*CacheError] if somebody else could put programs there.
func DefaultCache() (string, error) {
	var dirs []string
	if dir, err := os.UserCacheDir(); err == nil && filepath.IsAbs(dir) {
		dirs = append(dirs, dir)
	} else if home := homeIn(os.Environ()); home != "" {
		dirs = append(dirs, cacheBelow(home))
	}
	for _, dir := range dirs {
		dir = filepath.Join(dir, "lgtaskprocessor")
		if err := makeCache(dir); err == nil || errors.As(err, new(*CacheError)) {
			return dir, err
		}
	}
	dir := filepath.Join(os.TempDir(), "lgtaskprocessor-"+strconv.Itoa(os.Getuid()))
	return dir, makeCache(dir)
}

// cacheBelow is where [os.UserCacheDir] would be with that home.
func cacheBelow(home string) string {
	switch runtime.GOOS {
	case "darwin", "ios":
		return filepath.Join(home, "Library", "Caches")
	case "windows":
		return filepath.Join(home, "AppData", "Local")
	}
	return filepath.Join(home, ".cache")
}

// makeCache makes sure that dir is a folder from which programs may be run.
func makeCache(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the cache folder: %w", err)
	}
	return checkCache(dir)
}

// writable reports whether files can be made in dir, by making one: permissions
// alone do not tell, the file system may be read-only.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".lgtask-*")
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	return os.Remove(f.Name()) == nil
}
