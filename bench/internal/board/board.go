// Package board is memory that the processes of a benchmark share: a file that
// each of them maps. On it a handler notes that a task started, and when, at the
// cost of a few stores, so that counting does not disturb what is counted.
//
// Each task has a slot, by the number in its kwargs. All methods are safe for use
// by several processes at once. Times are the machine's wall clock in nanoseconds
// since 1970, which all its processes share.
package board

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"
)

// headerBytes keep the total apart from the slots, on a cache line of its own.
const headerBytes = 64

// slot is what is noted of one task.
type slot struct {
	starts int64 // how often it started
	at     int64 // when it started last
	asked  int64 // from when its latency counts
	acked  int64 // when its insert was acknowledged
	seen   int64 // when its event arrived
}

const slotBytes = int(unsafe.Sizeof(slot{}))

// Board is a mapped file. Close it when nobody in this process uses it any more.
type Board struct {
	mem   []byte
	total *int64
	slots []slot
}

// Create makes the file at path with n slots, all empty, and maps it.
func Create(path string, n int) (*Board, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(int64(headerBytes + n*slotBytes)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return mapped(f)
}

// Open maps a file that Create made.
func Open(path string) (*Board, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return mapped(f)
}

func mapped(f *os.File) (*Board, error) {
	defer func() { _ = f.Close() }() // the mapping outlives it
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := int(info.Size())
	if size < headerBytes || (size-headerBytes)%slotBytes != 0 {
		return nil, fmt.Errorf("%s has %d bytes and is no board", f.Name(), size)
	}
	mem, err := mapFile(f, size)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", f.Name(), err)
	}
	b := &Board{mem: mem, total: (*int64)(unsafe.Pointer(&mem[0]))}
	if n := (size - headerBytes) / slotBytes; n > 0 {
		b.slots = unsafe.Slice((*slot)(unsafe.Pointer(&mem[headerBytes])), n)
	}
	return b, nil
}

// Close unmaps the file. The board must not be used afterwards.
func (b *Board) Close() error { return unmap(b.mem) }

// Len returns the number of slots.
func (b *Board) Len() int { return len(b.slots) }

// Start notes that task i starts now. A number without a slot is counted in the
// total, so that the check of the row finds it.
func (b *Board) Start(i int64) {
	now := time.Now().UnixNano()
	if i >= 0 && i < int64(len(b.slots)) {
		s := &b.slots[i]
		atomic.StoreInt64(&s.at, now)
		atomic.AddInt64(&s.starts, 1)
	}
	atomic.AddInt64(b.total, 1)
}

// Total returns how many starts there were.
func (b *Board) Total() int64 { return atomic.LoadInt64(b.total) }

// Starts returns how often task i started.
func (b *Board) Starts(i int) int64 { return atomic.LoadInt64(&b.slots[i].starts) }

// First returns when the first of all tasks started, the zero time if none has.
func (b *Board) First() time.Time {
	var first int64
	for i := range b.slots {
		if at := atomic.LoadInt64(&b.slots[i].at); at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	if first == 0 {
		return time.Time{}
	}
	return time.Unix(0, first)
}

// StartedAfter returns how many tasks started after an instant.
func (b *Board) StartedAfter(t time.Time) (n int) {
	for i := range b.slots {
		if atomic.LoadInt64(&b.slots[i].at) > t.UnixNano() {
			n++
		}
	}
	return n
}

// Ask notes the instant from which the latency of task i counts.
func (b *Board) Ask(i int, at time.Time) { atomic.StoreInt64(&b.slots[i].asked, at.UnixNano()) }

// Ack notes that the insert of task i has been acknowledged now.
func (b *Board) Ack(i int) { atomic.StoreInt64(&b.slots[i].acked, time.Now().UnixNano()) }

// See notes that the event of task i arrived now.
func (b *Board) See(i int) { atomic.StoreInt64(&b.slots[i].seen, time.Now().UnixNano()) }

// Seen reports whether See was called for slot i.
func (b *Board) Seen(i int) bool { return atomic.LoadInt64(&b.slots[i].seen) != 0 }

// Asked returns the instant from which the latency of task i counts.
func (b *Board) Asked(i int) time.Time { return time.Unix(0, atomic.LoadInt64(&b.slots[i].asked)) }

// Started returns when task i started last.
func (b *Board) Started(i int) time.Time { return time.Unix(0, atomic.LoadInt64(&b.slots[i].at)) }

// Latency returns the time from Ask to Start of task i.
func (b *Board) Latency(i int) time.Duration { return b.since(i, &b.slots[i].at) }

// Acked returns the time from Ask to Ack of task i.
func (b *Board) Acked(i int) time.Duration { return b.since(i, &b.slots[i].acked) }

// Sight returns the time from Ask to See of task i.
func (b *Board) Sight(i int) time.Duration { return b.since(i, &b.slots[i].seen) }

func (b *Board) since(i int, when *int64) time.Duration {
	return time.Duration(atomic.LoadInt64(when) - atomic.LoadInt64(&b.slots[i].asked))
}
