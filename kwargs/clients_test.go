package kwargs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// dead is the address of a deployment that nobody needs to answer for.
func dead(i int) string { return fmt.Sprintf("mongodb://127.0.0.1:%d/d", 1+i) }

func deadHosts(n int) []string {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("127.0.0.1:%d", 1+i))
	}
	return hosts
}

// bind decodes an address into a handle and gives its client.
func bind(t *testing.T, b *Binder, text string) (*mongo.Client, func(), error) {
	t.Helper()
	var h handles
	release, err := b.Decode(t.Context(), doc(t, "db", text), &h)
	if err != nil {
		return nil, release, err
	}
	return h.DB.Client(), release, nil
}

func TestEviction(t *testing.T) {
	b := newTestBinder(t, Options{Hosts: deadHosts(4), MaxClients: 2})
	first, release0, err := bind(t, b, dead(0))
	if err != nil {
		t.Fatal(err)
	}
	again, release1, _ := bind(t, b, dead(0)+"/?appName=x")
	if again != nil && again == first {
		t.Error("other options share a client")
	}
	if _, _, err := bind(t, b, dead(1)); !errors.Is(err, ErrTooManyClients) {
		t.Errorf("both are held: error %v", err)
	}
	same, release2, err := bind(t, b, dead(0)+"x")
	if err != nil || same != first {
		t.Errorf("another database got another client, error %v", err)
	}
	release0()
	release0()
	if _, _, err := bind(t, b, dead(1)); !errors.Is(err, ErrTooManyClients) {
		t.Errorf("one is still held: error %v", err)
	}
	release2()
	third, release3, err := bind(t, b, dead(1))
	if err != nil {
		t.Fatal(err)
	}
	b.clients.leaves.Wait()
	if !isDisconnected(first) || isDisconnected(again) || isDisconnected(third) {
		t.Error("not the one nobody held was evicted")
	}
	if _, err := b.Encode(map[string]any{"c": first}); !errors.Is(err, ErrUnboundHandle) {
		t.Errorf("a handle of an evicted client: error %v", err)
	}
	release1()
	release3()
	// Asked for longest ago goes first.
	if _, release, err := bind(t, b, dead(0)+"/?appName=x"); err != nil {
		t.Fatal(err)
	} else {
		release()
	}
	if _, release, err := bind(t, b, dead(2)); err != nil {
		t.Fatal(err)
	} else {
		release()
	}
	b.clients.leaves.Wait()
	if isDisconnected(again) || !isDisconnected(third) {
		t.Error("not the least recently used one was evicted")
	}
}

func TestAfterAnErrorNothingIsHeld(t *testing.T) {
	b := newTestBinder(t, Options{Hosts: deadHosts(2), MaxClients: 1})
	decodeErr(t, b, doc(t, "db", dead(0), "coll", 5), &handles{})
	if _, release, err := bind(t, b, dead(1)); err != nil {
		t.Errorf("the failed one holds its client: %v", err)
	} else {
		release()
	}
}

func TestDisconnectedByAHandler(t *testing.T) {
	uri, client := own(t)
	b := newTestBinder(t, Options{Own: client, OwnURI: uri})
	var h handles
	decode(t, b, doc(t, "client", at(t, uri, "")), &h)
	works(t, h.Client.Database("kw").Collection("c"))
	if err := h.Client.Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var again handles
	decode(t, b, doc(t, "client", at(t, uri, "")), &again)
	works(t, again.Client.Database("kw").Collection("c"))
	works(t, client.Database("kw").Collection("c"))
}

func TestClose(t *testing.T) {
	b, err := NewBinder(Options{Hosts: deadHosts(2)})
	if err != nil {
		t.Fatal(err)
	}
	client, release, err := bind(t, b, dead(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	release()
	if !isDisconnected(client) {
		t.Error("a client is open after Close")
	}
	if _, _, err := bind(t, b, dead(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: error %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	var n nested
	decode(t, b, doc(t, "limit", 1), &n)
}

func TestSharedOpening(t *testing.T) {
	c := newClientCache(2, func(*mongo.Client) {})
	var opened atomic.Int32
	entered, proceed := make(chan struct{}), make(chan struct{})
	open := func() (*mongo.Client, error) {
		if opened.Add(1) == 1 {
			close(entered)
		}
		<-proceed
		return mongo.Connect()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, release, err := c.acquire(t.Context(), "k", open); err != nil {
				t.Error(err)
			} else {
				release()
			}
		})
	}
	<-entered
	if _, _, err := c.acquire(ctx, "k", open); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: error %v", err)
	}
	close(proceed)
	wg.Wait()
	if opened.Load() != 1 || c.byKey["k"].refs != 0 {
		t.Errorf("opened %d times, %d references left", opened.Load(), c.byKey["k"].refs)
	}
	failed := errors.New("failed")
	for range 3 { // more than there is room for
		if _, _, err := c.acquire(t.Context(), "bad", func() (*mongo.Client, error) { return nil, failed }); err != failed {
			t.Errorf("error %v", err)
		}
	}
	if err := c.close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := newTestBinder(t, Options{Hosts: deadHosts(6), MaxClients: 3})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				client, release, err := bind(t, b, dead((g+i)%6))
				switch {
				case errors.Is(err, ErrTooManyClients):
				case err != nil:
					t.Error(err)
				case isDisconnected(client):
					t.Error("a client was evicted in use")
				}
				release()
				if _, err := b.Encode(full()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for key, held := range b.clients.byKey {
		if held.refs != 0 {
			t.Errorf("%s has %d references left", key, held.refs)
		}
	}
}
