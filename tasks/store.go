package tasks

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// Retention says how long ended tasks and their logs are kept, by their final
// state. Zero means the default, a negative time that they are kept for good.
type Retention struct {
	Success time.Duration // default 1 day
	Error   time.Duration // default 7 days
	Aborted time.Duration // default 7 days
}

// DefaultRetention is used for fields that are zero.
var DefaultRetention = Retention{Success: 24 * time.Hour, Error: 7 * 24 * time.Hour, Aborted: 7 * 24 * time.Hour}

func (r Retention) withDefaults() Retention {
	or := func(d, def time.Duration) time.Duration {
		if d == 0 {
			return def
		}
		return d
	}
	d := DefaultRetention
	return Retention{or(r.Success, d.Success), or(r.Error, d.Error), or(r.Aborted, d.Aborted)}
}

func (r Retention) of(s State) time.Duration {
	switch s {
	case Success:
		return r.Success
	case Aborted:
		return r.Aborted
	}
	return r.Error
}

// longest returns the longest of the three, negative if one is for good.
func (r Retention) longest() time.Duration {
	if r.Success < 0 || r.Error < 0 || r.Aborted < 0 {
		return -1
	}
	return max(r.Success, r.Error, r.Aborted)
}

// expiry is the expression for expireAt of a task that ends now.
func (r Retention) expiry(s State) any {
	if d := r.of(s); d >= 0 {
		return add("$$NOW", d)
	}
	return "$$REMOVE"
}

// Options configure a Store. The zero value is ready.
type Options struct {
	Prefix    string // put before every collection name
	Retention Retention
}

// Store reads and writes the documents of one task database. It is safe for
// concurrent use and holds no state but an estimate of the server's clock. Its
// methods take part in the transaction that their context carries, if any.
type Store struct {
	db        *mongo.Database
	tasks     *mongo.Collection
	snapshot  *mongo.Collection // tasks, each read at one instant
	schedules *mongo.Collection
	logs      *mongo.Collection
	meta      *mongo.Collection
	retention Retention
	clock     clock
	large     atomic.Int64 // until when pages are read without large kwargs, see Pages

	processors *mongo.Collection // see Process
	left       leftCursors
}

// NewStore returns the store of the given database. It sends nothing: call
// Prepare before the first write.
func NewStore(db *mongo.Database, o Options) *Store {
	opts := func() *options.CollectionOptionsBuilder {
		return options.Collection().SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary())
	}
	return &Store{
		db:        db,
		tasks:     db.Collection(o.Prefix+"tasks", opts()),
		snapshot:  db.Collection(o.Prefix+"tasks", opts().SetReadConcern(readconcern.Snapshot())),
		schedules: db.Collection(o.Prefix+"schedules", opts()),
		logs:      db.Collection(o.Prefix+"taskLogs", opts()),
		meta:      db.Collection(o.Prefix+"meta", opts()),
		retention: o.Retention.withDefaults(),

		processors: db.Collection(o.Prefix+"processors", opts()),
	}
}

// Database returns the task database.
func (s *Store) Database() *mongo.Database { return s.db }

// Get returns a task by its ID, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id ID) (Task, error) {
	return s.findOne(ctx, bson.D{{Key: "_id", Value: id}})
}

// GetMany returns class and kwargs of those of the tasks that are there.
func (s *Store) GetMany(ctx context.Context, ids []ID) (map[ID]Task, error) {
	found := make(map[ID]Task, len(ids))
	for page := range slices.Chunk(ids, 1000) {
		cur, err := s.tasks.Find(ctx, bson.D{{Key: "_id", Value: in(page)}}, options.Find().SetProjection(asc("taskClass", "kwargs")))
		if err != nil {
			return nil, err
		}
		var ts []Task
		if err := cur.All(ctx, &ts); err != nil {
			return nil, err
		}
		for _, t := range ts {
			found[t.ID] = t
		}
	}
	return found, nil
}

func (s *Store) findOne(ctx context.Context, filter bson.D) (Task, error) {
	var t Task
	err := s.tasks.FindOne(ctx, filter).Decode(&t)
	if err == mongo.ErrNoDocuments {
		return Task{}, ErrNotFound
	}
	return t, err
}

// Filter selects tasks. A zero field selects all.
type Filter struct {
	TaskClass string
	TaskName  *string
	States    []State
	Processor string
	Limit     int64 // default 100, at most 10,000
	Before    ID    // for paging: only tasks with a smaller _id
}

// Find returns the tasks that match, those with the largest _id first, which is
// newest first for tasks that lgtask inserted. It returns *InvalidError for an
// impossible filter.
func (s *Store) Find(ctx context.Context, f Filter) ([]Task, error) {
	const most = 10_000
	if f.Limit == 0 {
		f.Limit = 100
	}
	if f.Limit < 0 || f.Limit > most {
		return nil, &InvalidError{Field: "limit", Reason: "must be 1 to 10,000"}
	}
	q, err := f.query()
	if err != nil {
		return nil, err
	}
	cur, err := s.tasks.Find(ctx, q, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}).SetLimit(f.Limit))
	if err != nil {
		return nil, err
	}
	ts := []Task{}
	return ts, cur.All(ctx, &ts)
}

// Count returns how many tasks match; Limit and Before are not used.
func (s *Store) Count(ctx context.Context, f Filter) (int64, error) {
	f.Before = ID{}
	q, err := f.query()
	if err != nil {
		return 0, err
	}
	return s.tasks.CountDocuments(ctx, q)
}

func (f Filter) query() (bson.D, error) {
	q := bson.D{}
	add := func(key string, value any) {
		q = append(q, bson.E{Key: key, Value: bson.D{{Key: "$eq", Value: value}}})
	}
	if f.TaskClass != "" {
		add("taskClass", f.TaskClass)
	}
	if f.TaskName != nil {
		add("taskName", *f.TaskName)
	}
	if f.Processor != "" {
		add("processor", f.Processor)
	}
	for _, s := range f.States {
		if !s.Valid() {
			return nil, &InvalidError{Field: "state", Value: shorten(string(s)), Reason: "is not a state"}
		}
	}
	if len(f.States) > 0 {
		q = append(q, bson.E{Key: "state", Value: bson.D{{Key: "$in", Value: f.States}}})
	}
	if !f.Before.IsZero() {
		q = append(q, bson.E{Key: "$or", Value: bson.A{
			bson.D{{Key: "_id", Value: bson.D{{Key: "$lt", Value: f.Before}}}},
			bson.D{{Key: "_id", Value: bson.D{{Key: "$type", Value: f.Before.smallerTypes()}}}},
		}})
	}
	return q, nil
}
