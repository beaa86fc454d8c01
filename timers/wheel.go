package timers

import (
	"container/heap"
	"slices"
	"time"
)

// Wheel is a set of keys, each with the instant at which it is due, limited to
// a window of time. It is not safe for concurrent use and has no clock of its
// own: the time is an argument. The zero value is not usable, see [NewWheel].
//
// The structure is a binary heap with an index by key. A hashed wheel would
// save the logarithm, but it needs a granularity, and due times here lie
// between a millisecond and years ahead; a heap gives the exact next instant,
// and since the window bounds its size the logarithm is small.
//
// # Window
//
// Everything due before the horizon is held, everything due at or after it is
// not. The caller keeps the rest elsewhere and adds it when it moves the
// horizon on with [Wheel.SetHorizon]. When the wheel grows beyond its limit by
// a quarter, it is cut back to at most the limit and the horizon is lowered to
// the first instant that was cut off. The cut never runs through one instant.
// If the earliest instant alone has more entries than allowed, the wheel is
// empty afterwards and the horizon is that instant.
type Wheel[K comparable] struct {
	limit   int
	heap    dueHeap[K]
	byKey   map[K]*held[K]
	horizon time.Time // zero: none
}

// held is one entry of the wheel. Its due time has no monotonic part, so that
// all comparisons are by wall time.
type held[K comparable] struct {
	key   K
	due   time.Time
	index int
}

// NewWheel returns an empty wheel without a horizon that holds at most about
// limit entries (up to a quarter more between two cuts). A limit of 0 or less
// means no limit.
func NewWheel[K comparable](limit int) *Wheel[K] {
	return &Wheel[K]{limit: max(limit, 0), byKey: make(map[K]*held[K])}
}

// Set makes key due at the given instant, adding it or moving it. It reports
// whether the wheel holds the key afterwards: a key due at or after the horizon
// is dropped, also if it was held before.
func (w *Wheel[K]) Set(key K, due time.Time) bool {
	due = due.Round(0)
	if due.IsZero() {
		due = due.Add(1) // the zero time as a horizon would mean none
	}
	if w.beyond(due) {
		w.Cancel(key)
		return false
	}
	if e, ok := w.byKey[key]; ok {
		e.due = due
		heap.Fix(&w.heap, e.index)
		return true
	}
	e := &held[K]{key: key, due: due}
	w.byKey[key] = e
	heap.Push(&w.heap, e)
	w.trim()
	return !w.beyond(due)
}

// Cancel removes key. A key that is not held is ignored.
func (w *Wheel[K]) Cancel(key K) {
	if e, ok := w.byKey[key]; ok {
		heap.Remove(&w.heap, e.index)
		delete(w.byKey, key)
	}
}

// Next returns the earliest due time held, and false if the wheel is empty.
func (w *Wheel[K]) Next() (time.Time, bool) {
	if len(w.heap) == 0 {
		return time.Time{}, false
	}
	return w.heap[0].due, true
}

// Expire removes the entries due at or before now and returns their keys in
// the order of their due times; keys of the same instant come in no particular
// order. It returns nil if there are none.
func (w *Wheel[K]) Expire(now time.Time) []K {
	now = now.Round(0)
	var keys []K
	for len(w.heap) > 0 && !w.heap[0].due.After(now) {
		e := heap.Pop(&w.heap).(*held[K])
		delete(w.byKey, e.key)
		keys = append(keys, e.key)
	}
	return keys
}

// Len returns the number of entries held.
func (w *Wheel[K]) Len() int { return len(w.heap) }

// Horizon returns the instant at and after which nothing is held, and false if
// there is none, that is, if everything is held.
func (w *Wheel[K]) Horizon() (time.Time, bool) {
	return w.horizon, !w.horizon.IsZero()
}

// SetHorizon moves the horizon to t; the zero time means no horizon. If that
// lowers it, the entries beyond it are dropped. If it raises it, the caller
// must add what lies between the old horizon and t.
func (w *Wheel[K]) SetHorizon(t time.Time) {
	w.horizon = t.Round(0)
	if w.horizon.IsZero() {
		return
	}
	w.keep(func(e *held[K]) bool { return e.due.Before(w.horizon) })
}

// Reset removes all entries and the horizon. The limit stays.
func (w *Wheel[K]) Reset() {
	w.heap = nil
	w.byKey = make(map[K]*held[K])
	w.horizon = time.Time{}
}

// beyond reports whether due is at or after the horizon.
func (w *Wheel[K]) beyond(due time.Time) bool {
	return !w.horizon.IsZero() && !due.Before(w.horizon)
}

// trim cuts the wheel back to its limit once it exceeds it by a quarter. The
// sort is paid by the quarter of additions that it takes to come here again.
func (w *Wheel[K]) trim() {
	if w.limit == 0 || len(w.heap) <= w.limit+w.limit/4 {
		return
	}
	// A sorted slice is a valid heap, so it can stay the heap's storage.
	slices.SortFunc(w.heap, func(a, b *held[K]) int { return a.due.Compare(b.due) })
	w.SetHorizon(w.heap[w.limit].due)
}

// keep removes the entries for which stays returns false.
func (w *Wheel[K]) keep(stays func(*held[K]) bool) {
	kept := w.heap[:0]
	for _, e := range w.heap {
		if stays(e) {
			kept = append(kept, e)
		} else {
			delete(w.byKey, e.key)
		}
	}
	clear(w.heap[len(kept):])
	w.heap = kept
	for i, e := range w.heap {
		e.index = i
	}
	heap.Init(&w.heap)
}

// dueHeap implements [heap.Interface], earliest due time first.
type dueHeap[K comparable] []*held[K]

func (h dueHeap[K]) Len() int           { return len(h) }
func (h dueHeap[K]) Less(i, j int) bool { return h[i].due.Before(h[j].due) }

func (h dueHeap[K]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *dueHeap[K]) Push(x any) {
	e := x.(*held[K])
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *dueHeap[K]) Pop() any {
	old := *h
	last := len(old) - 1
	e := old[last]
	old[last] = nil
	*h = old[:last]
	return e
}
