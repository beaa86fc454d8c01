package mongod

import (
	"context"
	"runtime"
	"strings"
	"testing"
)

// refused fails the test unless err holds all the words and is one line
// without a password.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q is not one line, or tells the password", err)
	}
}

func TestStandaloneGiven(t *testing.T) {
	s, err := Start(t.Context(), Options{Standalone: true, User: "tester", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	_, err = testServer(t.Context(), s.URI())
	refused(t, err, "stand-alone", "--replSet rs0", "rs.initiate()", EnvTestDatabase, s.nodes[0].addr())
}

func TestSetNeverInitiated(t *testing.T) {
	path, err := Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{}
	if err := opts.check(); err != nil {
		t.Fatal(err)
	}
	s := &Server{opts: opts, path: path, dir: t.TempDir()}
	n, err := s.firstStart(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer n.stop()
	if err := n.listening(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = testServer(t.Context(), "mongodb://"+n.addr()+"/?replicaSet=rs0")
	refused(t, err, "never initiated", "rs.initiate()")
}

func TestWrongPasswordGiven(t *testing.T) {
	s, err := Start(t.Context(), Options{User: "tester", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if got, err := testServer(t.Context(), s.URI()); err != nil || got != s.URI() {
		t.Errorf("a good server: %q, %v", got, err)
	}
	_, err = testServer(t.Context(), strings.Replace(s.URI(), ":right@", ":secret@", 1))
	refused(t, err, EnvTestDatabase, s.nodes[0].addr())
}

func TestBadURIGiven(t *testing.T) {
	for _, uri := range []string{"secret", "mongodb://tester:secret", "mongodb://tester:secret%zz@host", "http://secret"} {
		_, err := testServer(t.Context(), uri)
		refused(t, err, EnvTestDatabase)
	}
}

// TestForTests sees one server for all calls, and none named elsewhere.
func TestForTests(t *testing.T) {
	t.Setenv(EnvTestDatabase, "")
	t.Setenv("LGTASK_DATABASE", "mongodb://production.example")
	forTests.done = false // in case the test runs again in this process
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ForTests(ended); err == nil {
		t.Error("a call whose context had ended started a server")
	}
	first, err := ForTests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	collectGarbage(t)
	if err := probe(t.Context(), first); err != nil {
		t.Errorf("the server, of which only the URI is kept: %v", err)
	}
	if second, err := ForTests(t.Context()); err != nil || second != first {
		t.Errorf("the second call: %q, %v; want %q", second, err, first)
	}
}

// collectGarbage returns when what was unreachable has been cleaned up.
func collectGarbage(t *testing.T) {
	t.Helper()
	for range 3 { // files within pipes within servers
		done := make(chan struct{})
		runtime.AddCleanup(new([64]byte), func(done chan struct{}) { close(done) }, done)
		for collected := false; !collected; {
			runtime.GC()
			select {
			case <-done:
				collected = true
			case <-t.Context().Done():
				t.Fatal("no garbage collection")
			default:
			}
		}
	}
}
