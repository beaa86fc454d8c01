package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// AdoptMany is Adopt for up to limit of the documents that Foreign finds: those
// that can be tasks are completed by one statement, the others are ended one by
// one. It returns the candidates, without order, and how many documents it found:
// fewer than limit means that no more are left.
func (s *Store) AdoptMany(ctx context.Context, classes []string, limit int) (cs []Candidate, found int, err error) {
	return s.adoptAll(ctx, foreignOf(classes), options.Find().SetLimit(int64(limit)).SetHint(claimIndex))
}

// AdoptThese is Adopt for several documents, a few hundred at most. It returns the
// candidates, without order; an ID of which Adopt would return ErrNotFound has
// none.
func (s *Store) AdoptThese(ctx context.Context, ids []ID) ([]Candidate, error) {
	cs, _, err := s.adoptAll(ctx, bson.D{amongIDs(ids), {Key: "state", Value: Request}}, options.Find())
	return cs, err
}

func (s *Store) adoptAll(ctx context.Context, filter bson.D, o *options.FindOptionsBuilder) (cs []Candidate, found int, err error) {
	cur, err := s.tasks.Find(ctx, filter, o)
	if err != nil {
		return nil, 0, err
	}
	ids, found, err := s.sift(ctx, cur)
	if err != nil || len(ids) == 0 {
		return nil, found, err
	}
	these := amongIDs(ids)
	if _, err := s.tasks.UpdateMany(ctx, bson.D{these, {Key: "state", Value: Request}, unadopted()}, completion); err != nil {
		return nil, found, err
	}
	// Read them as they are now, which need not be as they were.
	cs, _, err = s.candidates(ctx, bson.D{these, {Key: "state", Value: Request}}, options.Find())
	return cs, found, err
}

// sift returns the IDs of those documents that are tasks, or can become some, and
// ends the others. The cursor holds a batch of them in memory, not all.
func (s *Store) sift(ctx context.Context, cur *mongo.Cursor) (ids []ID, found int, err error) {
	defer cur.Close(ctx)
	for cur.Next(ctx) {
		found++
		v := cur.Current.Lookup("_id")
		id := ID{v.Type, string(v.Value)}
		verdict := checkWaiting(cur.Current)
		if verdict == errForeign && len(cur.Current) > largestAdoptable {
			verdict = errTooLarge
		}
		if verdict == nil || verdict == errForeign {
			ids = append(ids, id)
		} else if err := s.reject(ctx, id, verdict); err != nil {
			return nil, found, err
		}
	}
	return ids, found, cur.Err()
}

// largestAdoptable is the size, in bytes, of the largest document that is sure to
// have room for what it lacks: one that has not would end the statement.
const largestAdoptable = 15 << 20

// unadopted is the condition that one of the needed fields is missing or null.
func unadopted() bson.E {
	var missing bson.A
	for _, f := range neededFields {
		missing = append(missing, bson.D{{Key: f, Value: nil}})
	}
	return bson.E{Key: "$or", Value: missing}
}
