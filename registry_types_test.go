package lgtask

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

type typedTask struct{ A int }

func (*typedTask) Run(context.Context, *TaskContext) error { return nil }

type typedData struct{ B int }

type typedOther struct{}

func (typedOther) Run() {}

type typedInterface interface{ M() }

func TestRegisterTypes(t *testing.T) {
	r := NewRegistry()
	RegisterTypes(r, (*typedTask)(nil), (*typedData)(nil), (*typedInterface)(nil), (*int)(nil))
	if got := fmt.Sprint(r.Classes()); got != "[typedTask]" {
		t.Errorf("classes %s", got)
	}
	if a, b := r.class("typedTask").make(), r.class("typedTask").make(); a == b {
		t.Error("two runs share a value")
	}
	for what, register := range map[string]func(){
		"the method Run of lgtask.typedOther is func": func() { RegisterTypes(r, (*typedOther)(nil)) },
		"class typedTask is registered twice":         func() { RegisterTypes(r, (*typedTask)(nil)) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, what) {
					t.Errorf("panic %q, want %q", p, what)
				}
			}()
			register()
		}()
	}
}
