package dispatcher

import (
	"context"

	"github.com/lgtask/lgtask/internal/model"
	"github.com/lgtask/lgtask/tasks"
)

// memory is the model of the store that the tests run on.
type memory struct{ *model.Store }

func newMemory() *memory { return &memory{model.New().Client(nil)} }

// open returns how many tasks have not ended.
func (m *memory) open() int { return m.Count(func(s tasks.State) bool { return !s.Final() }) }

// held returns how many tasks are claimed.
func (m *memory) held() int { return m.Count(tasks.State.Claimed) }

// kill asks for a task to be stopped.
func (m *memory) kill(ctx context.Context, id tasks.ID) error {
	_, err := m.Kill(ctx, id)
	return err
}

// rescue gives back what a process has claimed that has died.
func (m *memory) rescue(holder string) {
	if _, err := m.BuryStray(context.Background(), holder); err != nil {
		panic(err)
	}
}

// follow has f called with each event of the stream.
func (m *memory) follow(f func(tasks.Event)) {
	m.Follow(func(c model.Change) {
		if ev, ok := c.Event(); ok {
			f(ev)
		}
	})
}
