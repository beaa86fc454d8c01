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
	if _, err := NewProcessor(Config{TaskDatabase: "mongodb://h"}, r); err != nil {
		t.Error(err)
	}
	RegisterTypes(r, (*typedOther)(nil), (*typedTask)(nil))
	_, err := NewProcessor(Config{TaskDatabase: "mongodb://h"}, r)
	for _, what := range []string{"the method Run of lgtask.typedOther is func(*lgtask.typedOther); that of a task is Run(ctx", "class typedTask is registered twice"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}
