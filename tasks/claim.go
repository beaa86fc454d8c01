package tasks

import (
	"context"
	"slices"
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

// Claim says who claims. One token serves all tasks that one statement claims.
type Claim struct {
	Token     bson.ObjectID
	Processor string // the name, hostname-index
	Holder    string // the epoch of the process
}

// NewClaim returns a claim with a fresh token.
func NewClaim(processor, holder string) Claim { return Claim{bson.NewObjectID(), processor, holder} }

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
	Classes  []string
	Blocked  []string // pendingKeys to leave out: runs of these names are going
	Limit    int      // at least 1
	Majority bool     // read what the majority has, as a fresh process must
}

// Candidates returns due tasks of the given classes, higher priorities first,
// then those due earlier. They may be gone by the time they are claimed.
func (s *Store) Candidates(ctx context.Context, q Query) ([]Candidate, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	filter := bson.D{
		{Key: "taskClass", Value: in(q.Classes)},
		{Key: "state", Value: Request},
		// Both bounds: without them the scan reads every future task of a
		// priority before the first due one of the next.
		{Key: "priority", Value: bson.D{{Key: "$gte", Value: MinPriority}, {Key: "$lte", Value: MaxPriority}}},
		{Key: "tsRequest", Value: bson.D{{Key: "$lte", Value: now.Add(time.Millisecond)}}},
	}
	if len(q.Blocked) > 0 {
		filter = append(filter, bson.E{Key: "pendingKey", Value: bson.D{{Key: "$nin", Value: q.Blocked}}})
	}
	sort := bson.D{{Key: "priority", Value: -1}, {Key: "tsRequest", Value: 1}, {Key: "_id", Value: 1}}
	return s.candidates(ctx, q.Majority, filter, options.Find().SetSort(sort).SetLimit(int64(q.Limit)).SetHint(claimIndex))
}

// Candidate reads one waiting task, or returns ErrNotFound.
func (s *Store) Candidate(ctx context.Context, id ID) (Candidate, error) {
	cs, err := s.candidates(ctx, false, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}}, options.Find().SetLimit(1))
	if err != nil {
		return Candidate{}, err
	}
	if len(cs) == 0 {
		return Candidate{}, ErrNotFound
	}
	return cs[0], nil
}

func (s *Store) candidates(ctx context.Context, majority bool, filter bson.D, o *options.FindOptionsBuilder) ([]Candidate, error) {
	coll := s.tasks
	if majority {
		coll = s.majority
	}
	cur, err := coll.Find(ctx, filter, o.SetProjection(candidateProjection))
	if err != nil {
		return nil, err
	}
	defer cur.Close(ctx)
	var cs []Candidate
	for cur.Next(ctx) {
		c, err := decodeCandidate(cur.Current)
		if err != nil {
			if err := s.reject(ctx, cur.Current, err); err != nil {
				return nil, err
			}
			continue
		}
		cs = append(cs, c)
	}
	return cs, cur.Err()
}

func decodeCandidate(raw bson.Raw) (Candidate, error) {
	var c Candidate
	if err := checkWaiting(raw); err != nil {
		return c, err
	}
	if err := bson.Unmarshal(raw, &c); err != nil {
		return c, &InvalidError{Field: "task", Reason: err.Error()}
	}
	c.Kwargs = slices.Clone(c.Kwargs) // the cursor's buffer is used again
	return c, nil
}

// Kwargs reads the kwargs of a task that is claimed.
func (s *Store) Kwargs(ctx context.Context, id ID) (bson.Raw, error) {
	var doc struct {
		Kwargs bson.Raw `bson:"kwargs"`
	}
	err := s.tasks.FindOne(ctx, bson.D{{Key: "_id", Value: id}}, options.FindOne().SetProjection(bson.D{{Key: "kwargs", Value: 1}})).Decode(&doc)
	if err == mongo.ErrNoDocuments {
		return nil, ErrNotFound
	}
	return doc.Kwargs, err
}

// Verdict is the answer to a claim.
type Verdict int

