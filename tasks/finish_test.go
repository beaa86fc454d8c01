package tasks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

func TestFinishOutcomes(t *testing.T) {
	s := taskstest.Store(t)
	for _, c := range []struct {
		outcome tasks.Outcome
		killed  bool
		want    tasks.State
	}{
		{tasks.Outcome{State: tasks.Success, LastLog: "done"}, false, tasks.Success},
		{tasks.Outcome{State: tasks.Error, LastLog: "bad", Failure: "bad", Spent: true}, false, tasks.Error},
		{tasks.Outcome{State: tasks.Aborted, LastLog: "not wanted"}, false, tasks.Aborted},
		{tasks.Outcome{State: tasks.Request, LastLog: "later", Failure: "bad", Spent: true}, false, tasks.Request},
		{tasks.Outcome{State: tasks.Request}, false, tasks.Request},
		{tasks.Outcome{State: tasks.Success, LastLog: "done"}, true, tasks.Success},
		{tasks.Outcome{State: tasks.Error, LastLog: "bad", Failure: "bad", Spent: true}, true, tasks.Error},
		{tasks.Outcome{State: tasks.Request, Spent: true}, true, tasks.Error},
		{tasks.Outcome{State: tasks.Aborted}, true, tasks.Error},
	} {
		name := fmt.Sprintf("%+v, killed %v", c.outcome, c.killed)
		h := claim(t, s, insert(t, s))
		if c.killed {
			kill(t, s, h.ID)
		}
		for range 3 { // repeated completions are no error and change nothing
			finish(t, s, h, c.outcome)
		}
		task := get(t, s, h.ID)
		if task.State != c.want || task.Holder != "" || task.Claim.Token != h.Token {
			t.Errorf("%s: %+v", name, task)
		}
		if spent := task.Attempt == 1; spent != c.outcome.Spent {
			t.Errorf("%s: attempt %d", name, task.Attempt)
		}
		if failed := c.outcome.Failure != "" || c.killed && c.want == tasks.Error; failed != (len(task.Errors) == 1) {
			t.Errorf("%s: errors %v", name, task.Errors)
		}
		if c.want != tasks.Request {
			keep := map[tasks.State]time.Duration{tasks.Success: 24 * time.Hour, tasks.Error: 7 * 24 * time.Hour, tasks.Aborted: 7 * 24 * time.Hour}[c.want]
			if task.ExpireAt.Sub(task.TsStop) != keep || task.TsStop.Before(task.TsStart) {
				t.Errorf("%s: ended %v, expires %v", name, task.TsStop, task.ExpireAt)
			}
		}
	}
}

func TestFinishRefusesImpossibleStates(t *testing.T) {
	s := taskstest.Store(t)
	h := claim(t, s, insert(t, s))
	for _, state := range []tasks.State{tasks.Working, tasks.Kill, "", "bogus"} {
		if err := s.Finish(t.Context(), h, tasks.Outcome{State: state}); err == nil || !strings.Contains(err.Error(), string(state)) {
			t.Errorf("as %q: %v", state, err)
		}
	}
	if task := get(t, s, h.ID); task.State != tasks.Working || task.Holder != "epoch" {
		t.Errorf("%+v", task)
	}
}

