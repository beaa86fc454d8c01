package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Process is the document of a process that runs processors. Host to Start tell
// which process it is; only its own host can make something of them.
type Process struct {
	Epoch   string    `bson:"_id"` // of this start of the process; the holder of its tasks
	Names   []string  `bson:"names"`
	Host    string    `bson:"host"`
	Boot    string    `bson:"boot"`
	Space   string    `bson:"space"`
	PID     int       `bson:"pid"`
	Start   string    `bson:"start"`
	Version string    `bson:"version"`
	Classes []string  `bson:"classes"`
	Since   time.Time `bson:"tsStart"`
	Beats   int64     `bson:"hb"`
	Beat    time.Time `bson:"tsBeat"` // by the server's clock
	Dead    bool      `bson:"dead"`   // a tombstone: its tasks go back

	// Age is the time since Beat by the server's clock. It is not stored.
	Age time.Duration `bson:"-"`
}

// nameLock is the document that says which process has a processor's name. Its
// _id is "name:" and the name; that of a Process is a hexadecimal epoch.
const nameLock = "name:"

// Join writes the document of a process that starts, or that was removed by
// somebody while the process lives on. It keeps the beats of one that is there.
func (s *Store) Join(ctx context.Context, p Process) error {
	_, err := s.processors.UpdateOne(ctx, bson.D{{Key: "_id", Value: p.Epoch}}, mongo.Pipeline{{{Key: "$set", Value: bson.D{
		{Key: "names", Value: literal(p.Names)}, {Key: "host", Value: literal(p.Host)}, {Key: "boot", Value: literal(p.Boot)},
		{Key: "space", Value: literal(p.Space)}, {Key: "pid", Value: p.PID}, {Key: "start", Value: literal(p.Start)},
		{Key: "version", Value: literal(p.Version)}, {Key: "classes", Value: literal(p.Classes)},
		{Key: "hb", Value: bson.D{{Key: "$ifNull", Value: bson.A{"$hb", int64(0)}}}},
		{Key: "tsStart", Value: bson.D{{Key: "$ifNull", Value: bson.A{"$tsStart", "$$NOW"}}}}, {Key: "tsBeat", Value: "$$NOW"},
	}}}}, options.UpdateOne().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("announcing the process: %w", err)
	}
	return nil
}

// Beat says that the process is alive. It returns false if its document is gone
// or a tombstone: somebody took it for dead, or the collection was dropped.
func (s *Store) Beat(ctx context.Context, epoch string, names []string) (bool, error) {
	res, err := s.processors.UpdateOne(ctx, bson.D{{Key: "_id", Value: epoch}, {Key: "dead", Value: bson.D{{Key: "$ne", Value: true}}}}, bson.D{
		{Key: "$inc", Value: bson.D{{Key: "hb", Value: int64(1)}}}, {Key: "$set", Value: bson.D{{Key: "names", Value: names}}},
		{Key: "$currentDate", Value: bson.D{{Key: "tsBeat", Value: true}}},
	})
	if err != nil {
		return false, err
	}
	return res.MatchedCount == 1, nil
}

// Leave removes a process that stops, and sets its names free.
func (s *Store) Leave(ctx context.Context, epoch string) error {
	if _, err := s.processors.DeleteMany(ctx, bson.D{{Key: "holder", Value: epoch}}); err != nil {
		return err
	}
	_, err := s.processors.DeleteOne(ctx, bson.D{{Key: "_id", Value: epoch}})
	return err
}

// TakeName gives a name to a process, if it is free or has it already; else it
// returns the process that has it, which may be dead. free is also false if
// somebody else took the name in this moment; then holder is zero.
func (s *Store) TakeName(ctx context.Context, name, epoch string) (free bool, holder Process, err error) {
	id := bson.D{{Key: "_id", Value: nameLock + name}}
	_, err = s.processors.InsertOne(ctx, bson.D{id[0], {Key: "holder", Value: epoch}})
	if err == nil {
		return true, Process{}, nil
	}
	if !mongo.IsDuplicateKeyError(err) {
		return false, Process{}, err
	}
	var lock struct {
		Holder string `bson:"holder"`
	}
	switch err := s.processors.FindOne(ctx, id).Decode(&lock); {
	case err == mongo.ErrNoDocuments:
		return false, Process{}, nil
	case err != nil:
		return false, Process{}, err
	case lock.Holder == epoch:
		return true, Process{}, nil
	}
	holder, err = s.Process(ctx, lock.Holder)
	if err == ErrNotFound { // it left, or its tombstone was cleared away
		res, err := s.processors.UpdateOne(ctx, bson.D{id[0], {Key: "holder", Value: lock.Holder}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "holder", Value: epoch}}}})
		return err == nil && res.MatchedCount == 1, Process{}, err
	}
	return false, holder, err
}

