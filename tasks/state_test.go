package tasks_test

import (
	"strings"
	"testing"

	"github.com/lgtask/lgtask/tasks"
)

func TestStateTable(t *testing.T) {
	allowed := map[tasks.State]string{
		tasks.Request: "working aborted error",
		tasks.Working: "request kill success error aborted",
		tasks.Kill:    "success error",
		tasks.Success: "",
		tasks.Error:   "request",
		tasks.Aborted: "request",
	}
	if len(tasks.States) != 6 {
		t.Fatalf("%d states", len(tasks.States))
	}
	pairs := 0
	for _, from := range tasks.States {
		for _, to := range tasks.States {
			pairs++
			want := false
			for word := range strings.FieldsSeq(allowed[from]) {
				want = want || word == string(to)
			}
			if got := from.Allows(to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
	}
	if pairs != 36 {
		t.Errorf("%d pairs tried", pairs)
	}
}

func TestStateKinds(t *testing.T) {
	for _, c := range []struct {
		state                 tasks.State
		final, claimed, valid bool
	}{
		{tasks.Request, false, false, true},
		{tasks.Working, false, true, true},
		{tasks.Kill, false, true, true},
		{tasks.Success, true, false, true},
		{tasks.Error, true, false, true},
		{tasks.Aborted, true, false, true},
		{"bogus", false, false, false},
		{"", false, false, false},
		{"REQUEST", false, false, false},
	} {
		if c.state.Final() != c.final || c.state.Claimed() != c.claimed || c.state.Valid() != c.valid {
			t.Errorf("%q: final %v, claimed %v, valid %v", c.state, c.state.Final(), c.state.Claimed(), c.state.Valid())
		}
		if c.final {
			for _, to := range tasks.States {
				if c.state.Allows(to) && (to != tasks.Request || c.state == tasks.Success) {
					t.Errorf("%s is final but may become %s", c.state, to)
				}
			}
		}
	}
	for _, unknown := range []tasks.State{"", "bogus"} {
		for _, s := range tasks.States {
			if s.Allows(unknown) || unknown.Allows(s) {
				t.Errorf("%q and %q: an unknown state has no transitions", s, unknown)
			}
		}
	}
}
