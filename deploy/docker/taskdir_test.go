//go:build image

package docker

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// projectInBuild is where the builds of task folders find this project, which
// need not be published to be tested.
const projectInBuild = "/lgtask"

func testTaskDirImages(t *testing.T, b *buildah, ca *authority, project string, flags []string) {
	b.runtimeBase(t)
	folder := taskFolder(t, project)
	flags = append(flags, "--volume", project+":"+projectInBuild+":ro", "--build-arg", "PROCESSOR_IMAGE=localhost/lgtask",
		"--build-arg", "RUNTIME_IMAGE="+runtimeImage, "--build-arg", "TASK_DIR=tasks")
	greet, orphan := work{"Greet", "hello, world"}, work{"Orphan", `{"name":"world"}`}
	build := func(t *testing.T, target string) container {
		b.build(t, target, "taskdir.Dockerfile", folder, append(flags, "--target", target)...)
		c := container{root: b.filesystem(t, target), config: b.config(t, target), ready: processorsReady}
		if target != "go" {
			c.ready = workerReady
		}
		return c
	}

	t.Run("go", func(t *testing.T) {
		c := build(t, "go")
		wantConfig(t, c.config, "/processor", "/lgtaskprocessor")
		files := processorFiles()
		files["processor"] = 0o755
		wantTree(t, c.root, files)
		wantStatic(t, filepath.Join(c.root, "processor"))
		wantBuildSettings(t, filepath.Join(c.root, "processor"))
		testContainer(t, ca, c, greet)
	})
	t.Run("mixed", func(t *testing.T) {
		c := build(t, "mixed")
		wantConfig(t, c.config, "/processor", "/usr/local/bin/lgtaskprocessor")
		wantTree(t, filepath.Join(c.root, "tasks"), map[string]fs.FileMode{"Orphan.sh": 0o755, "greet.go": 0o755})
		wantStatic(t, filepath.Join(c.root, "processor"))
		testContainer(t, ca, c, greet, orphan)
	})
	t.Run("executables", func(t *testing.T) {
		if err := os.Remove(filepath.Join(folder, "tasks/greet.go")); err != nil {
			t.Fatal(err)
		}
		c := build(t, "executables")
		wantConfig(t, c.config, "/usr/local/bin/lgtaskprocessor", "/usr/local/bin/lgtaskprocessor")
		wantTree(t, filepath.Join(c.root, "tasks"), map[string]fs.FileMode{"Orphan.sh": 0o755})
		testContainer(t, ca, c, orphan)
	})
}

// taskFolder makes a team's module, with a folder of tasks that everybody may
// write to.
func taskFolder(t *testing.T, project string) string {
	t.Helper()
	dir := t.TempDir()
	copyFolder(t, "testdata/tasks", filepath.Join(dir, "tasks"))
	for _, file := range []string{"", "greet.go", "Orphan.sh"} {
		if err := os.Chmod(filepath.Join(dir, "tasks", file), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// The team's module uses the same versions as the project.
	requirements, err := os.ReadFile(filepath.Join(project, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	const ours = "module github.com/lgtask/lgtask\n"
	team := fmt.Appendf(nil, "module example.org/team\n\nrequire github.com/lgtask/lgtask v0.0.0\n\nreplace github.com/lgtask/lgtask => %s\n", projectInBuild)
	if !bytes.Contains(requirements, []byte(ours)) {
		t.Fatalf("go.mod has no line %q", ours)
	}
	write(t, filepath.Join(dir, "go.mod"), bytes.Replace(requirements, []byte(ours), team, 1))
	copyFile(t, filepath.Join(project, "go.sum"), filepath.Join(dir, "go.sum"))
	return dir
}