// TakeNames gives those of the names to a process that nobody has, by one command,
// and returns them.
func (s *Store) TakeNames(ctx context.Context, names []string, epoch string) ([]string, error) {
	docs := make([]any, len(names))
	for i, name := range names {
		docs[i] = bson.D{{Key: "_id", Value: nameLock + name}, {Key: "holder", Value: epoch}}
	}
	if len(docs) == 0 {
		return nil, nil
	}
	_, err := s.processors.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if err != nil && (!errors.As(err, &bulk) || bulk.WriteConcernError != nil) {
		return nil, err
	}
	had := map[int]bool{}
	for _, e := range bulk.WriteErrors {
		if e.Code != 11000 {
			return nil, err
		}
		had[e.Index] = true
	}
	var taken []string
	for i, name := range names {
		if !had[i] {
			taken = append(taken, name)
		}
	}
	return taken, nil
}

// DropName sets a name free, if the process has it.
func (s *Store) DropName(ctx context.Context, name, epoch string) error {
	_, err := s.processors.DeleteOne(ctx, bson.D{{Key: "_id", Value: nameLock + name}, {Key: "holder", Value: epoch}})
	return err
}

// Process returns one process, or ErrNotFound.
func (s *Store) Process(ctx context.Context, epoch string) (Process, error) {
	ps, err := s.processes(ctx, bson.D{{Key: "_id", Value: epoch}})
	if err != nil {
		return Process{}, err
	}
	if len(ps) == 0 {
		return Process{}, ErrNotFound
	}
	return ps[0], nil
}

// Processes returns all processes that have not left, the oldest first, those
// that died without notice among them.
func (s *Store) Processes(ctx context.Context) ([]Process, error) {
	return s.processes(ctx, bson.D{{Key: "hb", Value: bson.D{{Key: "$exists", Value: true}}}})
}

