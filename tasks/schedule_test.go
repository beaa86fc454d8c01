package tasks_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// every returns the definition of an interval task of the name n.
func every(d time.Duration, edits ...func(*tasks.Schedule)) tasks.Schedule {
	sc := tasks.Schedule{Key: "Mail/n", TaskClass: "Mail", TaskName: "n", Spec: tasks.ScheduleSpec{EveryMS: d.Milliseconds()}, Missed: "once"}
	for _, edit := range edits {
		edit(&sc)
	}
	return sc
}

func putSchedule(t testing.TB, s *tasks.Store, want tasks.Schedule, replace bool) (tasks.Schedule, bool) {
	t.Helper()
	sc, written, err := s.PutSchedule(t.Context(), want, replace)
	if err != nil {
		t.Fatal(err)
	}
	return sc, written
}

func TestPutSchedule(t *testing.T) {
	s := taskstest.Store(t)
	def := every(time.Hour, func(sc *tasks.Schedule) { sc.Kwargs, sc.Priority = kwargs(t, d("a", 1)), 3 })
	first, written := putSchedule(t, s, def, false)
	if !written || first.UID.IsZero() || first.TsInsert.IsZero() || first.V != tasks.Version {
		t.Errorf("first: %v, %+v", written, first)
	}
	same := def
	same.Kwargs = kwargs(t, d("a", 1.0))
	for _, replace := range []bool{false, true} {
		if again, written := putSchedule(t, s, same, replace); written || again.UID != first.UID {
			t.Errorf("same definition, replace %v: %v, %+v", replace, written, again)
		}
	}
	for field, edit := range map[string]func(*tasks.Schedule){
		"kwargs":    func(sc *tasks.Schedule) { sc.Kwargs = kwargs(t, d("a", 2)) },
		"every":     func(sc *tasks.Schedule) { sc.Spec.EveryMS++ },
		"fromStart": func(sc *tasks.Schedule) { sc.Spec.FromStart = true },
		"cron":      func(sc *tasks.Schedule) { sc.Spec.Cron = "* * * * *" },
		"tz":        func(sc *tasks.Schedule) { sc.Spec.TZ = "Europe/Berlin" },
		"missed":    func(sc *tasks.Schedule) { sc.Missed = "skip" },
		"priority":  func(sc *tasks.Schedule) { sc.Priority = 4 },
	} {
		other := def
		edit(&other)
		_, written, err := s.PutSchedule(t.Context(), other, false)
		var exists *tasks.ScheduleExistsError
		if !errors.As(err, &exists) || written || exists.Field != field || exists.Have == exists.Wanted || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "Mail/n") {
			t.Errorf("other %s: %v, %v", field, written, err)
		}
		if now, err := s.Schedule(t.Context(), "Mail/n"); err != nil || now.UID != first.UID {
			t.Errorf("other %s changed it: %+v, %v", field, now, err)
		}
	}
	def.Priority = 9
	replaced, written := putSchedule(t, s, def, true)
	if now, err := s.Schedule(t.Context(), "Mail/n"); err != nil || !written || now.UID != replaced.UID || now.UID == first.UID || now.Priority != 9 {
		t.Errorf("replaced: %+v, %v", now, err)
	}
}

func TestPutScheduleAtOnce(t *testing.T) {
	s := taskstest.Store(t)
	var written atomic.Int64
	together(20, func(int) {
		_, w, err := s.PutSchedule(t.Context(), every(time.Hour), false)
		if err != nil {
			t.Error(err)
		}
		if w {
			written.Add(1)
		}
	})
	if written.Load() != 1 {
		t.Errorf("written %d times", written.Load())
	}
	together(8, func(i int) {
		if _, _, err := s.PutSchedule(t.Context(), every(time.Duration(i+2)*time.Hour), true); err != nil {
			t.Errorf("replacing: %v", err)
		}
	})
}

func TestPutScheduleRefuses(t *testing.T) {
	s := taskstest.Store(t)
	for field, edit := range map[string]func(*tasks.Schedule){
		"taskClass": func(sc *tasks.Schedule) { sc.TaskClass = "a b" },
		"taskName":  func(sc *tasks.Schedule) { sc.TaskName = "a\nb" },
		"priority":  func(sc *tasks.Schedule) { sc.Priority = 101 },
		"kwargs":    func(sc *tasks.Schedule) { sc.Kwargs = kwargs(t, d("a", 1, "a", 1)) },
	} {
		_, written, err := s.PutSchedule(t.Context(), every(time.Hour, edit), false)
		var invalid *tasks.InvalidError
		if !errors.As(err, &invalid) || written || !strings.HasPrefix(invalid.Field, field) {
			t.Errorf("%s: %v, %v", field, written, err)
		}
	}
}

func TestSchedulesAndRemove(t *testing.T) {
	s := taskstest.Store(t)
	for _, class := range []string{"B", "A", "C"} {
		putSchedule(t, s, tasks.Schedule{Key: class + "/", TaskClass: class, Spec: tasks.ScheduleSpec{Cron: "@daily", TZ: "UTC"}}, false)
	}
	keys := func(classes ...string) (list string) {
		scs, err := s.Schedules(t.Context(), classes)
		if err != nil {
			t.Fatal(err)
		}
		for _, sc := range scs {
			list += sc.Key
		}
		return list
	}
	if all, two := keys(), keys("C", "A", "X"); all != "A/B/C/" || two != "A/C/" {
		t.Errorf("all %s, two %s", all, two)
	}
	for _, want := range []bool{true, false} {
		if removed, err := s.RemoveSchedule(t.Context(), "B/"); removed != want || err != nil {
			t.Errorf("removed %v, %v", removed, err)
		}
	}
	if _, err := s.Schedule(t.Context(), "B/"); err != tasks.ErrNotFound {
		t.Errorf("removed: %v", err)
	}
}
