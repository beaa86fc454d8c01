//go:build image

package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// commandTime bounds every command of these tests. It is long, so that a busy
// machine fails none.
const commandTime = 5 * time.Minute

// buildah runs buildah on an image store of its own, which goes with the test.
type buildah struct{ root, runRoot string }

func newBuildah(t *testing.T) *buildah {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("images are built and started as root: run the test as root")
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		t.Fatal("there is no buildah: install it (Debian, Ubuntu: apt-get install buildah)")
	}
	dir := t.TempDir()
	return &buildah{filepath.Join(dir, "store"), filepath.Join(dir, "run")}
}

// run returns what buildah wrote to standard output.
func (b *buildah) run(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", "buildah", append([]string{"--root", b.root, "--runroot", b.runRoot, "--storage-driver", "vfs"}, args...)...)
}

// build builds an image of a folder, with further flags of buildah build. Bases
// are never fetched. The format is Docker's: OCI's has no health check.
func (b *buildah) build(t *testing.T, name, file, context string, flags ...string) {
	t.Helper()
	args := []string{"build", "--isolation", "chroot", "--pull-never", "--format", "docker", "--tag", "localhost/" + name, "--file", file}
	b.run(t, append(append(args, flags...), context)...)
}

// filesystem returns the folder of an image's files, a copy for this caller.
func (b *buildah) filesystem(t *testing.T, name string) string {
	t.Helper()
	container := strings.TrimSpace(b.run(t, "from", "--pull-never", "localhost/"+name))
	return strings.TrimSpace(b.run(t, "mount", container))
}

// imageConfig is what an image tells an engine, as Docker writes it.
type imageConfig struct {
	User, WorkingDir, StopSignal string
	Env, Entrypoint, Cmd         []string
	Healthcheck                  *struct {
		Test                           []string
		Interval, Timeout, StartPeriod time.Duration
		Retries                        int
	}
	Labels map[string]string
}

func (b *buildah) config(t *testing.T, name string) imageConfig {
	t.Helper()
	var found struct {
		Docker struct {
			Config imageConfig `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(b.run(t, "inspect", "--type", "image", "localhost/"+name)), &found); err != nil {
		t.Fatal(err)
	}
	return found.Docker.Config
}

// run runs a command in a folder and returns its standard output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, &stdout, &stderr)
	}
	if took := time.Since(start); took > time.Second {
		t.Logf("%.1f s: %s", took.Seconds(), cmd)
	}
	return stdout.String()
}
