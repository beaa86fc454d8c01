package rows

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// counters are what the server counted since its start.
type counters struct {
	updates  int64 // update statements; one command may carry several
	commands int64 // all commands but hello, of all clients
	at       time.Time
}

// greetings are the commands of the driver's own monitoring.
var greetings = map[string]bool{"hello": true, "isMaster": true, "ismaster": true}

// counters asks the server. The question itself is in the answer, as a command.
func (s *stage) counters(ctx context.Context) (counters, error) {
	doc, err := s.conn.Database().Client().Database("admin").
		RunCommand(ctx, bson.D{{Key: "serverStatus", Value: 1}}).Raw()
	if err != nil {
		return counters{}, err
	}
	c := counters{updates: doc.Lookup("opcounters", "update").AsInt64(), at: time.Now()}
	commands, err := doc.Lookup("metrics", "commands").Document().Elements()
	if err != nil {
		return counters{}, err
	}
	for _, e := range commands {
		if d, ok := e.Value().DocumentOK(); ok && !greetings[e.Key()] {
			if total, ok := d.Lookup("total").AsInt64OK(); ok {
				c.commands += total
			}
		}
	}
	return c, nil
}
