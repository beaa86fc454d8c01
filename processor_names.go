package lgtask

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/lgtask/lgtask/internal/hostid"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/internal/namelock"
)

// enter locks the names on this host, connects, and takes the names in the
// database.
func (p *Processor) enter(ctx context.Context) (_ *membership, err error) {
	names := p.names
	if p.handed {
		names = nil
	} else if p.o.conn == nil {
		if p.locks, err = lockNames(p.cfg, p.names); err != nil {
			return nil, err
		}
		names = nil
		for _, l := range p.locks {
			names = append(names, l.Name)
		}
	}
	if p.conn, err = p.connect(ctx); err != nil {
		unlock(p.locks)
		p.conn, p.locks = nil, nil
		return nil, err
	}
	self, err := hostid.Self()
	var member *membership
	if err == nil {
		member = newMembership(p.conn.store, self, p.cfg.Classes, p.o.log)
		member.alone = func(ctx context.Context) bool {
			hello, err := askHello(ctx, p.conn.store.Database().Client(), readpref.Primary())
			return err == nil && hello.WritablePrimary
		}
		if p.o.member != nil {
			p.o.member(member)
		}
		err = p.takeNames(ctx, member, names)
	}
	if err != nil {
		p.exit(ctx, member)
		p.conn, p.locks = nil, nil
		return nil, err
	}
	return member, nil
}

// takeNames takes the names in the database, and lets go of the locks of those
// that another process has. It returns *ErrProcessorRunning if it gets none.
func (p *Processor) takeNames(ctx context.Context, m *membership, names []string) error {
	m.beats = p.beatLocks
	if p.handed {
		m.beats = p.onBeat
	}
	return m.enter(ctx, names, func(taken *ErrProcessorRunning) {
		p.o.log.Debug().Err(taken).Msg("a name is taken")
		p.unlock(taken.Name)
	})
}

// exit leaves the database and sets the names free.
func (p *Processor) exit(ctx context.Context, m *membership) {
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if m != nil {
		if err := m.leave(closing); err != nil {
			p.o.log.Debug().Err(mongouri.RedactError(err)).Msg("leaving the database; the entry of this process stays until its names are taken")
		}
	}
	p.closeConnection(closing)
	unlock(p.locks)
}

func (p *Processor) closeConnection(ctx context.Context) {
	if p.o.conn != nil {
		return
	}
	if err := p.conn.Close(ctx); err != nil {
		p.o.log.Debug().Err(mongouri.RedactError(err)).Msg("closing the connection")
	}
}

func (p *Processor) beatLocks() {
	for _, l := range p.locks {
		if err := l.Beat(); err != nil {
			p.o.log.Debug().Err(err).Str("processor", l.Name).Msg("the lock of a name cannot be touched")
		}
	}
}

func (p *Processor) unlock(name string) {
	p.locks = slices.DeleteFunc(p.locks, func(l *namelock.Lock) bool {
		if l.Name == name {
			l.Release()
		}
		return l.Name == name
	})
}
