package simulation

import (
	"fmt"
	"strings"

	"github.com/lgtask/lgtask/tasks"
)

// names checks that no name is held by two processes that take part.
func (w *world) checkNames() {
	has := map[string]*process{}
	for _, p := range w.living() {
		if !p.alive() || p.senseless() {
			continue
		}
		for _, name := range p.life.Held() {
			if other := has[name]; other != nil {
				w.book.blame("processes %d and %d both have the name %s", other.id, p.id, name)
			}
			has[name] = p
		}
	}
}

// verdict checks what must hold when all is over.
func (w *world) verdict() {
	there := map[tasks.ID]tasks.Task{}
	for _, t := range w.db.Tasks() {
		there[t.ID] = t
		if t.State.Final() {
			w.checkEnd(t)
		} else {
			w.book.blame("task %s is %s in the end, held by process %s", t.ID, t.State, w.holderOf(t))
		}
	}
	for _, id := range w.book.inserted {
		if _, ok := there[id]; !ok {
			w.book.blame("task %s was acknowledged and is not there", id)
		}
	}
	for _, r := range w.book.runs {
		if _, ok := there[r.claim.id]; !ok {
			w.book.blame("task %s ran and is not there", r.claim.id)
		}
	}
	for _, p := range w.db.Problems() {
		w.book.blame("%s", p)
	}
}

func (w *world) holderOf(t tasks.Task) string {
	if p := w.book.pids[t.Holder]; p != nil {
		return fmt.Sprintf("%d (dead: %v)", p.id, p.isDead())
	}
	return t.Holder
}

// checkEnd checks that a task ended as the run says that had its claim in the end, or
// without one for a reason.
func (w *world) checkEnd(t tasks.Task) {
	runs := w.book.of[t.ID]
	last := w.book.by[claimOf{t.ID, t.Claim.Token}]
	spent := 0
	for _, r := range runs {
		if r.end != nil && r.end.State != tasks.Success {
			spent += max(1, len(w.book.claims[r.claim])) // a copy of the claim that was late has the task end again
		}
	}
	switch {
	case t.Attempt > spent:
		w.book.blame("task %s spent %d attempts, and %d of its runs failed", t.ID, t.Attempt, spent)
	case t.PendingKey != "" || t.RunningKey != "" || t.Holder != "":
		w.book.blame("task %s has ended and holds %q, %q", t.ID, t.PendingKey, t.RunningKey)
	case last != nil && last.end != nil && t.LastLog == last.end.LastLog && t.State == last.end.State:
	case t.State == tasks.Success:
		w.book.blame("task %s succeeded by what its last claim did not return: %q", t.ID, t.LastLog)
	case t.State == tasks.Error && (last != nil && t.LastLog == "failed" || strings.HasPrefix(t.LastLog, "killed")):
	case t.State == tasks.Error && t.Crashes == tasks.MaxCrashes:
	case t.State == tasks.Aborted && strings.HasPrefix(t.LastLog, "already running") && len(runs) == 0:
	default:
		w.book.blame("task %s ended as %s for no reason: %q, %d runs", t.ID, t.State, t.LastLog, len(runs))
	}
}
