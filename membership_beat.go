package lgtask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// run beats until ctx ends. If no beat has reached the database for a while, this
// process counts itself dead until one does: others may. It returns ErrLeaseLost if
// a name of this process was given to another.
func (m *membership) run(ctx context.Context) error {
	fence := time.AfterFunc(m.silence, m.cutOff)
	defer fence.Stop()
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if m.beats != nil {
			m.beats()
		}
		began := time.Now()
		err := m.beat(ctx)
		switch {
		case errors.Is(err, ErrLeaseLost):
			return err
		case err == nil:
			fence.Reset(m.silence - time.Since(began))
			m.ails(nil)
			m.backAgain()
		case ctx.Err() == nil:
			m.ails(m.reason(ctx, err))
		}
	}
}

// reason says in one line why a sign of life did not reach the database.
func (m *membership) reason(ctx context.Context, err error) error {
	var refused mongo.WriteException
	if m.alone != nil && (mongo.IsTimeout(err) || errors.As(err, &refused) && refused.WriteConcernError != nil) {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if m.alone(asking) {
			return &serverError{adviceMajority, mongouri.RedactError(err)}
		}
	}
	return connectError(err)
}

// ails notes why this process cannot say that it is alive, nil if it could.
func (m *membership) ails(why error) {
	m.beating.note(why)
	text := ""
	if why != nil {
		text = why.Error()
	}
	m.ailment.Store(&text)
}

// trouble returns that in words, "" if all is well.
func (m *membership) trouble() string {
	if text := m.ailment.Load(); text != nil {
		return *text
	}
	return ""
}

// cutOff stops the work of this process.
func (m *membership) cutOff() {
	m.turns.Lock()
	defer m.turns.Unlock()
	m.mu.Lock()
	was := m.fenced
	m.fenced = true
	m.mu.Unlock()
	if was {
		return
	}
	m.log.Error().Msg("this process gave no sign of life for too long: it ends its tasks, which may be given to others, and takes no more until the database has one")
	if m.fence != nil {
		m.fence()
	}
}

// backAgain takes it up again after a sign of life.
func (m *membership) backAgain() {
	m.turns.Lock()
	defer m.turns.Unlock()
	m.mu.Lock()
	was, epoch := m.fenced, m.me.Epoch
	m.fenced = false
	m.mu.Unlock()
	if !was {
		return
	}
	m.log.Warn().Msg("this process is alive again, and takes tasks")
	if m.unfence != nil {
		m.unfence(epoch)
	}
}

// beat writes a sign of life. If the entry is gone, or a tombstone, somebody dropped
// the collection or took this process for dead: its tasks may be others' by now. So
// it ends them, and begins again under a new epoch, if nobody has its names.
func (m *membership) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	ok, err := m.store.Beat(ctx, m.epoch(), m.held())
	if err != nil {
		return err
	}
	if !ok {
		m.cutOff()
		m.pending = m.held()
		m.mu.Lock()
		m.me.Epoch = bson.NewObjectID().Hex()
		m.mu.Unlock()
		if err := m.join(ctx); err != nil {
			return err
		}
	}
	for len(m.pending) > 0 {
		if err := m.takeAgain(ctx, m.pending[0]); err != nil {
			return err
		}
		m.pending = m.pending[1:]
	}
	if !ok {
		m.log.Warn().Msg("the entry of this process had been removed from the database; it is there again")
	}
	return nil
}

// takeAgain takes a name that this process had under another epoch.
func (m *membership) takeAgain(ctx context.Context, name string) error {
	for {
		free, holder, err := m.store.TakeName(ctx, name, m.epoch())
		switch {
		case err != nil:
			return err
		case free:
			return nil
		case holder.Epoch == "":
			continue // somebody else took it just now; look who
		case !holder.Dead:
			return fmt.Errorf("%w: processor %s now runs on host %s in process %d", ErrLeaseLost, name, holder.Host, holder.PID)
		}
		if _, err := m.store.Bury(ctx, holder); err != nil { // us, as we were, or another
			return err
		}
	}
}
