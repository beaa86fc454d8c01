package gobuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// plan is all that is known before the compiler is started.
type plan struct {
	j       *job
	tmp     string // for the overlay's files and the program; removed in the end
	command goCommand
	goEnv   goEnv
	flags   []string // of go list and go build alike
	overlay overlay
	source  string // sourceID, if the folder is in no module
	main    program
	inputs  []input
	key     string
}

func (p *plan) close() { _ = os.RemoveAll(p.tmp) } // what stays is removed by prune

// plan finds out what the program is made of. Whatever fails, the inputs that were
// seen until then are remembered: the next change of one may mend it.
func (j *job) plan(ctx context.Context) (_ *plan, err error) {
	set := newInputSet(j.b.memory)
	defer func() {
		if j.target.static {
			return // Changed speaks of Build
		}
		j.b.remember(&look{dir: j.dir, settings: j.settings, tool: j.tool.id, inputs: set.sorted()})
	}()
	if err := set.addFolder(j.dir, j.b.env); err != nil {
		return nil, err
	}
	if err := j.precheck(); err != nil {
		return nil, err
	}
	p := &plan{j: j, overlay: overlay{}}
	if p.tmp, err = j.store.temporary(); err != nil {
		return nil, err
	}
	if err := p.fill(ctx, set); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// precheck finds what needs no go command: syntax errors, and folders without
// tasks if there is no go command to ask.
func (j *job) precheck() error {
	all, err := names(j.dir, sourceNames)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(name string) bool { return strings.HasSuffix(name, ".go") }) {
		return &NoTaskError{Dir: j.dir}
	}
	f, err := scan(j.dir, matching(j.dir, all, j.buildContext()), j.paths)
	if err != nil {
		return err
	}
	if j.toolErr == nil {
		return nil
	}
	if err := f.check(j.dir); err != nil {
		return err
	}
	return j.toolErr
}

// check returns what is wrong with a folder that parses.
func (f *folder) check(dir string) error {
	switch {
	case f.pkg == "main" && f.mainFile != "":
		return &ProgramError{Dir: dir, File: f.mainFile}
	case len(f.types) == 0:
		return &NoTaskError{Dir: dir}
	}
	return nil
}

func (j *job) buildContext() *build.Context {
	c := build.Default
	c.GOOS, c.GOARCH = runtime.GOOS, runtime.GOARCH
	if j.target.static {
		c.GOOS, c.GOARCH, c.CgoEnabled = j.target.goos, j.target.goarch, false
	}
	c.BuildTags = strings.FieldsFunc(j.b.env.flag("tags"), func(r rune) bool { return r == ',' || r == ' ' })
	return &c
}

// fill asks the go command.
func (p *plan) fill(ctx context.Context, set *inputSet) error {
	if err := p.prepare(ctx); err != nil {
		return p.failure(err)
	}
	list, err := p.command.list(ctx, p.flags, []string{".", module})
	if err != nil {
		return p.failure(err)
	}
	if err := p.addModules(ctx, set, list); err != nil {
		return p.failure(err)
	}
	if err := p.addPackages(set, list); err != nil {
		return err
	}
	own := matched(list, ".")
	if own == nil {
		return fmt.Errorf("the go command lists no package in %s", p.j.dir)
	}
	f, err := p.judge(own, list)
	if err != nil {
		return err
	}
	if p.main, err = generate(p.j.dir, own.ImportPath, f); err != nil {
		return err
	}
	p.inputs = set.sorted()
	p.key = p.makeKey()
	return nil
}

