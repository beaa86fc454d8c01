package mongod

import (
	"context"
	"os"
	"time"
)

// EnvTestDatabase names the environment variable with the URI of the server
// that tests and the demo use.
const EnvTestDatabase = "LGTASK_TEST_DATABASE"

// forTests is the one server of this process and its outcome, kept. The slot
// in turn admits one caller at a time.
var forTests = struct {
	turn chan struct{}
	done bool
	uri  string
	err  error
}{turn: make(chan struct{}, 1)}

// ForTests returns the URI of the server for this process's tests: the value of
// LGTASK_TEST_DATABASE, if set, else a server of its own, started by the first
// call and ended with the process. The server is looked at once, and a failure
// is kept: a machine without a server gives one clear error at once for
// every test, unless it was the context of the call that had ended.
func ForTests(ctx context.Context) (uri string, err error) {
	select {
	case forTests.turn <- struct{}{}:
		defer func() { <-forTests.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if !forTests.done {
		forTests.uri, forTests.err = testServer(ctx, os.Getenv(EnvTestDatabase))
		forTests.done = forTests.err == nil || ctx.Err() == nil
	}
	return forTests.uri, forTests.err
}

func testServer(ctx context.Context, uri string) (string, error) {
	if uri != "" {
		return uri, probe(ctx, uri)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // a fetch included
	defer cancel()
	s, err := Start(ctx, Options{})
	if err != nil {
		return "", err
	}
	return s.URI(), nil
}