// The answers to a claim.
const (
	Lost    Verdict = iota // somebody else has it, it is not due yet, or it is gone
	Won                    // it is ours
	Blocked                // a run of its name is going
)

// claimable is the condition on a task that ids selects: waiting and due by the
// server's clock, or already ours because the same statement was sent before.
func claimable(ids bson.E, cl Claim) bson.D {
	return bson.D{ids, {Key: "$or", Value: bson.A{
		bson.D{
			{Key: "state", Value: Request},
			{Key: "$expr", Value: bson.D{{Key: "$lte", Value: bson.A{"$tsRequest", "$$NOW"}}}},
		},
		bson.D{{Key: "state", Value: Working}, {Key: "claim.token", Value: cl.Token}},
	}}}
}

func claimed(cl Claim, more ...bson.E) bson.D {
	set := bson.D{
		{Key: "state", Value: Working}, {Key: "processor", Value: cl.Processor},
		{Key: "holder", Value: cl.Holder}, {Key: "claim", Value: bson.D{{Key: "token", Value: cl.Token}}},
	}
	return bson.D{
		{Key: "$set", Value: append(set, more...)},
		{Key: "$currentDate", Value: bson.D{{Key: "tsStart", Value: true}}},
	}
}

// Claim claims one task. key is its name's key if it must run alone under that
// name ("" if not); the claim moves the key from pendingKey to runningKey. name
// is written as taskName if it is not empty.
func (s *Store) Claim(ctx context.Context, c Candidate, cl Claim, key, name string) (Verdict, error) {
	var more []bson.E
	if key != "" {
		more = append(more, bson.E{Key: "runningKey", Value: key})
	}
	if name != "" && name != c.TaskName {
		more = append(more, bson.E{Key: "taskName", Value: name})
	}
	update := claimed(cl, more...)
	if c.PendingKey != "" {
		update = append(update, bson.E{Key: "$unset", Value: bson.D{{Key: "pendingKey", Value: ""}}})
	}
	res, err := s.tasks.UpdateOne(ctx, claimable(bson.E{Key: "_id", Value: c.ID}, cl), update)
	switch {
	case duplicateOf(err, runningIndex):
		return Blocked, nil
	case err != nil:
		return Lost, err
	case res.MatchedCount == 0:
		return Lost, nil
	}
	return Won, nil
}

// ClaimMany claims tasks without a name by one statement and returns those that
// were won, in the order given. The reply has only a total: if it is not all of
// them, one read by token decides.
func (s *Store) ClaimMany(ctx context.Context, ids []ID, cl Claim) (map[ID]bool, error) {
	res, err := s.tasks.UpdateMany(ctx, claimable(bson.E{Key: "_id", Value: in(ids)}, cl), claimed(cl))
	if err != nil {
		return nil, err
	}
	won := make(map[ID]bool, len(ids))
	if int(res.MatchedCount) == len(ids) {
		for _, id := range ids {
			won[id] = true
		}
		return won, nil
	}
	if res.MatchedCount == 0 {
		return won, nil
	}
	return won, s.tokenHolders(ctx, ids, cl.Token, won)
}

func (s *Store) tokenHolders(ctx context.Context, ids []ID, token bson.ObjectID, won map[ID]bool) error {
	cur, err := s.tasks.Find(ctx, bson.D{{Key: "_id", Value: in(ids)}, {Key: "claim.token", Value: token}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return err
	}
	var docs []struct {
		ID ID `bson:"_id"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return err
	}
	for _, d := range docs {
		won[d.ID] = true
	}
	return nil
}

// Refuse ends a waiting task: aborted for a singleton whose name is going, error
// for one that cannot run. It reports whether the task was still waiting.
func (s *Store) Refuse(ctx context.Context, id ID, state State, reason string) (bool, error) {
	res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}}, s.ended(state, reason))
	if err != nil {
		return false, err
	}
	return res.MatchedCount == 1, nil
}

func in[T any](values []T) bson.D { return bson.D{{Key: "$in", Value: values}} }
