package dispatcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lgtask/lgtask/tasks"
)

// Run's context ends while the reply to a claim is under way: what was won is
// given back, unstarted.
func TestStopWhileClaiming(t *testing.T) {
	for _, edit := range []func(*tasks.Task){func(*tasks.Task) {}, pending("a"), single} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 2)
			b.claims.set(func(ctx context.Context, s statement) error {
				err := s.send()
				if s.op == "Claim" || s.op == "ClaimMany" {
					select {
					case <-time.After(3 * time.Second):
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				return err
			})
			id := b.offer(edit)
			settled()
			begin := time.Now()
			b.cancel()
			settled()
			b.is(id, tasks.Working)
			if err := b.ended(begin, 3*time.Second); err != nil {
				t.Error(err)
			}
			b.begun()
			b.is(id, tasks.Request)
			if got := b.task(id); got.Attempt != 0 {
				t.Errorf("attempt %d", got.Attempt)
			}
			b.idle()
		})
	}
}

// The reply never comes: the claim is given up with the grace, and undone by its
// token.
func TestStopWhileAClaimIsNotAnswered(t *testing.T) {
	for _, written := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, 2)
			b.claims.set(func(ctx context.Context, s statement) error {
				if s.op != "ClaimMany" {
					return s.send()
				}
				if written {
					if err := s.send(); err != nil {
						return err
					}
				}
				<-ctx.Done()
				return ctx.Err()
			})
			x, y := b.insert(), b.insert()
			b.d.Wake()
			settled()
			begin := time.Now()
			b.cancel()
			if err := b.ended(begin, grace); err != nil {
				t.Error(err)
			}
			b.begun()
			for _, c := range []tasks.Candidate{x, y} {
				if got := b.task(c.ID); got.State != tasks.Request || got.LastLog != "" || !got.TsRequest.Equal(c.TsRequest) {
					t.Errorf("given back as %+v", got)
				}
			}
		})
	}
}

// A claim fails while Run's context is ending, and may have been written.
func TestStopWhileAClaimFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2)
		b.claims.set(breaks(always, true, "Claim", "ClaimMany"))
		x, y := b.insert(), b.insert(pending("a"))
		b.d.Wake()
		advance(time.Minute) // in a long back-off
		begin := time.Now()
		b.cancel()
		if err := b.ended(begin, 0); err != nil {
			t.Error(err)
		}
		b.begun()
		b.is(x.ID, tasks.Request)
		b.is(y.ID, tasks.Request)
	})
}

// A sweep under way is simply dropped.
func TestStopWhileSweeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1)
		b.claims.set(func(ctx context.Context, s statement) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.d.Wake()
		settled()
		begin := time.Now()
		b.cancel()
		if err := b.ended(begin, 0); err != nil {
			t.Error(err)
		}
		b.idle()
	})
}

// The claim loop stops between two statements.
func TestStopBetweenTwoClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(), "p", 3)
		b.claims.set(func(_ context.Context, s statement) error {
			if s.op == "Claim" {
				b.cancel()
			}
			return s.send()
		})
		x, y := b.insert(pending("a")), b.insert(pending("b"))
		b.d.Wake()
		b.start()
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		if n := b.claims.count("Claim"); n != 1 {
			t.Errorf("%d claims", n)
		}
		b.begun()
		b.is(x.ID, tasks.Request)
		b.is(y.ID, tasks.Request)
		b.idle()
	})
}
