//go:build faults && unix

package database

import (
	"testing"
	"time"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/watcher"
)

// TestStreamBreaksAgain lets ten reads of the stream in a row fail with errors after
// which the driver gives the stream up. It is opened again each time, ever more
// seldom, and nothing is lost.
func TestStreamBreaksAgain(t *testing.T) {
	for name, code := range map[string]int{"BSONObjectTooLarge": 10334, "ChangeStreamFatalError": 280, "unknown": 54321} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mongod.Options{})
			k := w.start("a", 4)
			stop := w.trickle(200 * time.Millisecond)
			heal, began := w.fail(point{commands: []string{"getMore"}, times: 10, code: code}), time.Now()
			most := 0.0 // openings a second, beyond the first few
			w.eventually("ten failures", 5*time.Minute, func() bool {
				s := k.Stats().Watcher
				most = max(most, float64(s.Openings-4)/time.Since(began).Seconds())
				return s.Openings >= 11 && s.State == watcher.Following
			})
			lasted, openings := time.Since(began), k.Stats().Watcher.Openings
			stop()
			met := heal()
			v := w.judge()
			t.Logf("%s %d times: the stream was opened %d times in %.0f s, at most %.2f a second after the first four; %d tasks acknowledged, begun after %v, %d claims, %d missed; %v",
				name, met, openings, lasted.Seconds(), most, v.acked, v.waits, v.claims, k.Stats().Missed, k.log.counts(began))
			if met != 10 || most > 1 || v.again > 0 || v.waits.median() > 2*time.Second {
				t.Errorf("%d failures, %.2f openings a second, %d tasks ran twice; tasks begun after %v", met, most, v.again, v.waits)
			}
			k.complainsOnce(began, 1)
		})
	}
}

// complainsOnce checks that no more was logged since an instant than a line for each
// change of state: none of the texts more often than there were outages.
func (k *worker) complainsOnce(since time.Time, outages int) {
	k.w.Helper()
	for text, n := range k.log.counts(since) {
		if n > outages {
			k.w.Errorf("%d outages, and %d lines of: %s", outages, n, text)
		}
	}
}

// trickle enqueues a task now and then, until stop is called.
func (w *world) trickle(every time.Duration) (stop func()) {
	return w.produceEvery(1, every)
}
