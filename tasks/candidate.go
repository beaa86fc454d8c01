package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// inlineKwargs is the largest kwargs document, in bytes, that travels with a
// stream event or a candidate. Larger ones are read after the claim.
const inlineKwargs = 4 << 10

// Candidate is a waiting task that might be claimed: what a dispatcher needs to
// decide, and to run it without another read.
type Candidate struct {
	ID          ID          `bson:"_id"`
	TaskClass   string      `bson:"taskClass"`
	TaskName    string      `bson:"taskName"`
	Priority    int         `bson:"priority"`
	TsInsert    time.Time   `bson:"tsInsert"`
	TsRequest   time.Time   `bson:"tsRequest"`
	Attempt     int         `bson:"attempt"`
	MaxAttempts int         `bson:"maxAttempts"`
	Crashes     int         `bson:"crashes"`
	PendingKey  string      `bson:"pendingKey"` // a batch or scheduled run before its first claim
	RunningKey  string      `bson:"runningKey"` // a named run between two attempts
	Schedule    ScheduleRef `bson:"schedule"`
	Kwargs      bson.Raw    `bson:"kwargs"` // nil if larger than 4 KiB: see Store.Kwargs
}

// Keyed reports whether the claim must carry a name, and so cannot share a
// statement with others.
func (c *Candidate) Keyed() bool { return c.PendingKey != "" || c.RunningKey != "" }

// Due reports whether the task is due at now, by an estimate of the database's
// clock that may be behind it. One that was due when it was inserted is, even if it
// seems not to be for a moment: its producer had a better estimate.
func (c *Candidate) Due(now time.Time) bool {
	wait := c.TsRequest.Sub(now)
	return wait <= 0 || wait < clockBehind && !c.TsRequest.After(c.TsInsert)
}

// clockBehind is how far an estimate of the clock may be behind another one.
const clockBehind = 100 * time.Millisecond

// candidateProjection leaves out large kwargs.
var candidateProjection = bson.D{
	{Key: "taskClass", Value: 1}, {Key: "taskName", Value: 1}, {Key: "priority", Value: 1}, {Key: "tsInsert", Value: 1},
	{Key: "tsRequest", Value: 1}, {Key: "attempt", Value: 1}, {Key: "maxAttempts", Value: 1}, {Key: "crashes", Value: 1},
	{Key: "pendingKey", Value: 1}, {Key: "runningKey", Value: 1}, {Key: "schedule", Value: 1},
	{Key: "kwargs", Value: smallKwargs("$kwargs")},
}

// smallKwargs is the expression for kwargs that are a document of at most 4 KiB,
// else nothing. $bsonSize fails on anything but a document, and a failing
// expression would end a stream.
func smallKwargs(path string) bson.D {
	isDoc := bson.D{{Key: "$eq", Value: bson.A{bson.D{{Key: "$type", Value: path}}, "object"}}}
	small := bson.D{{Key: "$lte", Value: bson.A{bson.D{{Key: "$bsonSize", Value: path}}, inlineKwargs}}}
	return bson.D{{Key: "$cond", Value: bson.A{isDoc, bson.D{{Key: "$cond", Value: bson.A{small, path, "$$REMOVE"}}}, "$$REMOVE"}}}
}

// Query asks for candidates.
type Query struct {
	Classes []string
	Blocked []string // pendingKeys to leave out: runs of these names are going
	Limit   int      // at least 1

	NoLastChance bool // leave out tasks that end as an error if another process dies of them

	// Of Pages only:
	Whole bool                                          // go on after the first page
	Take  func(id ID, class string, due time.Time) bool // which to return; nil: all
	From  time.Time                                     // what was due earlier is left out
	Above *int                                          // priorities above this only, for a look whether there are any: whoever's turn it is
}

// claimOrder is the order in which waiting tasks are claimed.
var claimOrder = bson.D{{Key: "priority", Value: -1}, {Key: "tsRequest", Value: 1}, {Key: "_id", Value: 1}}

