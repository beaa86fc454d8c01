//go:build faults && unix

package database

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// lossy is a dialer of connections that break before a reply has come: the server
// has done what it was told, and the client cannot know.
type lossy struct {
	mu   sync.Mutex
	lose func(command, on string) bool // asked of each command; nil: nothing is lost
	lost map[string]int                // replies, by command
}

// DialContext implements options.ContextDialer.
func (d *lossy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &lossyConn{Conn: conn, dialer: d}, nil
}

// loses decides about a command.
func (d *lossy) loses(message []byte) bool {
	command, on := commandOf(message)
	d.mu.Lock()
	defer d.mu.Unlock()
	if command == "" || d.lose == nil || !d.lose(command, on) {
		return false
	}
	if d.lost == nil {
		d.lost = map[string]int{}
	}
	d.lost[command]++
	return true
}

// set says what is lost from now on.
func (d *lossy) set(lose func(command, on string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose = lose
}

// losses returns how many replies were lost, by command.
func (d *lossy) losses() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]int{}
	for command, n := range d.lost {
		all[command] = n
	}
	return all
}

// commandOf returns the command of a message and the collection it is about.
func commandOf(message []byte) (command, on string) {
	const header, opMsg = 16 + 4 + 1, 2013
	if len(message) < header+4 || binary.LittleEndian.Uint32(message[12:]) != opMsg || message[header-1] != 0 {
		return "", ""
	}
	size := binary.LittleEndian.Uint32(message[header:])
	if uint64(len(message)) < header+uint64(size) {
		return "", ""
	}
	first, err := bson.Raw(message[header:][:size]).IndexErr(0)
	if err != nil {
		return "", ""
	}
	on, _ = first.Value().StringValueOK()
	return first.Key(), on
}

type lossyConn struct {
	net.Conn
	dialer *lossy
	losing bool // the next reply; one goroutine at a time uses a connection
}

var errLost = errors.New("the connection broke before the reply")

// Write implements net.Conn; the driver writes a message at a time.
func (c *lossyConn) Write(message []byte) (int, error) {
	c.losing = c.dialer.loses(message)
	return c.Conn.Write(message)
}

// Read implements net.Conn. A reply that is lost is waited for: the command is done.
func (c *lossyConn) Read(into []byte) (int, error) {
	if !c.losing {
		return c.Conn.Read(into)
	}
	c.losing = false
	var size [4]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return 0, err
	}
	if _, err := io.CopyN(io.Discard, c.Conn, int64(binary.LittleEndian.Uint32(size[:]))-4); err != nil {
		return 0, err
	}
	return 0, errors.Join(errLost, c.Close())
}