func (s *Store) processes(ctx context.Context, filter bson.D) ([]Process, error) {
	cur, err := s.processors.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: filter}}, {{Key: "$sort", Value: asc("tsStart", "_id")}}, {{Key: "$limit", Value: maxProcesses}},
		{{Key: "$set", Value: bson.D{{Key: "age", Value: bson.D{{Key: "$subtract", Value: bson.A{"$$NOW", "$tsBeat"}}}}}}},
	})
	if err != nil {
		return nil, err
	}
	var docs []struct {
		Process `bson:",inline"`
		Age     int64 `bson:"age"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, fmt.Errorf("reading the processes: %w", err)
	}
	ps := make([]Process, len(docs))
	for i, d := range docs {
		ps[i] = d.Process
		ps[i].Age = time.Duration(d.Age) * time.Millisecond
	}
	return ps, nil
}

// maxProcesses bounds a list of processes. One task database serves hundreds.
const maxProcesses = 10000

// Bury gives back the tasks of a process that is known to be dead, as it was
// when p was read, and removes its document. Each task's crashes are counted. It
// returns false, and does nothing, if the process has given a sign of life since.
// It may be repeated after an error, by anybody: the tombstone stays until all
// is done.
func (s *Store) Bury(ctx context.Context, p Process) (bool, error) {
	res, err := s.processors.UpdateOne(ctx, bson.D{{Key: "_id", Value: p.Epoch}, {Key: "hb", Value: p.Beats}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "dead", Value: true}}}})
	switch {
	case err != nil:
		return false, err
	case res.MatchedCount == 0:
		// Alive, or buried by somebody else; in that case its document is gone.
		_, err := s.Process(ctx, p.Epoch)
		if err == ErrNotFound {
			return true, nil
		}
		return false, err
	}
	if _, err := s.rescue(ctx, p.Epoch); err != nil {
		return false, err
	}
	_, err = s.processors.DeleteOne(ctx, bson.D{{Key: "_id", Value: p.Epoch}, {Key: "dead", Value: true}})
	return err == nil, err
}

// unclaimed removes the token too: with it the dead process, should it only have
// been frozen, would take its own late completion for one that was written.
var unclaimed = bson.D{{Key: "$unset", Value: bson.A{"holder", "claim"}}}

// MaxCrashes is how many processes a task may end: after the last it is not given
// back, but ends as an error.
const MaxCrashes = 3

// rescue gives back the tasks of a dead process. Those that somebody had asked
// to kill end, and those that were running when the last of MaxCrashes processes
// died. What was claimed ahead may not have been running: the first crash counts for
// it, since it is claimed alone from then on, but no further one.
func (s *Store) rescue(ctx context.Context, epoch string) (int, error) {
	const reason = "the process that ran it died"
	poison := bson.D{{Key: "holder", Value: epoch}, {Key: "state", Value: Working}, {Key: "crashes", Value: bson.D{{Key: "$gte", Value: MaxCrashes - 1}}}}
	if _, err := s.tasks.UpdateMany(ctx, poison, append(s.ended(Error, fmt.Sprintf("quarantined: %d processes died while they ran it", MaxCrashes)),
		unclaimed, bson.D{{Key: "$set", Value: bson.D{{Key: "crashes", Value: MaxCrashes}}}})); err != nil {
		return 0, err
	}
	crashes := bson.D{{Key: "$add", Value: bson.A{bson.D{{Key: "$ifNull", Value: bson.A{"$crashes", 0}}}, 1}}}
	back, err := s.tasks.UpdateMany(ctx, bson.D{{Key: "holder", Value: epoch}, {Key: "state", Value: Working}}, mongo.Pipeline{
		{{Key: "$set", Value: bson.D{{Key: "state", Value: Request}, {Key: "lastLog", Value: reason}, {Key: "crashes", Value: crashes}}}},
		unclaimed,
	})
	if err != nil {
		return 0, err
	}
	ended, err := s.tasks.UpdateMany(ctx, bson.D{{Key: "holder", Value: epoch}, {Key: "state", Value: Kill}},
		append(s.ended(Error, "killed; "+reason), unclaimed))
	if err != nil {
		return 0, err
	}
	return int(back.MatchedCount + ended.MatchedCount), nil
}

// Holders returns who holds tasks, be it a process that is there or not.
func (s *Store) Holders(ctx context.Context) ([]string, error) {
	raw, err := s.tasks.Distinct(ctx, "holder", bson.D{{Key: "holder", Value: bson.D{{Key: "$gt", Value: ""}}}}).Raw()
	if err != nil {
		return nil, err
	}
	values, err := raw.Values()
	holders := make([]string, 0, len(values))
	for _, v := range values {
		if holder, ok := v.StringValueOK(); ok {
			holders = append(holders, holder)
		}
	}
	return holders, err
}

// BuryStray gives back the tasks of a holder that is no process, and was none for
// so long that it will not come back. It does nothing, and returns 0, if there is one.
func (s *Store) BuryStray(ctx context.Context, holder string) (int, error) {
	if _, err := s.Process(ctx, holder); err != ErrNotFound {
		return 0, err
	}
	return s.rescue(ctx, holder)
}

// CountHeld returns how many tasks each process has claimed, by epoch.
func (s *Store) CountHeld(ctx context.Context) (map[string]int, error) {
	cur, err := s.tasks.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.D{{Key: "holder", Value: bson.D{{Key: "$exists", Value: true}}}}}},
		{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$holder"}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}}}}},
	})
	if err != nil {
		return nil, err
	}
	var docs []struct {
		Epoch string `bson:"_id"`
		N     int    `bson:"n"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, err
	}
	held := map[string]int{}
	for _, d := range docs {
		held[d.Epoch] = d.N
	}
	return held, nil
}
