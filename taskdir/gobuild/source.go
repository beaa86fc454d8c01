package gobuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// sourceDir, if set when the program was linked, is where lgtask's source is:
//
//	go build -ldflags "-X github.com/lgtask/lgtask/taskdir/gobuild.sourceDir=/usr/share/lgtask"
var sourceDir string

// errNoSource is returned for a folder without a module if it is not known which
// lgtask this program was built from.
var errNoSource = errors.New("the source of lgtask was not found: this program was built from a checkout that is gone; " +
	"install it again with go install " + module + "/cmd/lgtaskprocessor@latest, or make the task folder a module with: " +
	"go mod init tasks && go mod tidy")

// lgtaskSource returns the folder of lgtask's source that folders without a module
// are built with: that of this program. It may fetch it, if the program was
// installed by version and the module cache has been cleaned.
func lgtaskSource(ctx context.Context, g goCommand) (string, error) {
	if dir := localSource(); dir != "" {
		return dir, nil
	}
	if sourceDir != "" {
		return "", fmt.Errorf("%s, which this program was linked with, does not hold the source of lgtask", sourceDir)
	}
	version := ownVersion()
	if version == "" {
		return "", errNoSource
	}
	return download(ctx, g, version)
}

// sourceID tells which source lgtaskSource finds. What is in a folder that can be
// edited is an input beside it.
func sourceID() string { return cmp.Or(localSource(), ownVersion(), "none") }

// localSource returns the folder that this program was linked with, or else that
// it was compiled from; empty if it is gone.
func localSource() string {
	dir := sourceDir
	if dir == "" {
		_, file, _, _ := runtime.Caller(0)
		dir = filepath.Dir(filepath.Dir(filepath.Dir(filepath.FromSlash(file))))
	}
	if filepath.IsAbs(dir) && isSourceDir(dir) { // programs without paths of their machine have no absolute one
		return dir
	}
	return ""
}

// isSourceDir reports whether dir has the go.mod file of lgtask.
func isSourceDir(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "module" {
			return fields[1] == module
		}
	}
	return false
}

// ownVersion returns the version of lgtask in this program; empty if it was built
// from a checkout.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path == module && m.Replace == nil && strings.HasPrefix(m.Version, "v") && !strings.Contains(m.Version, "+dirty") {
			return m.Version
		}
	}
	return ""
}

// download returns the folder of a version in the module cache.
func download(ctx context.Context, g goCommand, version string) (string, error) {
	out, err := g.run(ctx, "mod", "download", "-json", module+"@"+version)
	var result struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &result); err == nil {
		err = jsonErr
	}
	if err != nil {
		return "", fmt.Errorf("fetch the source of lgtask %s: %w", version, err)
	}
	return result.Dir, nil
}

// folderModule is the module path of a task folder that has no go.mod.
const folderModule = "lgtaskfolder"

// folderGoMod makes the go.mod of such a folder: it requires what lgtask does, so
// that lgtask's go.sum has all that is needed.
func folderGoMod(lgtask *modFile, source string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %s => %s\n\nrequire (\n",
		folderModule, lgtask.Go, module, module, strconv.Quote(source))
	for _, r := range lgtask.Require {
		fmt.Fprintf(&b, "\t%s %s\n", r.Path, r.Version)
	}
	b.WriteString(")\n")
	return []byte(b.String())
}
