package tasks

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Outcome is how an attempt ended.
type Outcome struct {
	// State is Success, Error or Aborted, or Request to give the task back.
	State State
	// LastLog is the handler's last line, or the reason of a failure.
	LastLog string
	// Failure is the text of an error to add to the task's history.
	Failure string
	// Delay is how long a task that is given back waits, by the server's clock.
	Delay time.Duration
	// Spent says that the attempt counts against maxAttempts.
	Spent bool
	// Unstarted, with Request, says that nothing ran: the task waits again where
	// it did.
	Unstarted bool
}

// Held is a claimed task as its holder knows it.
type Held struct {
	Candidate
	Claim
	Key       string // runningKey, "" for a task without a name
	Ahead     bool   // claimed without a processor, which is written with the end
	StartedAt time.Time
}

// Finish writes the outcome of an attempt. It matches only while the claim's
// token is the task's; ErrFenced means that it is not, and that nothing was
// written. Finishing twice with one token succeeds once more without a write.
// A task that somebody asked to kill is neither given back nor aborted: it ends
// as an error, or as a success if it got that far.
func (s *Store) Finish(ctx context.Context, h Held, o Outcome) error {
	if !Working.Allows(o.State) || o.State == Kill {
		return fmt.Errorf("internal error: an attempt cannot end as %q", o.State)
	}
	from := []State{Working}
	if Kill.Allows(o.State) {
		from = append(from, Kill)
	}
	filter := bson.D{{Key: "_id", Value: h.ID}, {Key: "claim.token", Value: h.Token}, {Key: "state", Value: in(from)}}
	if ok, err := s.end(ctx, filter, s.finished(h, o)); ok || err != nil {
		return err
	}
	return s.unmatched(ctx, h, o)
}

// unmatched finds out why a completion matched nothing.
func (s *Store) unmatched(ctx context.Context, h Held, o Outcome) error {
	t, err := s.findOne(ctx, bson.D{{Key: "_id", Value: h.ID}, {Key: "claim.token", Value: h.Token}})
	switch {
	case err == ErrNotFound:
		return ErrFenced
	case err != nil:
		return err
	case t.State == Kill && !Kill.Allows(o.State):
		return s.Finish(ctx, h, Outcome{State: Error, LastLog: "killed", Failure: "killed", Spent: o.Spent})
	case t.State.Final() || t.State == Request:
		return nil // the same completion, sent before
	}
	return ErrFenced
}

func (s *Store) finished(h Held, o Outcome) mongo.Pipeline {
	if o.Unstarted {
		return mongo.Pipeline{{{Key: "$set", Value: bson.D{{Key: "state", Value: Request}, {Key: "holder", Value: "$$REMOVE"}}}}}
	}
	// One stage: a second one for $unset costs the server a tenth of the whole.
	set := bson.D{{Key: "state", Value: o.State}, {Key: "holder", Value: "$$REMOVE"}, {Key: "lastLog", Value: literal(trimText(o.LastLog, maxLastLog))}}
	if h.Ahead {
		set = append(set, bson.E{Key: "processor", Value: literal(h.Processor)})
	}
	// Counted from the document: the candidate may have been an older offer.
	attempt := any(bson.D{{Key: "$ifNull", Value: bson.A{"$attempt", 0}}})
	if o.Spent {
		attempt = bson.D{{Key: "$add", Value: bson.A{attempt, 1}}}
		set = append(set, bson.E{Key: "attempt", Value: attempt})
	}
	if o.Failure != "" {
		set = append(set, bson.E{Key: "errors", Value: pushError(attempt, o.Failure)})
	}
	if o.State == Request {
		set = append(set, bson.E{Key: "tsRequest", Value: add("$$NOW", o.Delay)})
		return mongo.Pipeline{{{Key: "$set", Value: set}}}
	}
	set = append(set, bson.E{Key: "tsStop", Value: "$$NOW"}, bson.E{Key: "expireAt", Value: s.retention.expiry(o.State)})
	if h.Key != "" {
		// lastKey tells every stream that the name is free.
		set = append(set, bson.E{Key: "lastKey", Value: literal(h.Key)}, bson.E{Key: "runningKey", Value: "$$REMOVE"})
	}
	return mongo.Pipeline{{{Key: "$set", Value: set}}}
}