// judge returns what the folder declares, or what is wrong with it or with the
// packages that it imports.
func (p *plan) judge(own *goPackage, list []goPackage) (*folder, error) {
	if root := matched(list, module); root != nil && root.Module == nil && root.Error != nil && p.goEnv.GOMOD != "" {
		return nil, p.requirementError(root.Error.Err)
	}
	var problems []Diagnostic
	for _, pkg := range list {
		if pkg.Error != nil {
			d := p.j.paths.diagnostic(pkg.Error.Pos, pkg.Error.Err)
			if p.goEnv.GOMOD == "" && isMissing(pkg.Error.Err) {
				return nil, &NoModuleError{Dir: p.j.dir, Problem: d}
			}
			problems = append(problems, d)
		}
	}
	if len(problems) > 0 {
		e := &CompileError{Diagnostics: problems}
		var output strings.Builder
		for _, d := range problems {
			output.WriteString(d.String() + "\n")
		}
		e.Output = bounded(output.String())
		return nil, e
	}
	f, err := scan(p.j.dir, slices.Concat(own.GoFiles, own.CgoFiles), p.j.paths)
	if err != nil {
		return nil, err
	}
	return f, f.check(p.j.dir)
}

// missing are the go command's words for an imported package that no module brings.
var missing = []string{
	"no required module provides package", "cannot find module providing package", "missing go.sum entry", "is not in std",
}

func isMissing(text string) bool {
	return slices.ContainsFunc(missing, func(part string) bool { return strings.Contains(text, part) })
}

// failure makes of a go command's failure what it says about the source.
func (p *plan) failure(err error) error {
	var e *errGo
	if !errors.As(err, &e) {
		return err
	}
	if strings.TrimSpace(e.output) == "" {
		return e // such as: killed for want of memory
	}
	return p.j.paths.compileError(e.output)
}

// makeKey hashes all that decides what the program is. The time of the go command
// is not part of it: the same version makes the same program.
func (p *plan) makeKey() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v\n%s\n", generator, p.j.target, p.j.settings)
	fmt.Fprintf(h, "%s %s %s %s %s\n", p.goEnv.GOVERSION, p.goEnv.GOOS, p.goEnv.GOARCH, p.goEnv.CGO_ENABLED, p.goEnv.GOFLAGS)
	for _, in := range p.inputs {
		fmt.Fprintf(h, "%s %q %s\n", in.Kind, in.Path, in.Sum)
	}
	fmt.Fprintf(h, "%s\n%q %s", p.source, p.main.file, p.main.text)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// build compiles and links the program into the file out.
func (p *plan) build(ctx context.Context, out string) error {
	p.j.b.options.Log("building " + p.j.dir)
	if err := p.overlay.add(p.main.file, p.tmp, p.main.text); err != nil {
		return err
	}
	file, err := p.writeOverlay()
	if err != nil {
		return err
	}
	ldflags := "-X " + module + ".builtFrom=" + p.key
	args := append([]string{"build", "-buildvcs=false"}, p.flags...)
	if p.j.target.static {
		args, ldflags = append(args, "-trimpath"), "-s -w "+ldflags
	}
	args = append(args, "-overlay="+file, "-ldflags="+ldflags, "-o", out, p.main.arg)
	if _, err := p.command.run(ctx, args...); err != nil {
		return p.buildFailure(err)
	}
	if _, same := p.j.b.memory.same(p.inputs); !same {
		return errUnsettled
	}
	return nil
}

// buildFailure is failure for the build: of the main function nothing can be wrong
// but what the lgtask of the folder's module does not have.
func (p *plan) buildFailure(err error) error {
	err = p.failure(err)
	var e *CompileError
	if errors.As(err, &e) && e.Diagnostics[0].File == p.overlay[p.main.file] && p.goEnv.GOMOD != "" {
		return p.requirementError(e.Diagnostics[0].Text)
	}
	return err
}

func (p *plan) requirementError(reason string) error {
	remedy := "go get " + module + "@latest"
	if info, err := os.Stat(filepath.Join(filepath.Dir(p.goEnv.GOMOD), "vendor")); err == nil && info.IsDir() {
		remedy += " && go mod vendor"
	}
	return &RequirementError{GoMod: p.goEnv.GOMOD, Remedy: remedy, Reason: oneLine(reason)}
}

func (p *plan) writeOverlay() (string, error) {
	file := filepath.Join(p.tmp, "overlay.json")
	return file, p.overlay.write(file)
}
