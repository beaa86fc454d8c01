package lgtask

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// trouble is something that is tried again and again, and fails for as long as the
// database is away. The log gets a line when that begins, and one when it is over.
type trouble struct {
	log  zerolog.Logger
	what string // that cannot be done

	mu    sync.Mutex
	since time.Time // zero: it works
}

// note takes the outcome of a try.
func (t *trouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.since.IsZero():
		t.since = time.Now()
		t.log.Warn().Err(err).Msg("cannot " + t.what + "; trying again until it works")
	case err == nil && !t.since.IsZero():
		t.log.Info().Dur("outage", time.Since(t.since)).Msg("could " + t.what + " again")
		t.since = time.Time{}
	}
}
