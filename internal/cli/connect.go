package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
	"github.com/lgtask/lgtask/internal/mongouri/nearest"
	"github.com/lgtask/lgtask/internal/tasksocket"
)

// callTime bounds a command that does not follow anything.
const callTime = time.Minute

// do does a call: over the socket of the processor that runs us, or on the task
// database.
func (p *program) do(ctx context.Context, config *configFile, call lgtask.Call) (reply tasksocket.Reply, err error) {
	if err := call.Validate(); err != nil {
		return reply, err
	}
	err = timed(ctx, func(ctx context.Context) (err error) {
		if p.socket != "" && *config == "" {
			client := tasksocket.Dial(p.socket)
			defer client.Close()
			reply, err = client.Call(ctx, call)
			return err
		}
		return p.connected(ctx, config, func(conn *lgtask.Connection) error {
			res, err := conn.Do(ctx, call)
			reply = tasksocket.Reply{ID: res.ID.String(), Created: res.Created}
			if err == nil && !slices.Contains([]string{"unschedule", "pause", "resume"}, call.Verb) {
				p.noteUnknown(ctx, conn, call.Class)
			}
			return err
		})
	})
	return reply, err
}

// noteUnknown tells on standard error if processors run, but none of them has the
// class: it may be misspelt. The task waits, whatever the reason.
func (p *program) noteUnknown(ctx context.Context, conn *lgtask.Connection, class string) {
	infos, err := conn.Processors(ctx)
	if err != nil {
		return // only the note is lost
	}
	var known []string
	for _, info := range infos {
		if info.Alive {
			known = append(known, info.Classes...)
		}
	}
	if len(known) == 0 || slices.Contains(known, class) {
		return
	}
	slices.Sort(known)
	text := "no living processor has the class " + class + "; it waits for one."
	if meant := nearest.Word(class, known, 3); meant != "" {
		p.note("%s Did you mean %s?", text, meant)
		return
	}
	p.note("%s There are: %s", text, strings.Join(slices.Compact(known), ", "))
}

// connected calls f with a connection to the task database.
func (p *program) connected(ctx context.Context, config *configFile, f func(*lgtask.Connection) error) error {
	cfg, err := config.load()
	if err != nil && p.socket != "" && *config == "" {
		return &usageError{"inside a task the task database is not known, only calls, log and progress go through its processor", "give --config, or do this elsewhere"}
	}
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		p.note("%s: %s", p.name, w)
	}
	conn, err := lgtask.Connect(ctx, cfg.TaskDatabase, lgtask.WithPrefix(cfg.Prefix), lgtask.WithRetention(cfg.Retention), lgtask.WithMongoHosts(cfg.MongoHosts...))
	if err != nil {
		return err
	}
	err = f(conn)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// What was asked for has been acknowledged or failed; closing adds nothing.
	_ = conn.Close(closing)
	return err
}

// configFile is the path that --config gives; empty for the environment.
type configFile string

// Set is called with the option's text.
func (c *configFile) Set(path string) error {
	if err := checkConfig("--config", path); err != nil {
		return err
	}
	*c = configFile(path)
	return nil
}

// String returns the path.
func (c *configFile) String() string { return string(*c) }

// Type is how the help calls the value.
func (c *configFile) Type() string { return "FILE" }

// checkConfig refuses what cannot be the path of a configuration file; name is
// what gave it.
func checkConfig(name, path string) error {
	switch {
	case path == "":
		return &usageError{name + " is empty", "give the path of a file, or leave it out to take everything from the environment"}
	case mongouri.Is(path):
		return &usageError{name + " is the path of a file, not an address", "write the address into it as taskDatabase, or set LGTASK_DATABASE"}
	}
	return nil
}

// load reads the configuration.
func (c *configFile) load() (cfg lgtask.Config, err error) {
	if *c == "" {
		cfg, err = lgtask.ConfigFromEnv()
	} else {
		cfg, err = lgtask.LoadConfig(string(*c))
	}
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}