// ended is the update that ends a waiting task.
func (s *Store) ended(state State, reason string) mongo.Pipeline {
	set := bson.D{
		{Key: "state", Value: state}, {Key: "lastLog", Value: literal(trimText(reason, maxLastLog))},
		{Key: "tsStop", Value: "$$NOW"}, {Key: "expireAt", Value: s.retention.expiry(state)},
	}
	if state == Error {
		set = append(set, bson.E{Key: "errors", Value: pushError(0, reason)})
	}
	// A run that waits between two attempts holds its name: set it free too.
	set = append(set, bson.E{Key: "lastKey", Value: bson.D{{Key: "$ifNull", Value: bson.A{"$runningKey", "$$REMOVE"}}}})
	return mongo.Pipeline{{{Key: "$set", Value: set}}, {{Key: "$unset", Value: bson.A{"pendingKey", "runningKey", "holder"}}}}
}

// end sends an update made by finished or ended and reports whether it matched.
// A document by hand may be as large as the server stores, without room for its
// end: then only the fields that tell what happened are kept.
func (s *Store) end(ctx context.Context, filter bson.D, update mongo.Pipeline) (bool, error) {
	res, err := s.tasks.UpdateOne(ctx, filter, update)
	if tooLarge(err) {
		res, err = s.tasks.UpdateOne(ctx, filter, append(update, bson.D{{Key: "$project", Value: asc(
			"v", "taskClass", "taskName", "state", "priority", "tsInsert", "tsRequest", "tsStart", "tsStop", "processor", "claim", "attempt",
			"maxAttempts", "crashes", "lastLog", "errors", "runningKey", "lastKey", "schedule", "asked", "expireAt")}}))
	}
	if err != nil {
		return false, err
	}
	return res.MatchedCount == 1, nil
}

// pushError appends to the bounded history. errors may hold anything in a
// foreign document; what is no array is dropped.
func pushError(attempt any, text string) bson.D {
	e := bson.D{{Key: "at", Value: "$$NOW"}, {Key: "attempt", Value: attempt}, {Key: "text", Value: literal(trimText(text, maxErrorText))}}
	old := bson.D{{Key: "$cond", Value: bson.A{bson.D{{Key: "$isArray", Value: "$errors"}}, "$errors", bson.A{}}}}
	return bson.D{{Key: "$slice", Value: bson.A{bson.D{{Key: "$concatArrays", Value: bson.A{old, bson.A{e}}}}, -maxErrors}}}
}

// literal keeps text from being read as a field path or a variable of the
// pipeline: a log line "$$NOW" must stay a log line.
func literal(v any) bson.D { return bson.D{{Key: "$literal", Value: v}} }

func add(expr any, d time.Duration) bson.D {
	ms := (d + time.Millisecond - 1).Milliseconds()
	return bson.D{{Key: "$add", Value: bson.A{expr, ms}}}
}

// Note writes the last log line and the progress of a running task, by token.
// It returns ErrFenced if the claim is no longer held.
func (s *Store) Note(ctx context.Context, h Held, lastLog string, progress any) error {
	set := bson.D{}
	if lastLog != "" {
		set = append(set, bson.E{Key: "lastLog", Value: trimText(lastLog, maxLastLog)})
	}
	if progress != nil {
		set = append(set, bson.E{Key: "progress", Value: progress})
	}
	if h.Ahead {
		set = append(set, bson.E{Key: "processor", Value: h.Processor})
	}
	if len(set) == 0 {
		return nil
	}
	res, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: h.ID}, {Key: "claim.token", Value: h.Token}, {Key: "state", Value: in([]State{Working, Kill})}},
		bson.D{{Key: "$set", Value: set}})
	if err == nil && res.MatchedCount == 0 {
		return ErrFenced
	}
	return err
}
