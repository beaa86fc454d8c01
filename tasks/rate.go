package tasks

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// OplogTime is the deployment's logical clock as a reply carried it: the second
// of the latest write, and how many oplog entries that second had by then. A
// second without a write leaves it as it is.
type OplogTime struct {
	Second, Entries uint32
}

// errNoClusterTime is returned if a reply carries no logical clock. A replica
// set always sends it.
var errNoClusterTime = errors.New("the server's reply has no $clusterTime; lgtask needs a replica set")

func oplogTime(reply bson.Raw) (OplogTime, error) {
	t, i, ok := reply.Lookup("$clusterTime", "clusterTime").TimestampOK()
	if !ok {
		return OplogTime{}, errNoClusterTime
	}
	return OplogTime{t, i}, nil
}

// OplogTime asks the primary with a ping, the cheapest of commands.
func (s *Store) OplogTime(ctx context.Context) (OplogTime, error) {
	reply, err := s.db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}, primaryOnly).Raw()
	if err != nil {
		return OplogTime{}, err
	}
	return oplogTime(reply)
}

// Waiting reports whether any due task of the query's classes waits, and the
// OplogTime of the reply. It is one command that examines a few index keys,
// whatever waits; Limit is not used. But the server steps over entries of tasks
// that were claimed a moment ago: where the next class in the index is that of a
// storm, 1 to 5 ms were measured instead of 0.3. A foreign document that was not
// adopted yet is not seen, see Foreign.
func (s *Store) Waiting(ctx context.Context, q Query) (bool, OplogTime, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return false, OplogTime{}, err
	}
	reply, err := s.db.RunCommand(ctx, bson.D{
		{Key: "find", Value: s.tasks.Name()}, {Key: "filter", Value: q.filter(now)}, {Key: "hint", Value: claimIndex},
		{Key: "projection", Value: asc("_id")}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
	}, primaryOnly).Raw()
	if err != nil {
		return false, OplogTime{}, err
	}
	at, err := oplogTime(reply)
	batch, _ := reply.Lookup("cursor", "firstBatch").ArrayOK()
	found, _ := batch.Values()
	return len(found) > 0, at, err
}

// listens is how recent a sign of life must be to be counted: two beats and some
// delay.
const listens = 15 * time.Second

// CountListeners returns how many processes gave a sign of life in the last 15 s,
// so that each may have a change stream open, and how many of them are alike:
// they run all of the given classes.
func (s *Store) CountListeners(ctx context.Context, classes []string) (all, alike int, err error) {
	theirs := bson.D{{Key: "$cond", Value: bson.A{bson.D{{Key: "$isArray", Value: "$classes"}}, "$classes", bson.A{}}}}
	cur, err := s.processors.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{
			{Key: "tsBeat", Value: bson.D{{Key: "$gt", Value: s.Clock().Add(-listens)}}}, {Key: "dead", Value: bson.D{{Key: "$ne", Value: true}}},
		}}},
		{{Key: "$group", Value: bson.D{
			{Key: "_id", Value: bson.D{{Key: "$setIsSubset", Value: bson.A{literal(classes), theirs}}}},
			{Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}},
		}}},
	})
	if err != nil {
		return 0, 0, err
	}
	var groups []struct {
		Alike bool `bson:"_id"`
		N     int  `bson:"n"`
	}
	if err := cur.All(ctx, &groups); err != nil {
		return 0, 0, err
	}
	for _, g := range groups {
		all += g.N
		if g.Alike {
			alike = g.N
		}
	}
	return all, alike, nil
}

// shortestWindow is the least time that a rate is computed from after a new
// second began: a few writes in its first milliseconds are no storm.
const shortestWindow = 50 * time.Millisecond

// WriteRate turns readings of the logical clock into the number of oplog entries
// that the whole deployment writes a second. The zero value is ready. It belongs
// to one goroutine.
type WriteRate struct {
	last OplogTime
	at   time.Time // of last; zero before the first
	rate float64
}

// Add takes a reading and the server's time at that moment, see Store.Clock. It
// returns the rate since the reading before or, since the count starts anew with
// each second, since the second began if that is later: so a reading near a
// second's end says most. known is false for the first reading, and for one that
// comes too soon after the last or after the begin of a second; then the rate is
// the last one known.
func (r *WriteRate) Add(t OplogTime, at time.Time) (rate float64, known bool) {
	last, window := r.last, at.Sub(r.at)
	if !r.at.IsZero() && window <= 0 {
		return r.rate, false
	}
	first := r.at.IsZero() || t.Second < last.Second
	r.last, r.at = t, at
	entries := float64(t.Entries)
	switch {
	case first:
		return r.rate, false
	case t == last:
		entries = 0
	case t.Second == last.Second:
		entries -= float64(last.Entries)
	default:
		// What was written in the last reading's second after it is not known.
		if begin := at.Sub(time.Unix(int64(t.Second), 0)); begin < window {
			window = begin
		}
		if window < shortestWindow {
			return r.rate, false
		}
	}
	r.rate = entries / window.Seconds()
	return r.rate, true
}
