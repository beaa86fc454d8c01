package gobuild

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// addFolder adds what is an input of every program of the folder: its files, and
// the files that say which module it is in. Those that are absent may appear.
func (s *inputSet) addFolder(dir string, e environ) error {
	if err := s.addPackage(dir); err != nil {
		return err
	}
	files := append(upward(dir, "go.mod"), upward(dir, "go.work")...)
	if work := e.get("GOWORK"); filepath.IsAbs(work) {
		files = append(files, work)
	}
	if mod := e.flag("modfile"); mod != "" {
		if !filepath.IsAbs(mod) {
			mod = filepath.Join(dir, mod)
		}
		files = append(files, mod)
	}
	for _, f := range files {
		if err := s.addModFile(f); err != nil {
			return err
		}
	}
	return nil
}

// upward returns the paths of files of that name from dir up to the first that exists.
func upward(dir, name string) (files []string) {
	for {
		file := filepath.Join(dir, name)
		files = append(files, file)
		if info, err := os.Stat(file); err == nil && !info.IsDir() || dir == filepath.Dir(dir) {
			return files
		}
		dir = filepath.Dir(dir)
	}
}

// addModFile adds a go.mod or go.work file and, if it exists, those beside it.
func (s *inputSet) addModFile(file string) error {
	if err := s.add(fileContents, file); err != nil {
		return err
	}
	if _, err := os.Stat(file); isAbsent(err) {
		return nil
	}
	sum := strings.TrimSuffix(file, ".mod") + ".sum" // go.sum, go.work.sum
	if err := s.add(fileContents, sum); err != nil {
		return err
	}
	vendor := filepath.Join(filepath.Dir(file), "vendor")
	if err := s.add(sourceNames, vendor); err != nil { // the folder alone changes what the go command does
		return err
	}
	return s.add(fileContents, filepath.Join(vendor, "modules.txt"))
}

// addModules adds the files of the modules that are not in the module cache, also
// of those whose packages are not used: their requirements count.
func (p *plan) addModules(ctx context.Context, set *inputSet, list []goPackage) error {
	var todo []string // go.mod files
	for _, pkg := range list {
		if m := pkg.Module; m != nil && m.GoMod != "" && !p.cached(m.GoMod) && !p.overlaid(m.GoMod) {
			todo = append(todo, m.GoMod)
		}
	}
	own := map[string]bool{p.goEnv.GOMOD: true}
	for _, pkg := range list {
		if pkg.Module != nil && pkg.Module.Main && !p.overlaid(pkg.Module.GoMod) {
			own[pkg.Module.GoMod] = true
		}
	}
	if p.goEnv.GOWORK != "" {
		dirs, err := p.localModules(ctx, "work", p.goEnv.GOWORK)
		if err != nil {
			return err
		}
		todo = append(todo, dirs...)
		if err := set.addModFile(p.goEnv.GOWORK); err != nil {
			return err
		}
	}
	delete(own, "")
	for file := range own {
		dirs, err := p.localModules(ctx, "mod", file)
		if err != nil {
			return err
		}
		todo = append(todo, dirs...)
	}
	for _, file := range todo {
		if err := set.addModFile(file); err != nil {
			return err
		}
	}
	return nil
}

// localModules returns the go.mod files of the folders that a file names.
func (p *plan) localModules(ctx context.Context, tool, file string) (files []string, err error) {
	m, err := p.command.editJSON(ctx, tool, file)
	if err != nil {
		return nil, err
	}
	for _, dir := range m.localModules(filepath.Dir(file)) {
		files = append(files, filepath.Join(dir, "go.mod"))
	}
	return files, nil
}

// addPackages adds the sources of all packages that can be edited, and the folders
// in which missing ones of the module are expected.
func (p *plan) addPackages(set *inputSet, list []goPackage) error {
	for _, pkg := range list {
		if pkg.Standard || p.cached(pkg.Dir) {
			continue
		}
		if pkg.Dir == "" {
			if dir := p.expected(pkg.ImportPath, list); dir != "" {
				if err := set.add(sourceNames, dir); err != nil {
					return err
				}
			}
			continue
		}
		if err := set.addPackage(pkg.Dir); err != nil {
			return err
		}
		if err := set.addEmbedded(pkg.Dir, pkg.EmbedPatterns); err != nil {
			return err
		}
	}
	return nil
}

// expected returns the folder that would hold a package that was not found, if
// its path is in a module that can be edited.
func (p *plan) expected(importPath string, list []goPackage) string {
	for _, pkg := range list {
		if m := pkg.Module; m != nil && m.Dir != "" && !p.cached(m.Dir) {
			if rest, ok := strings.CutPrefix(importPath, m.Path+"/"); ok {
				return filepath.Join(m.Dir, filepath.FromSlash(rest))
			}
		}
	}
	return ""
}

// cached reports whether a path is in the module cache, where nothing changes.
func (p *plan) cached(path string) bool { return below(path, p.goEnv.GOMODCACHE) }

func (p *plan) overlaid(path string) bool { return p.overlay[path] != "" }
