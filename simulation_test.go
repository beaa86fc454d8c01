package lgtask

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/internal/simulation"
)

var (
	simSeed  = flag.Uint64("sim.seed", 0, "the first seed of TestSimulation")
	simSeeds = flag.Int("sim.seeds", 300, "how many it runs; of one it tells all that happens")
)

// simulated is the real code of a process's signs of life on the model of the store.
type simulated struct {
	*membership
	*rescuer
	store *simulation.Rescues
}

func newSimulated(s simulation.Setup) simulation.Life {
	m := newMembership(s.Store, hostid.Process{Host: s.Host, PID: s.PID}, []string{"Mail"}, zerolog.Nop())
	m.every, m.gone, m.fence, m.unfence = s.Beats, s.Gone, s.Fence, s.Unfence
	return &simulated{membership: m, store: s.Rescues}
}

func (s *simulated) Enter(ctx context.Context, names []string) error {
	return s.enter(ctx, names, func(*ErrProcessorRunning) {})
}
func (s *simulated) Held() []string                { return s.held() }
func (s *simulated) Epoch() string                 { return s.epoch() }
func (s *simulated) Run(ctx context.Context) error { return s.run(ctx) }
func (s *simulated) LookAround(ctx context.Context) {
	looking, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	_ = s.rescue(looking) // what failed is done at the next look
}
func (s *simulated) Leave(ctx context.Context) error { return s.leave(ctx) }
func (s *simulated) Work(d *dispatcher.Dispatcher) {
	s.rescuer = newRescuer(s.store, s.membership, d, zerolog.Nop())
}

// It uses one thread, and collects no garbage meanwhile: what becomes ready in one
// instant then runs in nearly the same order each time.
func TestSimulation(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(400 << 20))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if *simSeeds == 1 {
		tellOne(t, *simSeed)
		return
	}
	happened := simulation.Tally{}
	for i := range *simSeeds {
		seed := *simSeed + uint64(i)
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { happened.Add(simulation.Run(t, seed, newSimulated, nil)) }) {
			t.Logf("all that happened: make simulate SIM_SEED=%d", seed)
		}
	}
	t.Logf("in %d seeds there were\n%s", *simSeeds, happened)
	for _, what := range simulation.All {
		if *simSeeds >= 300 && happened[what] == 0 {
			t.Errorf("in %d seeds there were no %s", *simSeeds, what)
		}
	}
}

// tellOne tries it ten times, since the order in one instant may be another.
func tellOne(t *testing.T, seed uint64) {
	var log bytes.Buffer
	for range 10 {
		log.Reset()
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { simulation.Run(t, seed, newSimulated, &log) }) {
			break
		}
	}
	if _, err := log.WriteTo(os.Stdout); err != nil {
		t.Error(err)
	}
}
