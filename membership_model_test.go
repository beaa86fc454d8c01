package lgtask

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/internal/model"
)

// enters joins as the only process of a host.
func enters(t *testing.T, db *model.Database, host string, names ...string) *membership {
	t.Helper()
	m := newMembership(db.Client(nil), hostid.Process{Host: host}, nil, zerolog.Nop())
	if err := m.enter(context.Background(), names, func(*ErrProcessorRunning) {}); err != nil {
		t.Fatal(err)
	}
	return m
}

// A holder that beats in the last moment of the lease is alive.
func TestNameOfHolderThatBeatsAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := model.New()
		there, here := enters(t, db, "there", "n"), enters(t, db, "here")
		<-time.After(time.Minute) // it looks dead
		done := make(chan error)
		go func() { done <- here.take(context.Background(), "n") }()
		<-time.After(lease - time.Second/2)
		if err := there.beat(context.Background()); err != nil {
			t.Fatal(err)
		}
		var running *ErrProcessorRunning
		if err := <-done; !errors.As(err, &running) || running.Host != "there" {
			t.Errorf("its name is taken: %v", err)
		}
		if err := there.beat(context.Background()); err != nil {
			t.Errorf("it was buried: %v", err)
		}
	})
}

// A sign of life that gets through while the process ends its tasks is told after that.
func TestUnfenceFollowsFence(t *testing.T) {
	m := enters(t, model.New(), "here")
	var told []string
	var wg sync.WaitGroup
	m.fence = func() {
		wg.Go(m.backAgain)
		for range 1000 {
			runtime.Gosched()
		}
		told = append(told, "fence")
	}
	m.unfence = func(string) { told = append(told, "unfence") }
	m.cutOff()
	wg.Wait()
	if want := []string{"fence", "unfence"}; !slices.Equal(told, want) {
		t.Errorf("told %v; want %v", told, want)
	}
}
