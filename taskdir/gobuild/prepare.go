package gobuild

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// prepare sets the go command up for the folder, in its module or with one of its own.
func (p *plan) prepare(ctx context.Context) error {
	j := p.j
	env := j.b.env.completed(j.cache).with("GO111MODULE=on", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if j.target.static {
		env = env.with("GOOS="+j.target.goos, "GOARCH="+j.target.goarch, "CGO_ENABLED=0")
	}
	p.command = goCommand{path: j.tool.path, dir: j.dir, env: env}
	var err error
	if p.goEnv, err = p.command.readEnv(ctx); err != nil {
		return err
	}
	if p.goEnv.GOMOD == "" {
		return p.withoutModule(ctx)
	}
	if slices.Contains(strings.Fields(p.goEnv.GOFLAGS), "-mod=mod") {
		p.flags = append(p.flags, "-mod=readonly") // or it would write go.mod
	}
	return nil
}

// withoutModule puts a go.mod and a go.sum into the folder, in the overlay.
func (p *plan) withoutModule(ctx context.Context) error {
	p.command.env = p.command.env.with("GOWORK=off")
	p.goEnv.GOWORK, p.source = "", sourceID()
	outside := p.command
	outside.dir = p.tmp
	// The folder for the commands that ask is a module, whatever lies above it.
	if err := os.WriteFile(filepath.Join(p.tmp, "go.mod"), []byte("module "+folderModule+"\n"), 0o600); err != nil {
		return err
	}
	source, err := lgtaskSource(ctx, outside)
	if err != nil {
		return err
	}
	required, err := outside.editJSON(ctx, "mod", filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return err
	}
	if err := p.overlay.add(filepath.Join(p.j.dir, "go.mod"), p.tmp, folderGoMod(required, source)); err != nil {
		return err
	}
	if err := p.overlay.add(filepath.Join(p.j.dir, "go.sum"), p.tmp, sums); err != nil {
		return err
	}
	file, err := p.writeOverlay()
	p.flags = []string{"-mod=readonly", "-modfile=", "-overlay=" + file}
	return err
}
