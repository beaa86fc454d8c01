package tasks

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// Rules of the clock estimate.
const (
	clockMaxAge = 60 * time.Second      // an estimate is renewed after this
	clockJump   = 50 * time.Millisecond // samples that disagree by more are thrown away
	clockTick   = time.Millisecond      // the server cuts its time to this
	clockKeep   = 16                    // samples kept
	clockFirst  = 3                     // samples taken at once,
	clockSync   = 8                     // and by SyncClock: each is cut to a tick, and the best of eight lacks a ninth of one
)

// clock estimates the server's clock from below. A hello reply carries the
// server's time; by the moment it arrives the server is that far or further, so
// localTime − (time of receipt) is a lower bound of the offset, and the largest
// of several samples the best one. Waiting until this bound reaches an instant
// means that the server has reached it too.
type clock struct {
	mu      sync.Mutex
	samples []clockSample // newest last
}

type clockSample struct {
	at      time.Time     // local time of the receipt
	offset  time.Duration // lower bound
	rtt     time.Duration // offset + rtt + clockTick is an upper bound
	primary string
}

func (s clockSample) most() time.Duration { return s.offset + s.rtt + clockTick }

// add records a sample and reports whether the estimate jumped: another primary,
// or a step of more than 50 ms, which discards the older samples. A reply that
// was merely slow is no step: its bounds are only wider.
func (c *clock) add(s clockSample) (jumped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, old := range c.samples {
		if old.primary != s.primary || s.offset > old.most()+clockJump || s.most() < old.offset-clockJump {
			jumped = true
		}
	}
	if jumped {
		c.samples = nil
	}
	for len(c.samples) > 0 && (len(c.samples) >= clockKeep || s.at.Sub(c.samples[0].at) > clockMaxAge) {
		c.samples = c.samples[1:]
	}
	c.samples = append(c.samples, s)
	return jumped
}

// estimate returns the offset to add to the local clock, and whether it can be
// relied on: it is recent, and the local clock has not been set, nor the machine
// suspended, since.
func (c *clock) estimate(now time.Time) (offset time.Duration, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.samples) == 0 {
		return 0, false
	}
	best := c.samples[0].offset
	for _, s := range c.samples[1:] {
		best = max(best, s.offset)
	}
	last := c.samples[len(c.samples)-1].at
	return best, reliable(now.Sub(last), now.Round(0).Sub(last.Round(0)))
}

// reliable compares the age of a sample by the monotonic and by the wall clock.
func reliable(age, wall time.Duration) bool {
	return age >= 0 && age <= clockMaxAge && (wall-age).Abs() <= clockJump
}

// samplesWanted is how many samples make an estimate: the best of several, or one
// if there was an estimate before, so that a call that comes once in a while is
// not held up three times.
func (c *clock) samplesWanted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.samples) > 0 {
		return 1
	}
	return clockFirst
}

// Now returns the server's time, estimated from below: it is never ahead of the
// server. It asks the server if the last answer is older than a minute.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	now := time.Now()
	if off, fresh := s.clock.estimate(now); fresh {
		return now.Add(off).Truncate(time.Millisecond), nil
	}
	if _, err := s.syncClock(ctx, s.clock.samplesWanted()); err != nil {
		return time.Time{}, err
	}
	return s.Clock().Truncate(time.Millisecond), nil
}

// Clock returns the estimate without asking the server; before the first answer
// it is the local time.
func (s *Store) Clock() time.Time {
	now := time.Now()
	off, _ := s.clock.estimate(now)
	return now.Add(off)
}

// SyncClock asks the primary for its time and reports whether the estimate
// jumped.
func (s *Store) SyncClock(ctx context.Context) (jumped bool, err error) {
	return s.syncClock(ctx, clockSync)
}

func (s *Store) syncClock(ctx context.Context, samples int) (jumped bool, err error) {
	var reply struct {
		LocalTime time.Time `bson:"localTime"`
		Primary   string    `bson:"primary"`
		Me        string    `bson:"me"`
	}
	// Outside any transaction of the caller: hello must not be part of one.
	ctx = mongo.NewSessionContext(ctx, nil)
	for range samples {
		sent := time.Now()
		if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}, primaryOnly).Decode(&reply); err != nil {
			return jumped, err
		}
		at := time.Now()
		j := s.clock.add(clockSample{at: at, offset: reply.LocalTime.Sub(at), rtt: at.Sub(sent), primary: reply.Me})
		jumped = jumped || j
	}
	return jumped, nil
}

var primaryOnly = runOn(readpref.Primary())
