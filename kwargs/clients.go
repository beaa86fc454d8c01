package kwargs

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// evictTimeout bounds the disconnection of a client nobody holds.
const evictTimeout = 5 * time.Second

// clientCache holds at most max clients, by deployment, credentials and
// options. A client in use by a task is never evicted.
type clientCache struct {
	max    int
	closed func(*mongo.Client) // told of every client that leaves

	mu     sync.Mutex
	byKey  map[string]*cachedClient
	clock  uint64 // counts acquisitions
	ended  bool
	leaves sync.WaitGroup // disconnections under way
}

// cachedClient is one open client. The fields below ready are set before it is
// closed and then only read; refs and used belong to the cache's mutex.
type cachedClient struct {
	refs  int
	used  uint64
	ready chan struct{}

	client *mongo.Client
	err    error
}

// open settles the entry, also if f panics.
func (h *cachedClient) open(f func() (*mongo.Client, error)) {
	h.err = ErrClosed
	defer close(h.ready)
	h.client, h.err = f()
}

func newClientCache(maxClients int, closed func(*mongo.Client)) *clientCache {
	return &clientCache{max: maxClients, closed: closed, byKey: map[string]*cachedClient{}}
}

// acquire gives the client of a key, opened by open if there is none, or if
// somebody has disconnected it meanwhile. Two callers share one opening.
func (c *clientCache) acquire(ctx context.Context, key string, open func() (*mongo.Client, error)) (*mongo.Client, func(), error) {
	for {
		held, first, err := c.hold(key)
		if err != nil {
			return nil, nil, err
		}
		if first {
			held.open(open)
		}
		select {
		case <-held.ready:
		case <-ctx.Done():
			c.release(held)
			return nil, nil, context.Cause(ctx)
		}
		switch {
		case held.err != nil:
			c.drop(key, held)
			return nil, nil, held.err
		case c.isEnded():
			c.drop(key, held)
			return nil, nil, ErrClosed
		case first || !isDisconnected(held.client):
			return held.client, func() { c.release(held) }, nil
		}
		c.drop(key, held)
	}
}

// hold takes a reference, making room and an entry where there is none; first
// says that the caller has to open it.
func (c *clientCache) hold(key string) (held *cachedClient, first bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil, false, ErrClosed
	}
	held = c.byKey[key]
	if held == nil {
		if !c.makeRoomLocked() {
			return nil, false, ErrTooManyClients
		}
		held, first = &cachedClient{ready: make(chan struct{})}, true
		c.byKey[key] = held
	}
	c.clock++
	held.refs, held.used = held.refs+1, c.clock
	return held, first, nil
}

// makeRoomLocked evicts the client that was asked for longest ago among those
// nobody holds, if the cache is full.
func (c *clientCache) makeRoomLocked() bool {
	if len(c.byKey) < c.max {
		return true
	}
	oldest := ""
	for key, held := range c.byKey {
		if held.refs == 0 && (oldest == "" || held.used < c.byKey[oldest].used) {
			oldest = key
		}
	}
	if oldest == "" {
		return false
	}
	held := c.byKey[oldest]
	delete(c.byKey, oldest)
	c.leaveLocked(held)
	return true
}

// leaveLocked disconnects a client that is no longer in the cache. After close
// has begun nothing more is added to what it waits for.
func (c *clientCache) leaveLocked(held *cachedClient) {
	switch {
	case held.client == nil:
	case c.ended:
		go c.disconnect(held.client)
	default:
		c.leaves.Go(func() { c.disconnect(held.client) })
	}
}

func (c *clientCache) disconnect(client *mongo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), evictTimeout)
	defer cancel()
	c.closed(client)
	_ = client.Disconnect(ctx) // nobody holds it: there is nothing to be done
}

func (c *clientCache) release(held *cachedClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held.refs--
}

// drop releases an entry that is of no use and takes it out of the cache.
func (c *clientCache) drop(key string, held *cachedClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held.refs--
	if c.byKey[key] == held {
		delete(c.byKey, key)
		c.leaveLocked(held)
	}
}

func (c *clientCache) isEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// close disconnects all clients. An opening under way disconnects itself.
func (c *clientCache) close(ctx context.Context) error {
	c.mu.Lock()
	c.ended = true
	var all []*cachedClient
	for key, held := range c.byKey {
		select {
		case <-held.ready:
			delete(c.byKey, key)
			all = append(all, held)
		default:
		}
	}
	c.mu.Unlock()

	errs := make([]error, len(all)+1)
	var wg sync.WaitGroup
	for i, held := range all {
		if held.client == nil {
			continue
		}
		wg.Go(func() {
			c.closed(held.client)
			if err := held.client.Disconnect(ctx); !errors.Is(err, mongo.ErrClientDisconnected) {
				errs[i] = err
			}
		})
	}
	wg.Wait()
	errs[len(all)] = c.awaitLeaves(ctx)
	return errors.Join(errs...)
}

func (c *clientCache) awaitLeaves(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		c.leaves.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isDisconnected reports whether somebody has called Disconnect on a client.
// The ping asks no server, since its context has ended.
func isDisconnected(client *mongo.Client) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return errors.Is(client.Ping(ctx, readpref.Primary()), mongo.ErrClientDisconnected)
}
