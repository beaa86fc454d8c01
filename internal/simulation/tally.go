package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Tally says how often things happened.
type Tally map[string]int

// What a Tally counts.
const (
	runs     = "runs of tasks"
	kills    = "processes killed"
	stops    = "processes told to stop"
	freezes  = "processes frozen"
	cuts     = "processes cut off"
	burials  = "processes buried"
	buried   = "processes buried that lived"
	fences   = "processes that fenced themselves"
	stucks   = "processes that ended with stuck handlers"
	asked    = "tasks asked to stop"
	unknowns = "tasks given back that their process did not know of"
	elected  = "primaries lost"
	undone   = "primaries lost with writes"
	gaps     = "gaps in streams"
	refusals = "statements that did not arrive"
	lates    = "statements that arrived after their client gave up"
	losses   = "statements whose reply was lost"
	delays   = "statements that took up to 6 s"
)

// All is what a Tally of many seeds should have some of.
var All = []string{runs, kills, stops, freezes, cuts, burials, buried, fences, stucks, asked, unknowns, elected, undone, gaps, refusals, lates, losses, delays}

// Add adds what happened elsewhere.
func (t Tally) Add(other Tally) {
	for what, n := range other {
		t[what] += n
	}
}

// String lists it, a line each.
func (t Tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "%10d %s\n", t[what], what)
	}
	return b.String()
}

// counter is a Tally of one world.
type counter struct {
	mu sync.Mutex
	n  Tally
}

func (c *counter) met(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[what]++
}
