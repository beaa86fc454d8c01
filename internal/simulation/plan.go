package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Times of a world.
const (
	settleMost = 15 * time.Minute // until all has ended once nothing goes wrong any more
	settleStep = 5 * time.Second
)

// mostNames is how many processors a process is started with at most.
const mostNames = 3

// live is the world from its beginning to its end.
func (w *world) live() {
	w.rates.late = 3
	w.rates.refused, w.rates.lost, w.rates.slow = 10+10*w.dice.n(10), 10+10*w.dice.n(10), 10+10*w.dice.n(10)
	slots := w.populate()
	for _, s := range slots {
		w.wg.Go(s.keep)
	}
	w.trouble(slots)
	w.rates.on.Store(false)
	w.note("all is healed")
	w.healed(slots)
	w.fill()
	w.mu.Lock()
	close(w.over)
	w.mu.Unlock()
	for _, p := range w.all() {
		p.stop()
	}
	w.wg.Wait()
	w.verdict()
}

// populate makes the hosts. On some seeds two of them start processors of the same names.
func (w *world) populate() (slots []*slot) {
	n := 2 + w.dice.n(3)
	shared := w.dice.oneIn(3)
	for i := range n {
		host := fmt.Sprint("host", i+1)
		base := host
		if shared && i < 2 {
			base = "shared"
		}
		slots = append(slots, &slot{w: w, host: host, names: namesOf(base, 1+w.dice.n(mostNames)), dice: newDice(w.seed, "slot "+host)})
	}
	return slots
}

func namesOf(base string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("%s-%d", base, i+1))
	}
	return names
}

// trouble lets things go wrong.
func (w *world) trouble(slots []*slot) {
	_ = wait(context.Background(), w.dice.between(10*time.Millisecond, 3*time.Second))
	w.rates.on.Store(true)
	failovers := w.dice.n(3)
	end := w.dice.between(20*time.Second, 90*time.Second)
	for n := 0; w.now() < end; {
		for range w.dice.n(4) {
			n++
			w.create(n)
		}
		switch {
		case !w.dice.oneIn(3):
		case failovers > 0 && w.dice.oneIn(5):
			failovers--
			w.failOver()
		default:
			w.befall(slots[w.dice.n(len(slots))].current())
		}
		_ = wait(context.Background(), w.dice.between(10*time.Millisecond, 4*time.Second))
		w.checkNames()
	}
}

func (s *slot) current() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// befall has one thing go wrong, to a process or to all.
func (w *world) befall(p *process) {
	d := w.dice
	length := d.between(100*time.Millisecond, 20*time.Second)
	if d.oneIn(2) {
		length = d.between(25*time.Second, 70*time.Second)
	}
	switch what := d.n(10); {
	case what < 2:
		w.note("process %d is killed", p.id)
		w.met(kills)
		p.kill()
	case what < 3:
		w.note("process %d is told to stop", p.id)
		w.met(stops)
		p.stop()
	case what < 5:
		w.note("process %d is frozen for %v", p.id, length)
		w.met(freezes)
		p.freeze()
		time.AfterFunc(length, p.thaw)
	case what < 8:
		drops := d.oneIn(2)
		w.note("process %d is cut off for %v; drops: %v", p.id, length, drops)
		w.met(cuts)
		p.cutOff(drops)
		time.AfterFunc(length, p.reconnect)
	default:
		w.killTask()
	}
}

// failOver takes the primary away, after a time in which it reaches no majority.
func (w *world) failOver() {
	if w.server.inTrouble() {
		return
	}
	d := w.dice
	stalled := d.between(0, time.Second)
	if d.oneIn(3) {
		stalled = d.between(time.Second, 15*time.Second)
	}
	away := d.between(10*time.Millisecond, 25*time.Second)
	lost := d.oneIn(2)
	rest := newDice(w.seed, fmt.Sprint("failover ", w.now()))
	w.note("writes reach no majority for %v; then there is no primary for %v", stalled, away)
	w.met(elected)
	end := w.server.stall()
	time.AfterFunc(stalled+1, func() {
		elect := w.server.lose(func(n int) int {
			has := rest.n(n + 1)
			if lost {
				has = 0
			}
			if has < n {
				w.met(undone)
			}
			return has
		})
		end()
		for _, p := range w.all() {
			p.stream.fail()
		}
		time.AfterFunc(away, elect)
	})
}

// killTask asks for a task to be stopped.
func (w *world) killTask() {
	w.mu.Lock()
	var id tasks.ID
	if n := len(w.tasks); n > 0 {
		id = w.tasks[n-1-w.dice.n(min(n, 10))]
	}
	w.mu.Unlock()
	if id.IsZero() {
		return
	}
	w.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		state, err := w.store.Kill(ctx, id)
		w.note("task %s is killed: %s, %v", id, state, err)
		if err == nil {
			w.met(asked)
			w.book.wasKilled(id)
		}
	})
}

// healed makes all whole, and waits until every task has ended.
func (w *world) healed(slots []*slot) {
	for _, p := range w.all() {
		p.thaw()
		p.reconnect()
	}
	for w.server.inTrouble() {
		_ = wait(context.Background(), time.Second)
	}
	began := time.Now()
	for time.Since(began) < settleMost {
		_ = wait(context.Background(), settleStep)
		w.checkNames()
		if len(w.living()) > 0 && w.db.Count(func(s tasks.State) bool { return !s.Final() }) == 0 && time.Since(began) > lease {
			w.note("all has ended")
			return
		}
	}
}

// fill gives every processor a task at the same time: none may have gone. A process that
// starts meanwhile may take some.
func (w *world) fill() {
	ps := w.living()
	gate := make(chan struct{})
	w.mu.Lock()
	w.gate = gate
	n := len(w.tasks)
	w.mu.Unlock()
	most := n + 2*mostNames
	for _, p := range ps {
		most += len(p.life.Held())
	}
	for ; n < most; n++ {
		id, err := tasks.StringID(fmt.Sprint("fill", n))
		if err == nil {
			err = w.store.Insert(context.Background(), &tasks.Task{ID: id, TaskClass: "Mail"})
		}
		if err != nil {
			w.book.blame("the last tasks cannot be created: %v", err)
		}
	}
	_ = wait(context.Background(), 3*time.Second)
	for _, p := range ps {
		w.mu.Lock()
		at := w.filling[p]
		w.mu.Unlock()
		if want := len(p.life.Held()); at != want {
			w.book.blame("process %d has %d processors left of %d", p.id, at, want)
		}
	}
	close(gate)
	_ = wait(context.Background(), 3*time.Second)
	for _, p := range ps {
		n, due, _ := p.d.Busy()
		for i := 0; i < 20 && (n != 0 || due); i++ { // a look for more may be under way
			_ = wait(context.Background(), 50*time.Millisecond)
			n, due, _ = p.d.Busy()
		}
		if n != 0 || due {
			w.book.blame("process %d has %d tasks in the end, sweep due: %v", p.id, n, due)
		}
	}
}

// fillGate returns the gate of fill, if it is there.
func (w *world) fillGate(p *process) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gate != nil {
		w.filling[p]++
	}
	return w.gate
}

func (w *world) all() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*process{}, w.processes...)
}
