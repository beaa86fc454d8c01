package lgtask

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/dispatcher"
	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/internal/simulation"
)

var (
	simSeeds = flag.Int("sim.seeds", 300, "how many seeds TestSimulation runs")
	simSeed  = flag.Int64("sim.seed", -1, "the one seed that TestSimulation runs, with all that happens")
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
func (s *simulated) Held() []string                  { return s.held() }
func (s *simulated) Epoch() string                   { return s.epoch() }
func (s *simulated) Run(ctx context.Context) error   { return s.run(ctx) }
func (s *simulated) LookAround(ctx context.Context)  { s.lookAround(ctx) }
func (s *simulated) Leave(ctx context.Context) error { return s.leave(ctx) }
func (s *simulated) Work(d *dispatcher.Dispatcher) {
	s.rescuer = newRescuer(s.store, s.membership, d, zerolog.Nop())
}

func TestSimulation(t *testing.T) {
	if *simSeed >= 0 {
		simulation.Run(t, uint64(*simSeed), newSimulated, os.Stdout)
		return
	}
	for seed := range *simSeeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { simulation.Run(t, uint64(seed), newSimulated, nil) })
	}
}
