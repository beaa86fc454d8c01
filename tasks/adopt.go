package tasks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// errForeign is returned by checkWaiting for a document that Adopt has to
// complete first.
var errForeign = errors.New("not adopted yet")

// checkWaiting looks at a waiting document (or at a candidate's projection of
// it) as anybody may have written it. It returns errForeign if fields are
// missing and *InvalidError if a present one is unusable.
func checkWaiting(raw bson.Raw) error {
	if _, err := idOf(raw.Lookup("_id")); err != nil {
		return err
	}
	class, ok := raw.Lookup("taskClass").StringValueOK()
	if !ok {
		return wrongType(raw, "taskClass", "a string")
	}
	if err := CheckClass(class); err != nil {
		return err
	}
	if err := checkTypes(raw); err != nil {
		return err
	}
	for _, f := range neededFields {
		if absent(raw.Lookup(f)) {
			return errForeign
		}
	}
	return nil
}

// neededFields are those that an adopted document has.
var neededFields = []string{"priority", "tsRequest", "tsInsert", "taskName"}

// checkTypes checks the fields that are present.
func checkTypes(raw bson.Raw) error {
	for _, f := range []struct {
		name, want string
		ok         func(bson.RawValue) bool
	}{
		{"taskName", "a string", isType(bson.TypeString)},
		{"kwargs", "a document", isType(bson.TypeEmbeddedDocument)},
		{"tsRequest", "a date", isType(bson.TypeDateTime)},
		{"tsInsert", "a date", isType(bson.TypeDateTime)},
		{"priority", fmt.Sprintf("a whole number from %d to %d", MinPriority, MaxPriority), isWhole(MinPriority, MaxPriority)},
		{"attempt", "a whole number, 0 or more", isWhole(0, math.MaxInt32)},
		{"maxAttempts", "a whole number, 0 or more", isWhole(0, math.MaxInt32)},
		{"crashes", "a whole number, 0 or more", isWhole(0, math.MaxInt32)},
		{"pendingKey", "a string", isType(bson.TypeString)},
		{"runningKey", "a string", isType(bson.TypeString)},
		{"schedule", "a document", isType(bson.TypeEmbeddedDocument)},
	} {
		if v := raw.Lookup(f.name); !absent(v) && !f.ok(v) {
			return wrongType(raw, f.name, f.want)
		}
	}
	if name, ok := raw.Lookup("taskName").StringValueOK(); ok {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	if kw, ok := raw.Lookup("kwargs").DocumentOK(); ok {
		return CheckKwargs(kw)
	}
	return nil
}

// absent treats null as a missing field: that is how many languages write one.
func absent(v bson.RawValue) bool { return v.Type == 0 || v.Type == bson.TypeNull }

func isType(t bson.Type) func(bson.RawValue) bool {
	return func(v bson.RawValue) bool { return v.Type == t }
}

func isWhole(lo, hi float64) func(bson.RawValue) bool {
	return func(v bson.RawValue) bool {
		var f float64
		switch v.Type {
		case bson.TypeInt32:
			f = float64(v.Int32())
		case bson.TypeInt64:
			f = float64(v.Int64())
		case bson.TypeDouble:
			f = v.Double()
		default:
			return false
		}
		return f == math.Trunc(f) && f >= lo && f <= hi
	}
}

func wrongType(raw bson.Raw, field, want string) error {
	v := raw.Lookup(field)
	if absent(v) {
		return &InvalidError{Field: field, Reason: "is missing; it must be " + want}
	}
	return &InvalidError{Field: field, Value: shorten(v.String()), Reason: "must be " + want + ", not " + v.Type.String()}
}

// Adopt completes a document that was inserted by hand, so that it can be
// claimed, or ends it as an error with the reason if it cannot be a task. It
// returns the candidate, or ErrNotFound if there is nothing to run: ended, taken
// by somebody else, or gone.
func (s *Store) Adopt(ctx context.Context, id ID) (Candidate, error) {
	raw, err := s.tasks.FindOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}}).Raw()
	if err == mongo.ErrNoDocuments {
		return Candidate{}, ErrNotFound
	}
	if err != nil {
		return Candidate{}, err
	}
	return s.adopt(ctx, raw, checkWaiting(raw))
}

