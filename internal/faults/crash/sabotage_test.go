//go:build faults && unix

package crash

import (
	"context"

	"github.com/lgtask/lgtask"
)

type Sabotage struct{ How string }

func (s *Sabotage) Run(ctx context.Context, t *lgtask.TaskContext) error { return nil }

type Spin struct{ How string }

func (s *Spin) Run(ctx context.Context, t *lgtask.TaskContext) error { return nil }
func dieAt(reg *lgtask.Registry, at string) int                      { return 0 }

const suicideEnv = "X_SUICIDE"

func spinner() int { return 0 }
