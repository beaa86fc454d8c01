package gobuild

import "fmt"

// stub is a lgtask that compiles in no time. Its programs print their classes, what
// the first one says, and their key.
const stub = `package lgtask

import (
	"context"
	"os"
	"reflect"
)

var builtFrom string

type TaskContext struct{}

type Registry struct{ types []any }

func NewRegistry() *Registry { return &Registry{} }

func RegisterTypes(r *Registry, types ...any) { r.types = types }

func Main(r *Registry) int {
	for _, p := range r.types {
		t := reflect.New(reflect.TypeOf(p).Elem()).Interface()
		os.Stdout.WriteString(reflect.TypeOf(t).Elem().Name() + "\n")
		if s, ok := t.(interface{ Say() string }); ok {
			os.Stdout.WriteString(s.Say() + "\n")
		}
	}
	if err, ok := r.types[0].(interface{ Run(context.Context, *TaskContext) error }); ok && err != nil {
		os.Stdout.WriteString(builtFrom + "\n")
	}
	return 0
}
`

// taskFile is a task class with a method Say that returns the expression.
func taskFile(pkg, class, imports, say string) string {
	return fmt.Sprintf(`package %s

import (
	"context"

	"github.com/lgtask/lgtask"
	%s
)

type %[3]s struct{}

func (*%[3]s) Run(ctx context.Context, t *lgtask.TaskContext) error { return nil }

func (*%[3]s) Say() string { return %[4]s }
`, pkg, imports, class, say)
}

// userMod is the go.mod of a module that uses the stub beside it.
const userMod = "module user.example/mod\n\ngo 1.25.0\n\nrequire github.com/lgtask/lgtask v0.0.0\n\n" +
	"replace github.com/lgtask/lgtask => ../lgtask\n"
