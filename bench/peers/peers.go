package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peer is a system that is measured.
type peer struct {
	name   string
	needs  []need
	server func(context.Context, bool, options) (*server, error)
	// build makes the program and returns how to start it.
	build func(context.Context, peer, options) (argv []string, err error)
	// version prints those of the peer and of its server, one a line.
	version [][]string
	// tuned and standard say what the two configurations are.
	tuned, standard string
	// slow divides the tasks of the drains in the default configuration, which
	// would take minutes without showing anything else.
	slow int
}

const goModule = "{{.Path}} {{.Version}}"

var peers = []peer{
	{
		name: "river", needs: []need{needPostgres}, server: postgres, build: buildGo, slow: 10,
		version:  [][]string{{"go", "list", "-m", "-f", goModule, "github.com/riverqueue/river"}, {"postgres", "--version"}},
		tuned:    "FetchCooldown 1 ms, FetchPollInterval 1 ms, 40 connections",
		standard: "FetchCooldown 100 ms, FetchPollInterval 1 s, 4 connections",
	},
	{
		name: "asynq", needs: []need{needRedis}, server: redis, build: buildGo, slow: 1,
		version:  [][]string{{"go", "list", "-m", "-f", goModule, "github.com/hibiken/asynq"}, {"redis-server", "--version"}},
		tuned:    "TaskCheckInterval 1 ms, DelayedTaskCheckInterval 10 ms; Redis hz 100",
		standard: "TaskCheckInterval 1 s, DelayedTaskCheckInterval 5 s",
	},
	{
		name: "bullmq", needs: []need{needRedis, needNode, needNpm}, server: redis, build: buildNode, slow: 1,
		version:  [][]string{{"node", "-p", "'bullmq ' + require('bullmq/package.json').version"}, {"node", "--version"}, {"redis-server", "--version"}},
		tuned:    "1,000 finished jobs are kept; Redis hz 100",
		standard: "all finished jobs are kept",
	},
}

// buildGo builds the program of a Go peer.
func buildGo(ctx context.Context, p peer, o options) ([]string, error) {
	bin, err := filepath.Abs(filepath.Join(o.cache, p.name))
	if err != nil {
		return nil, err
	}
	_, err = output(ctx, filepath.Join(o.dir, p.name), "go", "build", "-o", bin, ".")
	return []string{bin}, err
}

// buildNode copies the program to where its packages may be installed, without
// running any script of theirs.
func buildNode(ctx context.Context, p peer, o options) ([]string, error) {
	to, err := filepath.Abs(filepath.Join(o.cache, p.name))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{"package.json", "package-lock.json", "main.js", "pace.js"} {
		text, err := os.ReadFile(filepath.Join(o.dir, p.name, name))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return nil, err
		}
	}
	_, err = output(ctx, to, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return []string{"node", filepath.Join(to, "main.js")}, err
}

// versions returns what the peer's programs say of themselves.
func (p peer) versions(ctx context.Context, o options) (string, error) {
	dir := filepath.Join(o.dir, p.name)
	if p.name == "bullmq" {
		dir = filepath.Join(o.cache, p.name) // where its packages are
	}
	var all []string
	for _, argv := range p.version {
		if argv[0] == "postgres" {
			bin, err := postgresBin()
			if err != nil {
				return "", err
			}
			argv = append([]string{filepath.Join(bin, argv[0])}, argv[1:]...)
		}
		out, err := output(ctx, dir, argv...)
		if err != nil {
			return "", err
		}
		all = append(all, strings.TrimSpace(out))
	}
	return strings.Join(all, "; "), nil
}

// output runs a command in a folder, without a workspace of the caller's.
func output(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	var stderr tail
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w%s", strings.Join(argv, " "), err, stderr.text())
	}
	return string(out), nil
}
