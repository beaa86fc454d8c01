package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// begin notes that a handler is called, and checks whether it may be.
func (b *book) begin(p *process, ctx context.Context, h *tasks.Held) *run {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &run{
		n: len(b.runs) + 1, p: p, claim: claimOf{h.ID, h.Token}, class: h.TaskClass, key: h.Key, processor: h.Processor, holder: h.Holder,
		ctx: ctx, going: true, dice: newDice(b.w.seed, fmt.Sprint("run ", len(b.of[h.ID]), " of ", h.ID)),
	}
	r.stubborn = r.dice.oneIn(8)
	b.w.note("run %d: task %s in process %d on %s", r.n, h.ID, p.id, h.Processor)
	b.w.met(runs)
	now := time.Now()
	if b.by[r.claim] != nil {
		b.blameLocked("task %s runs twice by one claim", h.ID)
	}
	if due := h.TsRequest.Sub(now); due > 0 {
		b.blameLocked("task %s runs %v before it is due", h.ID, due)
	}
	if p.fencedBefore(now) {
		b.blameLocked("task %s begins to run in process %d, which is fenced", h.ID, p.id)
	}
	if at, killed := b.killed[h.ID]; killed {
		for _, c := range b.claims[r.claim] {
			if c.At.After(at) {
				b.blameLocked("task %s was claimed %v after it was killed", h.ID, c.At.Sub(at))
			}
		}
	}
	for _, other := range b.runs {
		if other.going {
			b.togetherLocked(other, r)
		}
	}
	for _, before := range b.of[h.ID] {
		b.againLocked(before, r)
	}
	b.runs = append(b.runs, r)
	b.of[h.ID] = append(b.of[h.ID], r)
	b.by[r.claim] = r
	return r
}

// lingers reports whether a run may go on although its task was given to others: its
// process cannot know it, or it does not listen.
func (r *run) lingers() bool {
	return r.p.senseless() || r.stubborn && r.ctx.Err() != nil || keepsRunning(r.class)
}

// togetherLocked checks whether a run may begin while another one goes on.
func (b *book) togetherLocked(old, r *run) {
	excused := b.rescued[old.holder] && old.lingers()
	switch {
	case excused:
	case old.claim.id == r.claim.id:
		b.blameLocked("task %s runs in process %d while it runs in process %d", r.claim.id, r.p.id, old.p.id)
	case old.key != "" && old.key == r.key:
		b.blameLocked("task %s runs as %s in process %d while %s does in process %d", r.claim.id, r.key, r.p.id, old.claim.id, old.p.id)
	case old.processor == r.processor && !(old.p == r.p && r.p.o.Replace && old.stubborn && old.ctx.Err() != nil):
		b.blameLocked("processor %s runs task %s in process %d while it runs %s in process %d", r.processor, r.claim.id, r.p.id, old.claim.id, old.p.id)
	}
}

// againLocked checks whether a task may run after an earlier run of it.
func (b *book) againLocked(before, r *run) {
	switch {
	case r.p.senseless() && b.rescued[r.holder]: // it does not know yet how long it was frozen
	case before.recorded != nil && before.recorded.State.Final():
		b.blameLocked("task %s runs again after it was recorded as %s", r.claim.id, before.recorded.State)
	case before.going, before.end == nil, before.recorded != nil, before.end.State == tasks.Request:
	case before.end.State != tasks.Success && before.ctx.Err() != nil: // given back
	case before.p.isDead(), b.rescued[before.holder]:
	default:
		b.blameLocked("task %s runs again after it returned %s to process %d, which has it", r.claim.id, before.end.State, before.p.id)
	}
}