// adopt acts on what checkWaiting said of a document.
func (s *Store) adopt(ctx context.Context, raw bson.Raw, verdict error) (Candidate, error) {
	v := raw.Lookup("_id")
	id := ID{v.Type, string(v.Value)}
	switch {
	case verdict == errForeign:
		if err := s.fillIn(ctx, id); err != nil {
			return Candidate{}, err
		}
	case verdict != nil:
		if err := s.reject(ctx, id, verdict); err != nil {
			return Candidate{}, err
		}
		return Candidate{}, ErrNotFound
	}
	return s.Candidate(ctx, id)
}

// fillIn completes the waiting document of an _id.
func (s *Store) fillIn(ctx context.Context, id ID) error {
	_, err := s.tasks.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}, {Key: "state", Value: Request}}, completion)
	return err
}

// completion sets what is missing in a document that was inserted by hand.
var completion = mongo.Pipeline{{{Key: "$set", Value: bson.D{
	ifMissing("v", Version), ifMissing("taskName", ""), ifMissing("kwargs", literal(bson.D{})), ifMissing("priority", 0),
	ifMissing("tsInsert", "$$NOW"), ifMissing("tsRequest", "$$NOW"),
}}}}

func ifMissing(field string, value any) bson.E {
	return bson.E{Key: field, Value: bson.D{{Key: "$ifNull", Value: bson.A{"$" + field, value}}}}
}

// reject ends a malformed waiting document as an error that says why.
func (s *Store) reject(ctx context.Context, id ID, cause error) error {
	_, err := s.Refuse(ctx, id, Error, "malformed task: "+cause.Error())
	return err
}

// Foreign returns the waiting documents of the given classes that Candidates
// does not see since priority or tsRequest is missing or unusable, and those
// whose taskClass is no string. Each is for Adopt; AdoptMany does both at once.
func (s *Store) Foreign(ctx context.Context, classes []string, limit int) ([]ID, error) {
	cur, err := s.tasks.Find(ctx, foreignOf(classes), options.Find().SetLimit(int64(limit)).SetHint(claimIndex).SetProjection(asc("_id")))
	if err != nil {
		return nil, err
	}
	return idsOf(ctx, cur)
}

// foreignOf selects what Foreign returns.
func foreignOf(classes []string) bson.D {
	// "not at least" is the index's complement of a range: it finds values of
	// every other type, and missing ones.
	not := func(op string, v any) bson.D {
		return bson.D{{Key: "$not", Value: bson.D{{Key: op, Value: v}}}}
	}
	ours := bson.E{Key: "taskClass", Value: in(classes)}
	usable := bson.E{Key: "priority", Value: bson.D{{Key: "$gte", Value: MinPriority}, {Key: "$lte", Value: MaxPriority}}}
	return bson.D{{Key: "state", Value: Request}, {Key: "$or", Value: bson.A{
		bson.D{ours, {Key: "priority", Value: not("$gte", MinPriority)}},
		bson.D{ours, {Key: "priority", Value: not("$lte", MaxPriority)}},
		bson.D{ours, usable, {Key: "tsRequest", Value: not("$gte", time.UnixMilli(math.MinInt64))}},
		bson.D{{Key: "taskClass", Value: not("$gte", "")}},
	}}}
}

// idsOf reads the _ids of what a query returned.
func idsOf(ctx context.Context, cur *mongo.Cursor) ([]ID, error) {
	var docs []struct {
		ID ID `bson:"_id"`
	}
	if err := cur.All(ctx, &docs); err != nil {
		return nil, err
	}
	ids := make([]ID, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	return ids, nil
}
