package timers

import (
	"slices"
	"testing"
	"time"
)

// wheelModel is the wheel done simply: everything that exists is in all, and
// what the wheel must hold is the part of it below the horizon.
type wheelModel struct {
	limit   int
	all     map[int]time.Time
	horizon time.Time
}

// held returns the entries below the horizon, earliest first.
func (m *wheelModel) held() []Entry[int] {
	var s []Entry[int]
	for k, due := range m.all {
		if m.horizon.IsZero() || due.Before(m.horizon) {
			s = append(s, Entry[int]{Key: k, Due: due})
		}
	}
	slices.SortFunc(s, func(a, b Entry[int]) int { return a.Due.Compare(b.Due) })
	return s
}

// set adds or moves an entry and lowers the horizon if there are too many.
func (m *wheelModel) set(key int, due time.Time) {
	m.all[key] = due
	if s := m.held(); m.limit > 0 && len(s) > m.limit+m.limit/4 {
		m.horizon = s[m.limit].Due
	}
}

func (m *wheelModel) check(t *testing.T, w *Wheel[int]) {
	t.Helper()
	want := m.held()
	if h, ok := w.Horizon(); !h.Equal(m.horizon) || ok == m.horizon.IsZero() {
		t.Fatalf("Horizon = %v, %v; want %v", h, ok, m.horizon)
	}
	if w.Len() != len(want) || len(w.byKey) != len(want) {
		t.Fatalf("Len = %d, index %d; want %d", w.Len(), len(w.byKey), len(want))
	}
	next, ok := w.Next()
	if ok != (len(want) > 0) || ok && !next.Equal(want[0].Due) {
		t.Fatalf("Next = %v, %v; want %v", next, ok, want)
	}
	for _, e := range want {
		if g := w.byKey[e.Key]; g == nil || !g.due.Equal(e.Due) || w.heap[g.index] != g {
			t.Fatalf("entry %v is not held as it should be: %v", e, g)
		}
	}
}

// expire compares one Expire with the model: the same keys, in due order.
func (m *wheelModel) expire(t *testing.T, w *Wheel[int], now time.Time) {
	t.Helper()
	want := map[int]bool{}
	for _, e := range m.held() {
		if !e.Due.After(now) {
			want[e.Key] = true
		}
	}
	last := time.Time{}
	got := w.Expire(now)
	for _, k := range got {
		if !want[k] || m.all[k].Before(last) {
			t.Fatalf("Expire(%v) = %v, want %v in due order", now, got, want)
		}
		last = m.all[k]
		delete(want, k)
		delete(m.all, k)
	}
	if len(want) > 0 {
		t.Fatalf("Expire(%v) left %v", now, want)
	}
}

// setHorizon moves the horizon and, if it was raised, adds what lies between,
// as a caller does from its database. That may lower the horizon again.
func (m *wheelModel) setHorizon(w *Wheel[int], h time.Time) {
	old := m.horizon
	var gain []Entry[int]
	for k, due := range m.all {
		if !old.IsZero() && !due.Before(old) && (h.IsZero() || due.Before(h)) {
			gain = append(gain, Entry[int]{Key: k, Due: due})
		}
	}
	slices.SortFunc(gain, func(a, b Entry[int]) int {
		if c := a.Due.Compare(b.Due); c != 0 {
			return c
		}
		return a.Key - b.Key
	})
	m.horizon = h
	w.SetHorizon(h)
	for _, e := range gain {
		delete(m.all, e.Key)
	}
	for _, e := range gain {
		m.set(e.Key, e.Due)
		w.Set(e.Key, e.Due)
	}
}

func FuzzWheel(f *testing.F) {
	f.Add([]byte{4, 0, 1, 10, 0, 2, 10, 0, 3, 10, 0, 4, 10, 0, 5, 10, 0, 6, 10, 2, 0, 12})
	f.Add([]byte{8, 0, 1, 1, 0, 2, 5, 3, 0, 4, 0, 3, 7, 3, 0, 20, 0, 3, 7, 2, 0, 6, 1, 3, 0})
	f.Add([]byte{0, 0, 1, 1, 0, 1, 9, 4, 0, 0, 0, 1, 2, 2, 0, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) == 0 || len(ops) > 600 {
			return
		}
		limit := int(ops[0] % 16)
		w := NewWheel[int](limit)
		m := &wheelModel{limit: limit, all: map[int]time.Time{}}
		for ops = ops[1:]; len(ops) >= 3; ops = ops[3:] {
			key, when := int(ops[1]%32), at(int(ops[2]%64))
			switch ops[0] % 8 {
			case 0, 1, 2, 3:
				m.set(key, when)
				if held := w.Set(key, when); held != (m.horizon.IsZero() || when.Before(m.horizon)) {
					t.Fatalf("Set(%d, %v) = %v with horizon %v", key, when, held, m.horizon)
				}
			case 4:
				delete(m.all, key)
				w.Cancel(key)
			case 5:
				m.expire(t, w, when)
			case 6:
				if key == 0 {
					when = time.Time{}
				}
				m.setHorizon(w, when)
			case 7:
				if key != 0 {
					continue
				}
				*m = wheelModel{limit: limit, all: map[int]time.Time{}}
				w.Reset()
			}
			m.check(t, w)
		}
	})
}
