package tasks_test

import (
	"strings"
	"testing"

	"github.com/lgtask/lgtask/tasks"
)

// An error names the field, the value and what would be right.
func TestErrorTexts(t *testing.T) {
	long := kwargs(t, d("a", strings.Repeat("ü", 10_000)))
	for _, c := range []struct {
		err   error
		words []string
	}{
		{&tasks.InvalidError{Field: "priority", Value: "101", Reason: "must be less"}, []string{"priority", "101", "must be less"}},
		{&tasks.InvalidError{Field: "priority", Reason: "is missing"}, []string{"priority", "is missing"}},
		{&tasks.ForeignError{Collection: "tasks", Reason: "belongs to another"}, []string{"tasks", "belongs to another"}},
		{&tasks.KwargsConflictError{Key: "Mail/n", ID: anyID(t, "x1"), State: tasks.Working, Have: long, Wanted: long}, []string{"Mail/n", "x1", "working", "another taskName"}},
		{&tasks.ScheduleExistsError{Key: "Mail/n", Field: "every", Have: "1h", Wanted: "2h"}, []string{"Mail/n", "every", "1h", "2h", "unschedule"}},
	} {
		text := c.err.Error()
		for _, w := range c.words {
			if !strings.Contains(text, w) {
				t.Errorf("%T: %q does not name %s", c.err, text, w)
			}
		}
		if len(text) > 600 || strings.ToValidUTF8(text, "") != text {
			t.Errorf("%T: %d bytes", c.err, len(text))
		}
	}
}
