package tasks_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func putLog(t testing.TB, s *tasks.Store, h tasks.Held, dropped int64, lines ...string) {
	t.Helper()
	var ls []tasks.LogLine
	for _, l := range lines {
		ls = append(ls, tasks.LogLine{At: time.UnixMilli(int64(len(ls))), Text: l})
	}
	if err := s.PutLog(t.Context(), h, ls, dropped); err != nil {
		t.Fatal(err)
	}
}

func logs(t testing.TB, s *tasks.Store, id tasks.ID) []tasks.TaskLog {
	t.Helper()
	ls, err := s.Logs(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

func TestLogs(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s)
	if ls := logs(t, s, id); ls == nil || len(ls) != 0 {
		t.Errorf("before the first attempt: %v", ls)
	}
	h := claim(t, s, id)
	putLog(t, s, h, 0, "one")
	putLog(t, s, h, 3, "$$NOW", "three") // replaces what was written before
	putLog(t, s, h, 1, "late", "older")  // is not written: it was held up on its way
	finish(t, s, h, tasks.Outcome{State: tasks.Request, Spent: true})
	h2 := claim(t, s, id)
	putLog(t, s, h2, 0, strings.Repeat("x", tasks.MaxLogBytes))
	other := claim(t, s, insert(t, s))
	putLog(t, s, other, 0, "other")

	ls := logs(t, s, id)
	if len(ls) != 2 || ls[0].Attempt != 1 || ls[1].Attempt != 2 || ls[0].Dropped != 3 || ls[0].Processor != "host-1" || ls[0].Task != id {
		t.Fatalf("%+v", ls)
	}
	if l := ls[0].Lines; len(l) != 2 || l[0].Text != "$$NOW" || l[1].Text != "three" || !l[1].At.Equal(time.UnixMilli(1)) {
		t.Errorf("lines %+v", l)
	}
	if len(ls[1].Lines[0].Text) != tasks.MaxLogBytes {
		t.Errorf("a line of %d bytes", len(ls[1].Lines[0].Text))
	}
	longest := serverTime(t, s).Add(7 * 24 * time.Hour)
	for _, l := range ls {
		if off := longest.Sub(l.ExpireAt); off < -time.Minute || off > time.Minute {
			t.Errorf("attempt %d expires %v, want %v", l.Attempt, l.ExpireAt, longest)
		}
	}
	if err := s.CloseLog(t.Context(), h2, tasks.Success); err != nil {
		t.Fatal(err)
	}
	for _, l := range logs(t, s, id) {
		if off := l.ExpireAt.Sub(serverTime(t, s)); off > 24*time.Hour || off < 24*time.Hour-time.Minute {
			t.Errorf("attempt %d expires in %v after a success", l.Attempt, off)
		}
	}
	if l := logs(t, s, other.ID); len(l) != 1 || l[0].ExpireAt.Before(longest.Add(-time.Minute)) {
		t.Errorf("the log of another task: %+v", l)
	}
}

// Two attempts may have one number: a release spends none.
func TestLogsOfReleasedAttempts(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s)
	for _, line := range []string{"first", "second", "third"} {
		h := claim(t, s, id)
		putLog(t, s, h, 0, line)
		finish(t, s, h, tasks.Outcome{State: tasks.Request})
	}
	var got []string
	for _, l := range logs(t, s, id) {
		got = append(got, l.Lines[0].Text)
	}
	if strings.Join(got, " ") != "first second third" {
		t.Errorf("order %v", got)
	}
}

func TestLogsKeptForGood(t *testing.T) {
	s := tasks.NewStore(taskstest.DB(t), tasks.Options{Retention: tasks.Retention{Error: -1}})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := claim(t, s, insert(t, s))
	putLog(t, s, h, 0, "x")
	for _, c := range []struct {
		state tasks.State
		kept  bool
	}{{"", true}, {tasks.Success, false}, {tasks.Error, true}} {
		if c.state != "" {
			if err := s.CloseLog(t.Context(), h, c.state); err != nil {
				t.Fatal(err)
			}
		}
		if l := logs(t, s, h.ID)[0]; l.ExpireAt.IsZero() != c.kept {
			t.Errorf("%q: expires %v", c.state, l.ExpireAt)
		}
	}
}

func TestTrimLog(t *testing.T) {
	for line, want := range map[string]string{"": "", "x": "x", "\xff": "\uFFFD", "a\nb": "a\nb"} {
		if got := tasks.TrimLog(line); got != want {
			t.Errorf("%q: %q", line, got)
		}
	}
	if got := tasks.TrimLog(strings.Repeat("ü", 40_000)); len(got) > tasks.MaxLogBytes || len(got) < tasks.MaxLogBytes-8 || !utf8.ValidString(got) {
		t.Errorf("a line of %d bytes", len(got))
	}
}