// Nobody but the holder of the latest claim writes.
func TestFinishIsFenced(t *testing.T) {
	s := taskstest.Store(t)
	stale := claim(t, s, insert(t, s))
	finish(t, s, stale, tasks.Outcome{State: tasks.Request, LastLog: "released"})
	fresh := claim(t, s, stale.ID)
	before := get(t, s, stale.ID)
	for _, state := range []tasks.State{tasks.Success, tasks.Error, tasks.Aborted, tasks.Request} {
		if err := s.Finish(t.Context(), stale, tasks.Outcome{State: state, LastLog: "stale"}); !errors.Is(err, tasks.ErrFenced) {
			t.Errorf("stale %s: %v", state, err)
		}
	}
	if err := s.Note(t.Context(), stale, "stale", 1); !errors.Is(err, tasks.ErrFenced) {
		t.Errorf("stale note: %v", err)
	}
	if after := get(t, s, stale.ID); after.LastLog != before.LastLog || after.Claim.Token != fresh.Token || after.State != tasks.Working {
		t.Errorf("changed by a stale holder: %+v", after)
	}
	finish(t, s, fresh, tasks.Outcome{State: tasks.Success})
	if err := s.Note(t.Context(), fresh, "late", nil); !errors.Is(err, tasks.ErrFenced) {
		t.Errorf("note after the end: %v", err)
	}
	gone := tasks.Held{Candidate: tasks.Candidate{ID: tasks.NewID()}, Claim: tasks.NewClaim("p", "h")}
	if err := s.Finish(t.Context(), gone, tasks.Outcome{State: tasks.Success}); !errors.Is(err, tasks.ErrFenced) {
		t.Errorf("a task that is gone: %v", err)
	}
}

func TestGiveBackWaitsByTheServersClock(t *testing.T) {
	s := taskstest.Store(t)
	for _, delay := range []time.Duration{0, time.Nanosecond, 90 * time.Minute, -time.Second} {
		h := claim(t, s, insert(t, s))
		before := serverTime(t, s)
		finish(t, s, h, tasks.Outcome{State: tasks.Request, Delay: delay})
		after := serverTime(t, s)
		up := max(delay, 0)
		if up%time.Millisecond != 0 {
			up = time.Millisecond
		}
		due := get(t, s, h.ID).TsRequest
		if due.Before(before.Add(min(delay, up))) || due.After(after.Add(up)) {
			t.Errorf("delay %v: due %v, given back from %v to %v", delay, due, before, after)
		}
	}
}

// serverTime asks the server, to the millisecond.
func serverTime(t testing.TB, s *tasks.Store) time.Time {
	t.Helper()
	var hello struct {
		LocalTime time.Time `bson:"localTime"`
	}
	if err := s.Database().RunCommand(t.Context(), d("hello", 1)).Decode(&hello); err != nil {
		t.Fatal(err)
	}
	return hello.LocalTime
}

func TestErrorHistoryIsBounded(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s)
	for i := range 7 {
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Request, Spent: true, Failure: fmt.Sprint(i, strings.Repeat("ü", 5000)), LastLog: strings.Repeat("ü", 2000)})
	}
	task := get(t, s, id)
	if len(task.Errors) != 5 || task.Attempt != 7 {
		t.Fatalf("%d errors, attempt %d", len(task.Errors), task.Attempt)
	}
	for i, e := range task.Errors {
		if len(e.Text) > 4<<10 || !strings.HasPrefix(e.Text, fmt.Sprint(i+2, "ü")) || !utf8.ValidString(e.Text) || e.Attempt != i+3 || e.At.IsZero() {
			t.Errorf("error %d: attempt %d, %d bytes, %.9q", i, e.Attempt, len(e.Text), e.Text)
		}
	}
	if len(task.LastLog) > 1<<10 || !utf8.ValidString(task.LastLog) || !strings.HasSuffix(task.LastLog, "…") {
		t.Errorf("lastLog of %d bytes", len(task.LastLog))
	}
	// A document by hand may hold anything there.
	for _, odd := range []any{"x", 5, nil, d("a", 1), []any{"x", 5}} {
		update(t, s, id, d("errors", odd))
		finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Request, Failure: "after"})
		raw, err := collection(s).FindOne(t.Context(), d("_id", id)).Raw()
		if err != nil {
			t.Fatal(err)
		}
		list, err := raw.Lookup("errors").Array().Values()
		if err != nil || len(list) == 0 || list[len(list)-1].Document().Lookup("text").StringValue() != "after" {
			t.Errorf("errors was %v: %v, %v", odd, list, err)
		}
	}
}

