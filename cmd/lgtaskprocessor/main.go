// Command lgtaskprocessor runs task processors on a central MongoDB:
//
//	lgtaskprocessor [CONFIG [COUNT]]
//
// This is the stock program. The only class compiled into it is Echo, for trying
// an installation; programs with classes of their own are made with lgtask.Main.
package main

import (
	"context"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
)

// Echo logs its kwargs, whatever they are.
type Echo struct {
	Kwargs map[string]any `bson:",inline"`
}

// Run implements lgtask.Runner.
func (e *Echo) Run(_ context.Context, t *lgtask.TaskContext) error {
	text, err := bson.MarshalExtJSON(e.Kwargs, false, false)
	if err != nil {
		return err
	}
	t.Log(string(text))
	return nil
}

func main() {
	reg := lgtask.NewRegistry()
	lgtask.Register[Echo](reg)
	os.Exit(lgtask.Main(reg))
}
