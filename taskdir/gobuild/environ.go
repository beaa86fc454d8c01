package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
)

// environ is an environment; of a name that occurs twice the last value counts.
type environ []string

func (e environ) get(name string) string {
	for i := len(e) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(e[i], "="); ok && sameName(k, name) {
			return v
		}
	}
	return ""
}

func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}

// with returns the environment with further settings.
func (e environ) with(settings ...string) environ {
	return append(e[:len(e):len(e)], settings...)
}

// completed returns the environment with what the go command cannot do without
// and a job of cron may lack: a home, a path, and folders for its caches.
func (e environ) completed(cache string) environ {
	home := homeIn(e)
	if runtime.GOOS != "windows" {
		if e.get("PATH") == "" {
			e = e.with("PATH=/usr/local/bin:/usr/bin:/bin")
		}
		if e.get("HOME") == "" && home != "" {
			e = e.with("HOME=" + home)
		}
	}
	if e.get("GOCACHE") == "" && !hasGoCache(e, home) {
		e = e.with("GOCACHE=" + filepath.Join(cache, "go-build"))
	}
	if e.get("GOPATH") == "" && home == "" {
		e = e.with("GOPATH=" + filepath.Join(cache, "go"))
	}
	return e
}

// hasGoCache reports whether the go command can have its cache where it wants it.
func hasGoCache(e environ, home string) bool {
	if e.get("XDG_CACHE_HOME") != "" || runtime.GOOS == "windows" {
		return true
	}
	dir := filepath.Join(cacheBelow(home), "go-build")
	return home != "" && os.MkdirAll(dir, 0o777) == nil && writable(dir)
}

// homeIn returns the user's home: of the environment, else of the user database;
// empty if there is none.
func homeIn(e environ) string {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if home := e.get(name); home != "" {
		return home
	}
	u, err := user.Current()
	if err != nil || !filepath.IsAbs(u.HomeDir) {
		return "" // a user without an entry, as in containers
	}
	if info, err := os.Stat(u.HomeDir); err != nil || !info.IsDir() {
		return ""
	}
	return u.HomeDir
}

// settings are the variables that decide what the go command makes of the same
// files. What the user's file of "go env -w" sets counts as well.
var settings = []string{
	"GOFLAGS", "GOEXPERIMENT", "GOFIPS140", "GOTOOLCHAIN", "GOROOT", "GOWORK",
	"GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM",
	"CGO_ENABLED", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS",
	"CC", "CXX", "AR", "FC", "PKG_CONFIG", "PKG_CONFIG_PATH",
}

// settingsSum is a hash over the settings and the system.
func (e environ) settingsSum() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", runtime.GOOS, runtime.GOARCH)
	for _, name := range settings {
		if v := e.get(name); v != "" {
			fmt.Fprintf(h, "%s=%q\n", name, v)
		}
	}
	fmt.Fprintf(h, "%q\n", e.goEnvFile())
	return hex.EncodeToString(h.Sum(nil))
}

// goEnvFile returns the contents of the file that "go env -w" writes. Without a
// readable one there are no such settings, for the go command neither.
func (e environ) goEnvFile() []byte {
	file := e.get("GOENV")
	if file == "off" {
		return nil
	}
	if file == "" {
		file = filepath.Join(configDir(e), "go", "env")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return text
}

// configDir is [os.UserConfigDir] for another environment than the process's.
func configDir(e environ) string {
	switch runtime.GOOS {
	case "windows":
		return e.get("AppData")
	case "darwin", "ios":
		return filepath.Join(homeIn(e), "Library", "Application Support")
	}
	if dir := e.get("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(homeIn(e), ".config")
}

// flag returns the value of a flag in GOFLAGS, of the variable or else of the
// file of "go env -w".
func (e environ) flag(name string) string {
	flags := e.get("GOFLAGS")
	if flags == "" {
		for line := range strings.Lines(string(e.goEnvFile())) {
			if v, ok := strings.CutPrefix(line, "GOFLAGS="); ok {
				flags = v
			}
		}
	}
	value := ""
	for _, f := range strings.Fields(flags) {
		f = strings.Trim(f, `'"`)
		f = strings.TrimPrefix(strings.TrimPrefix(f, "-"), "-")
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			value = v
		}
	}
	return value
}