// Text is text, whatever it looks like, and is stored as valid UTF-8.
func TestTextIsNoExpression(t *testing.T) {
	s := taskstest.Store(t)
	for text, want := range map[string]string{
		"$$NOW": "$$NOW", "$state": "$state", "$$REMOVE": "$$REMOVE", "$": "$", "": "", "{$literal: 1}": "{$literal: 1}",
		"a\x00b": "a\x00b", "\xffbad\xc3": "\uFFFDbad\uFFFD", "\xed\xa0\x80": "\uFFFD",
	} {
		h := claim(t, s, insert(t, s))
		if err := s.Note(t.Context(), h, text, nil); err != nil {
			t.Errorf("note %q: %v", text, err)
		}
		if task := get(t, s, h.ID); task.LastLog != want {
			t.Errorf("note %q reads %q", text, task.LastLog)
		}
		finish(t, s, h, tasks.Outcome{State: tasks.Error, LastLog: text, Failure: "x" + text})
		if task := get(t, s, h.ID); task.LastLog != want || task.Errors[0].Text != "x"+want {
			t.Errorf("%q: lastLog %q, error %q", text, task.LastLog, task.Errors[0].Text)
		}
		id := insert(t, s)
		if _, err := s.Refuse(t.Context(), id, tasks.Error, text); err != nil || get(t, s, id).LastLog != want {
			t.Errorf("refused for %q: %q, %v", text, get(t, s, id).LastLog, err)
		}
	}
}

func TestNote(t *testing.T) {
	s := taskstest.Store(t)
	h := claim(t, s, insert(t, s))
	for _, progress := range []any{50, "$$NOW", d("done", 3, "$of", 10)} {
		if err := s.Note(t.Context(), h, "line", progress); err != nil {
			t.Errorf("progress %v: %v", progress, err)
		}
	}
	if err := s.Note(t.Context(), h, "", nil); err != nil {
		t.Errorf("nothing to note: %v", err)
	}
	kill(t, s, h.ID)
	if err := s.Note(t.Context(), h, "stopping", nil); err != nil {
		t.Errorf("of a task being stopped: %v", err)
	}
	if task := get(t, s, h.ID); task.LastLog != "stopping" || fmt.Sprint(task.Progress) == "" || task.State != tasks.Kill {
		t.Errorf("%+v", task)
	}
}

func TestRetention(t *testing.T) {
	db := taskstest.DB(t)
	s := tasks.NewStore(db, tasks.Options{Retention: tasks.Retention{Success: -1, Aborted: time.Minute}})
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for state, keep := range map[tasks.State]time.Duration{tasks.Success: -1, tasks.Error: 7 * 24 * time.Hour, tasks.Aborted: time.Minute} {
		h := claim(t, s, insert(t, s))
		finish(t, s, h, tasks.Outcome{State: state})
		task := get(t, s, h.ID)
		if keep < 0 && !task.ExpireAt.IsZero() || keep >= 0 && task.ExpireAt.Sub(task.TsStop) != keep {
			t.Errorf("%s: ended %v, expires %v", state, task.TsStop, task.ExpireAt)
		}
	}
}

// An offer from before another processor's attempt still claims the task; the
// attempt that it spends is the second.
func TestAttemptsCountFromTheDocument(t *testing.T) {
	s := taskstest.Store(t)
	id := insert(t, s)
	stale := candidate(t, s, id)
	finish(t, s, claim(t, s, id), tasks.Outcome{State: tasks.Request, Failure: "first", Spent: true})
	h := tasks.Held{Candidate: stale, Claim: tasks.NewClaim("p", "h")}
	if v, err := s.Claim(t.Context(), stale, h.Claim, "", ""); v != tasks.Won || err != nil {
		t.Fatal(v, err)
	}
	finish(t, s, h, tasks.Outcome{State: tasks.Error, Failure: "second", Spent: true})
	task := get(t, s, id)
	if task.Attempt != 2 || len(task.Errors) != 2 || task.Errors[1].Attempt != 2 {
		t.Errorf("%d attempts, errors %+v", task.Attempt, task.Errors)
	}
}
