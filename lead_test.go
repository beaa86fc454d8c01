package lgtask

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// The lead settles where nine of ten claims are in time, within its bounds.
func TestLead(t *testing.T) {
	var l lead
	if l.get() != leadFirst {
		t.Errorf("at first %v", l.get())
	}
	due := time.Now()
	cl := tasks.Claim{Early: []time.Time{due}}
	// Claims that take 3 ms, and one of twenty 8 ms.
	for i := range 2000 {
		took := 3 * time.Millisecond
		if i%20 == 0 {
			took = 8 * time.Millisecond
		}
		l.claimed(cl, due.Add(took-l.get()))
	}
	if d := l.get(); d < 2900*time.Microsecond || d > 4*time.Millisecond {
		t.Errorf("claims of 3 ms are led by %v", d)
	}
	for range 1000 {
		l.claimed(cl, due.Add(time.Second))
	}
	if d := l.get(); d > tasks.MaxLead || d < tasks.MaxLead/2 {
		t.Errorf("after claims of a second %v", d)
	}
	for range 1000 {
		l.claimed(cl, due.Add(-time.Second))
	}
	if l.get() != leadLeast {
		t.Errorf("after claims of no time %v", l.get())
	}
	l.claimed(tasks.Claim{}, due)
	if l.get() != leadLeast {
		t.Error("learnt from a claim that was not early")
	}
}
