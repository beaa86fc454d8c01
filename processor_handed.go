package lgtask

import "context"

// The names of a processor that a launcher started come and go while it runs.

// takeName starts a processor of that name. It returns *ErrProcessorRunning if
// the name is another process's.
func (p *Processor) takeName(ctx context.Context, name string) error {
	if err := p.engine.member.take(ctx, name); err != nil {
		return err
	}
	p.mu.Lock()
	p.names = append(p.names, name)
	p.mu.Unlock()
	p.engine.dispatcher.AddName(name)
	return p.engine.member.join(ctx) // with the name
}

// retire lets each processor go when its task has ended, and returns the
// channel of their names. Looping tasks are told to end.
func (p *Processor) retire() <-chan string {
	p.once.Do(func() { close(p.stopping) })
	p.engine.dispatcher.Retire()
	return p.engine.retired
}

// dropName sets a name that was let go free in the database.
func (p *Processor) dropName(ctx context.Context, name string) error {
	return p.engine.member.drop(ctx, name)
}
