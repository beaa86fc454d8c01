package gobuild

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/scanner"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// folder is what the source of a task folder says without type checking.
type folder struct {
	pkg      string   // name of the package
	types    []string // exported types that can be task classes, sorted
	mainFile string   // the file of func main; empty if there is none
}

// scan parses files of dir. What they declare that is no Go is a [*CompileError].
//
// A type can be a task class if it has a method Run, or is a struct that may get
// one from an embedded field; which of them are is found by reflection when the
// program registers them. Aliases and generic types are not.
func scan(dir string, files []string, p paths) (*folder, error) {
	f := &folder{}
	specs := map[string]*ast.TypeSpec{}
	hasRun := map[string]bool{}
	fset := token.NewFileSet()
	var problems scanner.ErrorList
	for _, name := range files {
		file := filepath.Join(dir, name)
		parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution|parser.AllErrors)
		var list scanner.ErrorList
		switch {
		case errors.As(err, &list):
			problems = append(problems, list...)
		case err != nil:
			return nil, err
		}
		if parsed == nil {
			continue
		}
		f.pkg = parsed.Name.Name
		for _, d := range parsed.Decls {
			f.declaration(d, file, specs, hasRun)
		}
	}
	if len(problems) > 0 {
		return nil, p.syntaxError(problems)
	}
	for name, spec := range specs {
		if canBeTask(spec, specs, hasRun) {
			f.types = append(f.types, name)
		}
	}
	slices.Sort(f.types)
	return f, nil
}

// declaration notes types, their methods Run, and func main.
func (f *folder) declaration(d ast.Decl, file string, specs map[string]*ast.TypeSpec, hasRun map[string]bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		switch {
		case d.Recv == nil && d.Name.Name == "main":
			f.mainFile = file
		case d.Recv != nil && len(d.Recv.List) == 1 && d.Name.Name == "Run":
			hasRun[receiver(d.Recv.List[0].Type)] = true
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if spec, ok := s.(*ast.TypeSpec); ok {
				specs[spec.Name.Name] = spec
			}
		}
	}
}

// receiver returns the name of a receiver's type; a generic one gives none.
func receiver(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func canBeTask(spec *ast.TypeSpec, specs map[string]*ast.TypeSpec, hasRun map[string]bool) bool {
	if !spec.Name.IsExported() || spec.TypeParams != nil || spec.Assign.IsValid() {
		return false
	}
	return hasRun[spec.Name.Name] || embeds(spec.Type, specs, len(specs))
}

// embeds reports whether the type is a struct with an embedded field. It follows
// the names of types at most depth times, since a cycle is no Go but parses.
func embeds(e ast.Expr, specs map[string]*ast.TypeSpec, depth int) bool {
	for ; depth >= 0; depth-- {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StructType:
			return slices.ContainsFunc(x.Fields.List, func(f *ast.Field) bool { return len(f.Names) == 0 })
		case *ast.Ident:
			spec, ok := specs[x.Name]
			if !ok {
				return false
			}
			e = spec.Type
		default:
			return false
		}
	}
	return false
}

// syntaxError makes a compile error of what the parser found.
func (p paths) syntaxError(problems scanner.ErrorList) *CompileError {
	problems.RemoveMultiples() // one a line, sorted
	e := &CompileError{}
	var output strings.Builder
	for _, problem := range problems {
		d := Diagnostic{File: problem.Pos.Filename, Line: problem.Pos.Line, Col: problem.Pos.Column, Text: oneLine(problem.Msg)}
		d.shown = p.show(d.File)
		e.Diagnostics = append(e.Diagnostics, d)
		output.WriteString(d.String() + "\n")
	}
	e.Output = bounded(output.String())
	return e
}

// matching returns the names of the Go files of dir that the build constraints
// select, as far as that can be told without the go command. A file that cannot be
// read is among them: the parser tells where and why.
func matching(dir string, names []string, c *build.Context) (files []string) {
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		if ok, err := c.MatchFile(dir, name); ok || err != nil {
			files = append(files, name)
		}
	}
	return files
}
