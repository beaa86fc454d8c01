//go:build faults && linux

package network

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/internal/netlab"
)

// TestHalfOpenSocket: the server behind an idle stream is silently gone. The read is
// given up within 30 s, and however often that happens, nothing piles up: no goroutine
// in the worker, no cursor on the servers.
func TestHalfOpenSocket(t *testing.T) {
	const within, warm = 30 * time.Second, 2
	n := max(rounds(t), warm+1)
	w := newWorld(t, mongod.Options{Members: 3})
	var crew []*worker
	for _, name := range []string{"a", "b", "c"} {
		crew = append(crew, w.start(settings{Name: name, Processors: 2}))
	}
	var longest, longestBack time.Duration
	var goroutines []int
	var cursors int64
	for round := range n {
		for _, k := range crew {
			w.eventually(time.Minute, "an idle stream", k.watching)
		}
		w.lasts(2 * time.Second)
		cut := time.Now()
		for _, k := range crew {
			k.cutOff(netlab.Drop, w.members...)
		}
		for _, k := range crew {
			w.eventually(2*within, "the end of the stream", func() bool { return !k.watching() })
			longest = max(longest, time.Since(cut))
		}
		healed := time.Now()
		for _, k := range crew {
			k.heal()
		}
		for _, k := range crew {
			w.eventually(2*time.Minute, "a new stream", k.watching)
		}
		longestBack = max(longestBack, time.Since(healed))
		w.create(6, Work{})
		w.settle()
		counts, open := w.inUse(crew)
		w.says("round %d: goroutines %v, cursors %d", round+1, counts, open)
		if round+1 == warm {
			goroutines, cursors = counts, open
		}
	}
	w.says("a stream was given up %.1f s after the cut at the latest, another followed %.1f s after the healing at the latest", longest.Seconds(), longestBack.Seconds())
	if longest > within {
		w.Errorf("a read was given up after %v; %v are promised", longest, within)
	}
	// What was dialled in vain ends a moment later.
	var counts []int
	var open int64
	w.eventually(time.Minute, "as few goroutines and cursors as at the beginning", func() bool {
		counts, open = w.inUse(crew)
		for i := range counts {
			if counts[i] > goroutines[i]+5 {
				return false
			}
		}
		return open <= cursors+1
	})
	w.says("at the end: goroutines %v, cursors %d; after %d rounds: %v, %d", counts, open, warm, goroutines, cursors)
	w.judge()
}

// inUse counts the goroutines of each worker, and the cursors of all servers.
func (w *world) inUse(crew []*worker) (goroutines []int, cursors int64) {
	w.Helper()
	for _, k := range crew {
		goroutines = append(goroutines, k.asks("stats").Goroutines)
	}
	for _, h := range w.members {
		var status struct {
			Metrics struct {
				Cursor struct {
					Open struct {
						Total int64 `bson:"total"`
					} `bson:"open"`
				} `bson:"cursor"`
			} `bson:"metrics"`
		}
		w.must(w.directly(h, func(ctx context.Context, c *mongo.Client) error {
			return c.Database("admin").RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Decode(&status)
		}))
		cursors += status.Metrics.Cursor.Open.Total
	}
	return goroutines, cursors
}
