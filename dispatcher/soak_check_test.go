package dispatcher

import (
	"context"
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// end stops a process. What it leaves claimed it must have owned up to; that is
// given back, as when a process has died.
func (s *soak) end(b *bench) {
	b.cancel()
	err := <-b.done
	synctest.Wait()
	var stuck *StuckError
	if err != nil && !errors.As(err, &stuck) {
		s.Errorf("%s: Run returned %v", b.d.o.Holder, err)
	}
	held, _ := s.m.HeldBy(context.Background(), b.d.o.Holder)
	s.m.rescue(b.d.o.Holder)
	for _, h := range held {
		id := h.ID
		if stuck == nil || !slices.Contains(slices.Concat(stuck.Tasks, stuck.Unrecorded), id) {
			s.Errorf("%s left task %s claimed and did not say so: %v", b.d.o.Holder, id, err)
		}
	}
	b.idle()
}

// verdict checks what must hold when all is over.
func (s *soak) verdict() {
	advance(time.Minute)
	for _, b := range s.live {
		if n, due, _ := b.d.Busy(); n != 0 || due {
			s.Errorf("%s: %d busy, sweep due %v at the end", b.d.o.Holder, n, due)
		}
	}
	s.fill()
	for _, b := range s.live {
		s.end(b)
	}
	ended := map[tasks.State]int{}
	for _, t := range s.m.Tasks() {
		if ended[t.State]++; !t.State.Final() {
			s.Errorf("task %s (%s) is %s in the end", t.ID, t.TaskClass, t.State)
		}
	}
	for _, p := range s.m.Problems() {
		s.Error(p)
	}
	for claim, n := range s.runs {
		if n != 1 {
			s.Errorf("task %s ran %d times under one claim", claim.id, n)
		}
	}
	if s.short && s.ahead < 100 {
		s.Errorf("only %d runs were claimed ahead", s.ahead)
	}
	s.Logf("%d runs, %d of them claimed ahead; %v", len(s.runs), s.ahead, ended)
}

// fill gives every processor a task at the same time: none may have gone.
func (s *soak) fill() {
	all := 0
	gate := make(chan struct{})
	for _, b := range s.live {
		b.handler.run, b.handler.most = until(gate), 0
		all += len(b.d.o.Names)
	}
	for range all {
		if err := s.m.Insert(context.Background(), &tasks.Task{TaskClass: "Mail"}); err != nil {
			s.Error(err)
		}
	}
	advance(time.Second)
	for _, b := range s.live {
		if want := len(b.d.o.Names); b.handler.most != want {
			s.Errorf("%s: %d processors are left of %d", b.d.o.Holder, b.handler.most, want)
		}
	}
	close(gate)
	advance(time.Second)
}
