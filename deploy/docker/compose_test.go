//go:build image

package docker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// composeLoader is the part of Docker Compose that reads compose files. It
// refuses what Compose would refuse.
const composeLoader = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"

type composeService struct {
	Image, Hostname string
	Build           *struct{ Context, Dockerfile string }
	Environment     map[string]string
	ReadOnly        bool     `json:"read_only"`
	CapDrop         []string `json:"cap_drop"`
	CapAdd          []string `json:"cap_add"`
	SecurityOpt     []string `json:"security_opt"`
	StopGracePeriod string   `json:"stop_grace_period"`
	Tmpfs, Command  []string
	Privileged      bool
	User            string
	Ports, Volumes  []any
	Secrets         []struct{ Source, Target string }
	Healthcheck     struct{ Test []string }
	DependsOn       map[string]struct{ Condition string } `json:"depends_on"`
}

type composeFile struct {
	Services map[string]composeService
	Secrets  map[string]struct{ File string }
}

func TestCompose(t *testing.T) {
	var c composeFile
	if err := json.Unmarshal([]byte(run(t, "", "go", "run", composeLoader, "-format", "json", "compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	mongo := c.Services["mongo"]
	if !slices.Contains(mongo.Command, "--replSet") || !strings.Contains(strings.Join(mongo.Healthcheck.Test, " "), "rs.initiate(") {
		t.Errorf("no replica set is made of %+v", mongo)
	}
	if len(mongo.Ports) != 0 {
		t.Errorf("a server without access control is published: %v", mongo.Ports)
	}
	built, hosts := 0, map[string]bool{}
	for name, s := range c.Services {
		if name == "mongo" {
			continue
		}
		wantConfined(t, name, s)
		wantStarted(t, name, s, c)
		hosts[s.Hostname] = true
		if s.Build != nil {
			built++
			if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
				t.Errorf("%s cannot be built: %v", name, err)
			}
		}
	}
	if len(hosts) != 2 || hosts[""] || built != 1 {
		t.Errorf("%d builds and the hosts %v; want one, and two with names of their own", built, hosts)
	}
}

// wantConfined wants a service without rights.
func wantConfined(t *testing.T, name string, s composeService) {
	t.Helper()
	if !s.ReadOnly || s.Privileged || s.User != "" || len(s.Volumes) != 0 || len(s.Ports) != 0 {
		t.Errorf("%s is not read-only, is privileged, has another user, volumes or ports: %+v", name, s)
	}
	if !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) != 0 || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		t.Errorf("%s keeps capabilities %v, %v or may gain some: %v", name, s.CapDrop, s.CapAdd, s.SecurityOpt)
	}
	if len(s.Tmpfs) != 1 || !strings.HasPrefix(s.Tmpfs[0], "/tmp:") {
		t.Errorf("%s can write to %v, want /tmp", name, s.Tmpfs)
	}
}

// wantStarted wants a service that waits for the server, gets its settings from
// the environment and its address from a file, and is given time to stop.
func wantStarted(t *testing.T, name string, s composeService, c composeFile) {
	t.Helper()
	if got := s.DependsOn["mongo"].Condition; got != "service_healthy" {
		t.Errorf("%s starts when mongo is %q", name, got)
	}
	stop, err := time.ParseDuration(s.StopGracePeriod)
	grace, err2 := time.ParseDuration(s.Environment["LGTASK_GRACE"])
	if err != nil || err2 != nil || stop < grace+5*time.Second {
		t.Errorf("%s is killed after %q and has a grace of %q", name, s.StopGracePeriod, s.Environment["LGTASK_GRACE"])
	}
	if len(s.Command) != 0 {
		t.Errorf("%s has arguments: %q", name, s.Command)
	}
	if len(s.Secrets) != 1 || s.Secrets[0].Target != s.Environment["LGTASK_DATABASE_FILE"] {
		t.Fatalf("%s has the secrets %v and looks at %q", name, s.Secrets, s.Environment["LGTASK_DATABASE_FILE"])
	}
	address, err := os.ReadFile(c.Secrets[s.Secrets[0].Source].File)
	if err != nil || !strings.HasPrefix(string(address), "mongodb://mongo:27017/") {
		t.Errorf("%s has the database %q, %v", name, address, err)
	}
}
