package tasks

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Claim says who claims. One token serves all tasks that one statement claims.
type Claim struct {
	Token     bson.ObjectID
	Processor string // the name, hostname-index
	Holder    string // the epoch of the process

	// Early, if not empty, are the instants of the tasks, which may then be claimed up to
	// MaxLead before. One that has another instant by now is not claimed.
	Early []time.Time
}

// MaxLead is how long before its instant a task may be claimed at most. Its holder
// waits for the instant, or for MaxLead after the claim: it has come then too.
const MaxLead = 20 * time.Millisecond

// NewClaim returns a claim with a fresh token.
func NewClaim(processor, holder string) Claim {
	return Claim{Token: bson.NewObjectID(), Processor: processor, Holder: holder}
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
// server's clock, or soon enough, or already ours because the same statement was
// sent before.
func claimable(ids bson.E, cl Claim) bson.D {
	waiting := bson.D{{Key: "state", Value: Request}}
	var now any = "$$NOW"
	if len(cl.Early) > 0 {
		waiting = append(waiting, bson.E{Key: "tsRequest", Value: in(cl.Early)})
		now = bson.D{{Key: "$add", Value: bson.A{now, MaxLead.Milliseconds()}}}
	}
	return bson.D{ids, {Key: "$or", Value: bson.A{
		append(waiting, bson.E{Key: "$expr", Value: bson.D{{Key: "$lte", Value: bson.A{"$tsRequest", now}}}}),
		bson.D{{Key: "state", Value: Working}, {Key: "claim.token", Value: cl.Token}},
	}}}
}

func claimed(cl Claim, more ...bson.E) bson.D {
	set := bson.D{
		{Key: "state", Value: Working}, {Key: "holder", Value: cl.Holder}, {Key: "claim", Value: bson.D{{Key: "token", Value: cl.Token}}},
	}
	if cl.Processor != "" {
		set = append(set, bson.E{Key: "processor", Value: cl.Processor})
	}
	if len(cl.Early) == 1 { // an update of this kind cannot take the later of two times
		return bson.D{{Key: "$set", Value: append(append(set, bson.E{Key: "tsStart", Value: cl.Early[0]}), more...)}}
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
	case tooLarge(err):
		return Lost, s.reject(ctx, c.ID, errTooLarge)
	case err != nil:
		return Lost, err
	case res.MatchedCount == 0:
		return Lost, nil
	}
	return Won, nil
}

// ClaimMany claims tasks without a name by one statement, each for the processor
// at the same place in processors (nil: for none yet), and returns those that were won. The reply
// has only a total: if it is not all of them, one read by token decides.
func (s *Store) ClaimMany(ctx context.Context, ids []ID, processors []string, cl Claim) (map[ID]bool, error) {
	var update any = claimed(cl)
	if processors != nil {
		at := bson.D{{Key: "$indexOfArray", Value: bson.A{literal(ids), "$_id"}}}
		update = mongo.Pipeline{{{Key: "$set", Value: bson.D{
			{Key: "state", Value: Working}, {Key: "holder", Value: literal(cl.Holder)}, {Key: "claim", Value: bson.D{{Key: "token", Value: cl.Token}}},
			{Key: "tsStart", Value: bson.D{{Key: "$max", Value: bson.A{"$$NOW", "$tsRequest"}}}}, {Key: "processor", Value: bson.D{{Key: "$arrayElemAt", Value: bson.A{literal(processors), at}}}},
		}}}}
	}
	send := func() (*mongo.UpdateResult, error) {
		return s.tasks.UpdateMany(ctx, claimable(amongIDs(ids), cl), update)
	}
	res, err := send()
	if tooLarge(err) {
		if err := s.rejectLarge(ctx, ids); err != nil {
			return nil, err
		}
		res, err = send()
	}
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
	cur, err := s.tasks.Find(ctx, bson.D{amongIDs(ids), {Key: "claim.token", Value: token}},
		options.Find().SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return err
	}
	held, err := idsOf(ctx, cur)
	for _, id := range held {
		won[id] = true
	}
	return err
}

// Refuse ends a waiting task: aborted for a singleton whose name is going, error
// for one that cannot run. It reports whether the task was still waiting.
func (s *Store) Refuse(ctx context.Context, id ID, state State, reason string) (bool, error) {
	if state != Aborted && state != Error {
		return false, fmt.Errorf("internal error: a waiting task cannot be refused as %q", state)
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$eq", Value: id}}}, {Key: "state", Value: Request}}
	return s.end(ctx, filter, s.ended(state, reason))
}

// errTooLarge is why a task without room for its own claim ends.
var errTooLarge = &InvalidError{Field: "task", Reason: fmt.Sprintf("must have at most %d bytes", MaxTaskBytes)}

// rejectLarge ends those of the given tasks that no claim fits into.
func (s *Store) rejectLarge(ctx context.Context, ids []ID) error {
	size := bson.D{{Key: "$gt", Value: bson.A{bson.D{{Key: "$bsonSize", Value: "$$ROOT"}}, 15 << 20}}}
	cur, err := s.tasks.Find(ctx, bson.D{amongIDs(ids), {Key: "$expr", Value: size}}, options.Find().SetProjection(asc("_id")))
	if err != nil {
		return err
	}
	large, err := idsOf(ctx, cur)
	for _, id := range large {
		if err := s.reject(ctx, id, errTooLarge); err != nil {
			return err
		}
	}
	return err
}
