package timers

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// at returns an instant n seconds after a fixed epoch.
func at(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0).UTC() }

func TestWheelExpiresInDueOrder(t *testing.T) {
	w := NewWheel[string](0)
	w.Set("c", at(3))
	w.Set("a", at(1))
	w.Set("b", at(2))
	w.Set("d", at(4))
	if next, ok := w.Next(); !ok || !next.Equal(at(1)) {
		t.Errorf("Next = %v, %v; want %v", next, ok, at(1))
	}
	if got := w.Expire(at(1).Add(-1)); got != nil {
		t.Errorf("Expire just before = %v, want nothing", got)
	}
	if got := w.Expire(at(3)); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("Expire = %v, want [a b c]", got)
	}
	if got := w.Expire(at(3)); got != nil {
		t.Errorf("second Expire = %v, want nothing", got)
	}
	if w.Len() != 1 {
		t.Errorf("Len = %d, want 1", w.Len())
	}
}

func TestWheelMoveAndCancel(t *testing.T) {
	w := NewWheel[string](0)
	w.Set("a", at(1))
	w.Set("b", at(2))
	w.Set("a", at(5)) // later
	w.Set("b", at(1)) // earlier
	w.Set("c", at(3))
	w.Cancel("c")
	w.Cancel("unknown")
	if got := w.Expire(at(4)); !slices.Equal(got, []string{"b"}) {
		t.Errorf("Expire = %v, want [b]", got)
	}
	if next, _ := w.Next(); !next.Equal(at(5)) {
		t.Errorf("Next = %v, want %v", next, at(5))
	}
	w.Cancel("a")
	if _, ok := w.Next(); ok || w.Len() != 0 {
		t.Error("wheel not empty after the last Cancel")
	}
}

func TestWheelHorizon(t *testing.T) {
	w := NewWheel[int](0)
	for i := range 10 {
		w.Set(i, at(i))
	}
	if _, ok := w.Horizon(); ok {
		t.Error("a new wheel has a horizon")
	}
	w.SetHorizon(at(5))
	if w.Len() != 5 {
		t.Errorf("Len = %d after lowering the horizon to 5, want 5", w.Len())
	}
	if w.Set(20, at(5)) || w.Len() != 5 {
		t.Error("an entry due at the horizon was kept")
	}
	if w.Set(4, at(6)) || w.Len() != 4 {
		t.Error("an entry moved beyond the horizon stayed")
	}
	w.SetHorizon(time.Time{})
	if !w.Set(21, at(50)) {
		t.Error("an entry was dropped although there is no horizon")
	}
	w.SetHorizon(at(3))
	w.Reset()
	if _, ok := w.Horizon(); ok || w.Len() != 0 {
		t.Error("Reset left something")
	}
}

func TestWheelLimit(t *testing.T) {
	w := NewWheel[int](8) // cut when the 11th comes
	for i := range 10 {
		w.Set(i, at(i))
	}
	if w.Len() != 10 {
		t.Fatalf("Len = %d before the cut, want 10", w.Len())
	}
	if !w.Set(10, at(0)) {
		t.Error("the early entry that led to the cut is not held")
	}
	h, ok := w.Horizon()
	if !ok || !h.Equal(at(7)) || w.Len() != 8 {
		t.Errorf("horizon %v, %v, Len %d; want %v and 8", h, ok, w.Len(), at(7))
	}
	if w.Set(11, at(7)) {
		t.Error("an entry at the lowered horizon was kept")
	}
}

func TestWheelNeverDividesAnInstant(t *testing.T) {
	w := NewWheel[int](4)
	w.Set(0, at(1))
	for i := 1; i <= 5; i++ {
		w.Set(i, at(2))
	}
	if h, _ := w.Horizon(); !h.Equal(at(2)) || w.Len() != 1 {
		t.Errorf("horizon %v, Len %d; want %v and 1", h, w.Len(), at(2))
	}
	w = NewWheel[int](4)
	for i := range 6 {
		w.Set(i, at(2))
	}
	if h, _ := w.Horizon(); !h.Equal(at(2)) || w.Len() != 0 {
		t.Errorf("one instant: horizon %v, Len %d; want %v and 0", h, w.Len(), at(2))
	}
}

func TestWheelOrderDoesNotDependOnMonotonicClock(t *testing.T) {
	w := NewWheel[string](0)
	now := time.Now() // has a monotonic part
	w.Set("b", now.Add(time.Second))
	w.Set("a", now.Round(0))
	if got := w.Expire(now.Add(time.Second)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Expire = %v, want [a b]", got)
	}
}

func TestWheelBoundedUnderAMillion(t *testing.T) {
	const limit = 1000
	w := NewWheel[int](limit)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1_000_000 {
		w.Set(i, at(rnd.IntN(10_000_000)))
		if w.Len() > limit+limit/4 {
			t.Fatalf("Len = %d after %d entries", w.Len(), i+1)
		}
	}
	if w.Len() < limit/2 {
		t.Errorf("Len = %d, the window is nearly empty", w.Len())
	}
}

func BenchmarkWheelSetExpire(b *testing.B) {
	w := NewWheel[int](10_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Set(i, at(i+rnd.IntN(5000)))
		w.Expire(at(i))
		i++
	}
}