// filter selects what is due at now, by the claim index.
func (q Query) filter(now time.Time) bson.D {
	filter := bson.D{
		{Key: "taskClass", Value: in(q.Classes)},
		{Key: "state", Value: Request},
		// Both bounds: without them the scan reads every future task of a
		// priority before the first due one of the next.
		{Key: "priority", Value: bson.D{{Key: "$gte", Value: MinPriority}, {Key: "$lte", Value: MaxPriority}}},
		{Key: "tsRequest", Value: bson.D{{Key: "$lte", Value: now.Add(time.Millisecond)}}},
	}
	if !q.From.IsZero() {
		filter[3].Value = bson.D{{Key: "$gte", Value: q.From}, {Key: "$lte", Value: now.Add(time.Millisecond)}}
	}
	if q.Above != nil {
		filter[2].Value = bson.D{{Key: "$gt", Value: *q.Above}, {Key: "$lte", Value: MaxPriority}}
	}
	if len(q.Blocked) > 0 {
		filter = append(filter, bson.E{Key: "pendingKey", Value: bson.D{{Key: "$nin", Value: q.Blocked}}})
	}
	if q.NoLastChance {
		filter = append(filter, bson.E{Key: "crashes", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gte", Value: MaxCrashes - 1}}}}})
	}
	return filter
}

// Candidates returns due tasks of the given classes, higher priorities first,
// then those due earlier. They may be gone by the time they are claimed. The read
// is a local one of the primary, which has all that the majority has; what may
// yet be rolled back is decided by the claim, which waits for the majority.
func (s *Store) Candidates(ctx context.Context, q Query) ([]Candidate, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	filter := q.filter(now)
	o := options.Find().SetSort(claimOrder).SetLimit(int64(q.Limit)).SetHint(claimIndex)
	for {
		cs, unusable, err := s.candidates(ctx, filter, o)
		if err != nil || !unusable {
			return cs, err
		}
		// Malformed tasks were among them, and have been ended. Less than was
		// asked for means that there is no more: read again.
	}
}

// Candidate reads one waiting task, or returns ErrNotFound.
func (s *Store) Candidate(ctx context.Context, id ID) (Candidate, error) {
	cs, _, err := s.candidates(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}}, options.Find().SetLimit(1))
	if err != nil {
		return Candidate{}, err
	}
	if len(cs) == 0 {
		return Candidate{}, ErrNotFound
	}
	return cs[0], nil
}

// CandidatesOf returns those of the given tasks that wait, due or not.
func (s *Store) CandidatesOf(ctx context.Context, ids []ID) ([]Candidate, error) {
	cs, _, err := s.candidates(ctx, bson.D{amongIDs(ids), {Key: "state", Value: Request}}, options.Find())
	return cs, err
}

// candidates reads, and completes or ends what was inserted by hand. unusable
// says that some of those found are none.
func (s *Store) candidates(ctx context.Context, filter bson.D, o *options.FindOptionsBuilder) (cs []Candidate, unusable bool, err error) {
	cur, err := s.tasks.Find(ctx, filter, o.SetProjection(candidateProjection))
	if err != nil {
		return nil, false, err
	}
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		c, err := decodeCandidate(cur.Current)
		if err != nil {
			c, err = s.adopt(ctx, cur.Current, err)
		}
		switch {
		case err == ErrNotFound:
			unusable = true
		case err != nil:
			return nil, false, err
		default:
			cs = append(cs, c)
		}
	}
	return cs, unusable, cur.Err()
}

// Kwargs reads the kwargs of a task, an empty document if it has none. In a task
// that was inserted by hand they may be no document or one that CheckKwargs
// refuses: then a waiting task is ended as an error, and is ErrNotFound; of a
// claimed one *InvalidError is returned, and its holder ends it.
func (s *Store) Kwargs(ctx context.Context, id ID) (bson.Raw, error) {
	raw, err := s.tasks.FindOne(ctx, bson.D{{Key: "_id", Value: id}}, options.FindOne().SetProjection(bson.D{{Key: "kwargs", Value: 1}})).Raw()
	if err == mongo.ErrNoDocuments {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if absent(raw.Lookup("kwargs")) {
		return emptyDocument, nil
	}
	kw, ok := raw.Lookup("kwargs").DocumentOK()
	if !ok {
		err = wrongType(raw, "kwargs", "a document")
	} else if err = CheckKwargs(kw); err == nil {
		return kw, nil
	}
	switch ended, failed := s.Refuse(ctx, id, Error, "malformed task: "+err.Error()); {
	case failed != nil:
		return nil, failed
	case ended:
		return nil, ErrNotFound
	}
	return nil, err
}

func in[T any](values []T) bson.D { return bson.D{{Key: "$in", Value: values}} }
