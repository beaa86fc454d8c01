package lgtask

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
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

// It uses one thread: what becomes ready in one instant then runs in nearly the same
// order each time.
func TestSimulation(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var log io.Writer
	if *simSeeds == 1 {
		log = os.Stdout
	}
	for i := range *simSeeds {
		seed := *simSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulation.Run(t, seed, newSimulated, log) })
	}
}
