package mongod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Stop kills every node and removes the data. It may be called again.
func (s *Server) Stop() {
	for _, n := range s.nodes {
		n.stop()
	}
	_ = os.RemoveAll(s.dir)
	live.Delete(s)
}

// Kill sends SIGKILL to every node and returns when they are gone. The data
// stays for [Server.Restart].
func (s *Server) Kill() error {
	for i := range s.nodes {
		if err := s.Signal(i, syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	for i, n := range s.nodes {
		if !n.exited(10 * time.Second) {
			return fmt.Errorf("mongod: member %d (process %d) still runs after SIGKILL", i, n.pid)
		}
	}
	return nil
}

// Signal sends sig to the mongod of one member, counted from 0: SIGKILL and
// SIGTERM end it, SIGSTOP freezes it until SIGCONT. It does not wait for the
// effect. It returns [os.ErrProcessDone] if the member is gone already.
func (s *Server) Signal(member int, sig syscall.Signal) error {
	if member < 0 || member >= len(s.nodes) {
		return fmt.Errorf("mongod: no member %d; there are %d, counted from 0", member, len(s.nodes))
	}
	return s.nodes[member].signal(sig)
}

// Restart starts the members that are gone again, on their ports and data, and
// returns when the server accepts writes. Members that run are left alone.
func (s *Server) Restart(ctx context.Context) error {
	for i, n := range s.nodes {
		if !n.exited(0) {
			continue
		}
		fresh := &node{dir: n.dir, host: n.host, port: n.port}
		if err := fresh.launch(s.command(i, n)); err != nil {
			return fmt.Errorf("restart member %d: %w", i, err)
		}
		n.forget() // only now: some watchdog always guards the directory
		s.nodes[i] = fresh
	}
	for i, n := range s.nodes {
		if err := n.listening(ctx); err != nil {
			return fmt.Errorf("restart member %d: %w", i, err)
		}
	}
	_, err := s.Primary(ctx)
	return err
}

// Primary returns the member that accepts writes, counted from 0, waiting for
// an election if there is none.
func (s *Server) Primary(ctx context.Context) (member int, err error) {
	err = until(ctx, func() error {
		member, err = s.primary(ctx, func(context.Context, *mongo.Database) error { return nil })
		return err
	})
	return member, err
}
