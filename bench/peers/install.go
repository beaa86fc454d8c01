package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// need is a program that a peer cannot run without.
type need struct {
	pkg  string // Debian's package
	find func() error
}

func onPath(program string) func() error {
	return func() error {
		_, err := exec.LookPath(program)
		return err
	}
}

var (
	needPostgres = need{pkg: "postgresql", find: func() error { _, err := postgresBin(); return err }}
	needRedis    = need{pkg: "redis-server", find: onPath("redis-server")}
	needNode     = need{pkg: "nodejs", find: onPath("node")}
	needNpm      = need{pkg: "npm", find: onPath("npm")}
)

// missing returns the packages of the needs that are not met.
func missing(needs []need) []string {
	var pkgs []string
	for _, n := range needs {
		if n.find() != nil && !slices.Contains(pkgs, n.pkg) {
			pkgs = append(pkgs, n.pkg)
		}
	}
	return pkgs
}

// provide installs what is missing, or says what to install.
func provide(ctx context.Context, needs []need, progress io.Writer) error {
	pkgs := missing(needs)
	if len(pkgs) == 0 {
		return nil
	}
	install := append([]string{"apt-get", "install", "-y", "-qq", "--no-install-recommends"}, pkgs...)
	if os.Geteuid() != 0 || onPath("apt-get")() != nil {
		return fmt.Errorf("missing on this machine: %s; on Debian, as root: %s", strings.Join(pkgs, ", "), strings.Join(install, " "))
	}
	fmt.Fprintln(progress, "installing", strings.Join(pkgs, ", "))
	for _, argv := range [][]string{{"apt-get", "update", "-qq"}, install} {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
		}
	}
	return nil
}
