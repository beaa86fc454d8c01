package gobuild

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDownload fetches the source of a version from a module proxy on the disk, as
// a program does that was installed by version and built without paths.
func TestDownload(t *testing.T) {
	t.Parallel()
	dir := realPath(t.TempDir())
	const goMod = "module github.com/lgtask/lgtask\n"
	write(t, dir, files{
		"proxy/github.com/lgtask/lgtask/@v/v1.2.3.info": `{"Version":"v1.2.3"}`,
		"proxy/github.com/lgtask/lgtask/@v/v1.2.3.mod":  goMod,
		"work/go.mod": "module lgtaskfolder\n",
	})
	f, err := os.Create(filepath.Join(dir, "proxy/github.com/lgtask/lgtask/@v/v1.2.3.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create(module + "@v1.2.3/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(goMod)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tool, err := New(Options{}).findToolchain()
	if err != nil {
		t.Fatal(err)
	}
	g := goCommand{path: tool.path, dir: filepath.Join(dir, "work"), env: testEnv(
		"GOPROXY=file://"+filepath.ToSlash(filepath.Join(dir, "proxy")), "GOMODCACHE="+filepath.Join(dir, "modules"),
		"GOFLAGS=-modcacherw", "GONOSUMDB=*", "GOTOOLCHAIN=local")}
	got, err := download(t.Context(), g, "v1.2.3")
	if err != nil || !isSourceDir(got) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := download(t.Context(), g, "v1.2.4"); err == nil || !strings.Contains(err.Error(), "v1.2.4") {
		t.Errorf("a version that is not there: %v", err)
	}
}
