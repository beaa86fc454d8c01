package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Verb does what the parent asks for.
type Verb func(ctx context.Context, arg json.RawMessage) (result any, err error)

// Actor is a role being played.
type Actor struct {
	Verbs map[string]Verb
	// End is called once when the parent is done with the child.
	End func() error
}

// Role makes an actor of what Start was given as setup.
type Role func(ctx context.Context, setup json.RawMessage) (*Actor, error)

// Do makes a Verb of a function with a typed argument.
func Do[A any](f func(ctx context.Context, arg A) (any, error)) Verb {
	return func(ctx context.Context, text json.RawMessage) (any, error) {
		var arg A
		if len(text) > 0 {
			if err := json.Unmarshal(text, &arg); err != nil {
				return nil, err
			}
		}
		return f(ctx, arg)
	}
}

// Main plays a role if the program's arguments (without its name) ask for one,
// and never returns then.
func Main(args []string, roles map[string]Role) {
	if len(args) != 2 || args[0] != marker {
		return
	}
	role := roles[args[1]]
	if role == nil {
		fmt.Fprintf(os.Stderr, "there is no role %q; there are %s\n", args[1], strings.Join(slices.Sorted(maps.Keys(roles)), ", "))
		os.Exit(2)
	}
	if err := serve(os.Stdin, os.Stdout, role); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", args[1], err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve plays a role until in ends.
func serve(in io.Reader, out io.Writer, role Role) (err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lines := bufio.NewReader(in)
	setup, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the setup: %w", err)
	}
	actor, err := role(ctx, setup)
	if err != nil {
		return say(out, nil, err)
	}
	defer func() { err = errors.Join(err, actor.End()) }()
	if err := say(out, nil, nil); err != nil {
		return err
	}
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		result, err := actor.do(ctx, line)
		if err := say(out, result, err); err != nil {
			return err
		}
	}
}

func (a *Actor) do(ctx context.Context, line []byte) (any, error) {
	var r struct {
		Verb string
		Arg  json.RawMessage
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("the request %q: %w", line, err)
	}
	verb := a.Verbs[r.Verb]
	if verb == nil {
		return nil, fmt.Errorf("it cannot %q; it can %s", r.Verb, strings.Join(slices.Sorted(maps.Keys(a.Verbs)), ", "))
	}
	return verb(ctx, r.Arg)
}

func say(out io.Writer, result any, failure error) error {
	var r reply
	if failure != nil {
		r.Error = failure.Error()
	} else {
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		r.Result = text
	}
	return json.NewEncoder(out).Encode(r)
}
