package dispatcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// TestSoak runs several processes on one store through random failures, lost
// replies, kills, stops and restarts, until every task is final.
func TestSoak(t *testing.T) {
	for seed := range uint64(11) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newSoak(t, seed).run() })
		})
	}
}

type soak struct {
	*testing.T
	m       *memory
	trouble bool // guarded by mu: statements and handlers may fail
	short   bool // most runs are short, and there are many: work is claimed ahead

	mu   sync.Mutex
	rand *rand.Rand
	runs map[tokenOf]int // handler runs of each claim
	name map[string]int  // runs that are going, by key
	live []*bench
	born int

	ahead int // runs that were claimed ahead
}

type tokenOf struct {
	id    tasks.ID
	token string
}

func newSoak(t *testing.T, seed uint64) *soak {
	return &soak{
		T: t, m: newMemory(), trouble: true, short: seed >= 8, rand: rand.New(rand.NewPCG(seed, seed)),
		runs: map[tokenOf]int{}, name: map[string]int{},
	}
}

func (s *soak) n(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.IntN(n)
}

// oneIn is true once in n, while there is trouble.
func (s *soak) oneIn(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble && s.rand.IntN(n) == 0
}

// wait waits d, or until ctx ends. It makes no timer for no time: one that is due
// at once crashes the race detector of Go 1.26 in a bubble now and then.
func (s *soak) wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (s *soak) run() {
	for range 3 {
		s.launch()
	}
	for range 150 {
		s.enqueue()
		if s.short {
			for range s.n(16) {
				s.enqueue()
			}
		}
		advance(time.Duration(1+s.n(100)) * time.Millisecond)
		if s.oneIn(8) {
			s.kill()
		}
		if s.oneIn(12) {
			b := s.live[0]
			s.live = s.live[1:]
			s.end(b)
			s.launch()
		}
	}
	s.mu.Lock()
	s.trouble = false
	s.mu.Unlock()
	for left := 100; s.m.open() > 0 && left > 0; left-- {
		advance(10 * time.Second)
		for _, b := range s.live {
			b.d.UnblockAll() // the safety sweep
		}
	}
	s.verdict()
}

// launch starts a process that follows the store as the engine does.
func (s *soak) launch() {
	s.born++
	b := newBench(s.T, s.m, fmt.Sprintf("p%d", s.born), 1+s.n(3))
	b.handler.run, b.claims.hook = s.handle, s.hook
	s.m.follow(func(ev tasks.Event) {
		latency := time.Duration(s.n(20)) * time.Millisecond
		time.AfterFunc(latency, func() { follow(b, ev) })
	})
	b.d.UnblockAll()
	b.start()
	s.live = append(s.live, b)
}

// follow is what the engine makes of an event.
func follow(b *bench, ev tasks.Event) {
	switch ev.Kind {
	case tasks.Killed:
		b.d.Cancel(ev.ID, ErrKilled)
	case tasks.Freed:
		b.d.Unblock(ev.Key)
	case tasks.Changed, tasks.Inserted:
		c, err := b.m.Candidate(context.Background(), ev.ID)
		if ev.Candidate != nil {
			c, err = *ev.Candidate, nil // as it was when the event was made
		}
		switch {
		case err != nil:
		case c.TsRequest.After(time.Now()):
			time.AfterFunc(time.Until(c.TsRequest), b.d.Wake)
		default:
			b.d.Offer(c)
		}
	}
}

// hook makes statements slow, fail, or lose their replies.
func (s *soak) hook(ctx context.Context, st statement) error {
	if err := s.wait(ctx, time.Duration(s.n(5))*time.Millisecond); err != nil {
		return err
	}
	if s.oneIn(10) {
		return errBroken
	}
	if s.oneIn(200) {
		panic(errBroken)
	}
	err := st.send()
	if s.oneIn(10) {
		return errBroken
	}
	delay := time.Duration(s.n(5)) * time.Millisecond
	if s.oneIn(30) {
		delay = 4 * time.Second
	}
	if werr := s.wait(ctx, delay); werr != nil {
		return werr
	}
	return err
}

func (s *soak) handle(ctx context.Context, h *tasks.Held) tasks.Outcome {
	s.mu.Lock()
	s.runs[tokenOf{h.ID, h.Token.Hex()}]++
	if h.Ahead {
		s.ahead++
	}
	if h.Key != "" {
		if s.name[h.Key]++; s.name[h.Key] > 1 {
			s.Errorf("%s runs twice at a time", h.Key)
		}
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.name[h.Key]--
	}()
	length := time.Duration(s.n(300)) * time.Millisecond
	if s.short && length > 3*time.Millisecond {
		length /= 200
	}
	if s.oneIn(20) {
		length = 20 * time.Second // longer than the grace
	}
	if err := s.wait(ctx, length); err != nil && !s.oneIn(3) {
		return tasks.Outcome{State: tasks.Error, Failure: err.Error(), Spent: true}
	}
	switch s.n(12) {
	case 0:
		panic(errBroken)
	case 1:
		return tasks.Outcome{State: tasks.Aborted, Spent: true}
	case 2, 3, 4:
		if h.Attempt < 3 {
			return tasks.Outcome{State: tasks.Request, Spent: true, Delay: time.Duration(s.n(2)*s.n(2000)) * time.Millisecond}
		}
	}
	return succeeded
}

// enqueue adds a task: plain, a singleton, or a batch unless one waits.
func (s *soak) enqueue() {
	task := &tasks.Task{TaskClass: "Mail", Priority: s.n(3)}
	if s.n(4) == 0 {
		task.TsRequest = time.Now().Add(time.Duration(s.n(3000)) * time.Millisecond).Truncate(time.Millisecond)
	}
	switch s.n(3) {
	case 0:
		single(task)
	case 1:
		pending(string(rune('a' + s.n(3))))(task)
	}
	if err := s.m.Insert(context.Background(), task); err != nil && task.PendingKey == "" {
		s.Error(err)
	}
}

// kill asks for the end of a random running task.
func (s *soak) kill() {
	var ids []tasks.ID
	for _, t := range s.m.Tasks() {
		if t.State == tasks.Working {
			ids = append(ids, t.ID)
		}
	}
	if len(ids) > 0 {
		_ = s.m.kill(context.Background(), ids[s.n(len(ids))]) // it may have ended just now
	}
}
