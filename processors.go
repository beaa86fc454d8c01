package lgtask

import (
	"context"
	"time"
)

// ProcessorInfo is a process that runs processors, as the database knows it.
type ProcessorInfo struct {
	Names    []string  // of its processors
	Host     string    // it runs on
	PID      int       // there; in a container the container's own
	Started  time.Time // by the server's clock, as LastBeat
	LastBeat time.Time // its last sign of life; one is due every 5 s
	Alive    bool      // the last sign of life is less than 30 s old
	Classes  []string  // it runs
	Version  string    // of the program
	Running  int       // tasks it has claimed
}

// Processors returns the processes that run processors, the oldest first. One
// that died without notice is listed until its names are taken again.
func (c *Connection) Processors(ctx context.Context) ([]ProcessorInfo, error) {
	ps, err := c.store.Processes(ctx)
	if err != nil {
		return nil, err
	}
	held, err := c.store.CountHeld(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]ProcessorInfo, len(ps))
	for i, p := range ps {
		infos[i] = ProcessorInfo{Names: p.Names, Host: p.Host, PID: p.PID, Started: p.Since, LastBeat: p.Beat,
			Alive: p.Age < lease && !p.Dead, Classes: p.Classes, Version: p.Version, Running: held[p.Epoch]}
	}
	return infos, nil
}
