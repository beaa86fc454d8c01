package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// EventKind says what an event is about.
type EventKind int

// The kinds of events.
const (
	Inserted EventKind = iota // a waiting task was inserted: Candidate or Foreign is set
	Changed                   // a waiting task changed (given back, moved): read it by ID
	Killed                    // somebody asked for a running task to be stopped
	Freed                     // a named run ended: Key is free
)

// Event is a change that a processor may have to act on. An event is a hint: by
// the time it is handled the task may have moved on.
type Event struct {
	Kind      EventKind
	ID        ID
	Candidate *Candidate // of Inserted, unless Foreign
	Foreign   bool       // of Inserted: the document must be adopted first
	TaskClass string     // of Inserted, if it could be read
	Key       string     // of Freed
}

// ErrInvalidated is returned by Stream.Next after the collection was dropped or
// renamed. The collection and its indexes must be created again first.
var ErrInvalidated = errors.New("the collection tasks was dropped or renamed")

// StreamWait is how long the server holds a request for the next event when
// there is none.
const StreamWait = 5 * time.Second

// Stream is an open change stream on the collection tasks. It belongs to one
// goroutine.
type Stream struct {
	cs    *mongo.ChangeStream
	store *Store
	left  []int64 // cursors that the driver may have left on the server
}

// OpenStream opens a change stream that starts now. No token is kept and no
// start time in the past is used: the documents are the state, and who opens a
// stream then reads them.
func (s *Store) OpenStream(ctx context.Context) (*Stream, error) {
	cs, err := s.tasks.Watch(ctx, streamPipeline, options.ChangeStream().SetMaxAwaitTime(StreamWait))
	if err != nil {
		return nil, err
	}
	// What cannot be closed now is kept for the next time.
	_ = s.closeCursors(ctx, s.left.take())
	return &Stream{cs: cs, store: s}, nil
}

// Next waits up to StreamWait for the next event; ok is false if there was none.
// ctx must not have a deadline shorter than that, since one that ends inside
// the driver's call ends the stream. After an error the stream is unusable.
func (st *Stream) Next(ctx context.Context) (ev Event, ok bool, err error) {
	cursor := st.cs.ID()
	got := st.cs.TryNext(ctx)
	if now := st.cs.ID(); st.cs.Err() != nil || now != 0 && now != cursor { // resumed, in the latter case
		st.left = append(st.left, cursor)
	}
	if !got {
		if err := st.cs.Err(); err != nil {
			return Event{}, false, err
		}
		if st.cs.ID() == 0 {
			return Event{}, false, ErrInvalidated
		}
		return Event{}, false, nil
	}
	ev, ok = decodeEvent(st.cs.Current)
	if !ok && st.cs.Current.Lookup("operationType").StringValue() == "invalidate" {
		return Event{}, false, ErrInvalidated
	}
	return ev, ok, nil
}

// Close closes the stream and its cursors on the server. When a context ends
// inside Next, the driver drops the connection, forgets the cursor's ID and asks
// the server with the ended context to close it, which sends nothing; when the
// server cannot be reached, it asks once and forgets it too. So cursors are closed by
// their IDs here, or else when the store opens its next stream.
func (st *Stream) Close(ctx context.Context) error {
	cursor := st.cs.ID()
	err := st.cs.Close(ctx)
	if err != nil && cursor != 0 {
		st.left = append(st.left, cursor)
	}
	left := st.left
	st.left = nil
	return errors.Join(err, st.store.closeCursors(ctx, left))
}

// streamPipeline lets through what a processor may have to act on, and of that
// only small fields: an event above 16 MB would end the stream.
var streamPipeline = mongo.Pipeline{
	{{Key: "$match", Value: bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "operationType", Value: in([]string{"insert", "replace"})}, {Key: "fullDocument.state", Value: Request}},
		bson.D{{Key: "operationType", Value: "update"}, {Key: "$or", Value: bson.A{
			bson.D{{Key: "updateDescription.updatedFields.state", Value: in([]State{Request, Kill})}},
			bson.D{{Key: "updateDescription.updatedFields.tsRequest", Value: bson.D{{Key: "$exists", Value: true}}}},
			bson.D{{Key: "updateDescription.updatedFields.lastKey", Value: bson.D{{Key: "$exists", Value: true}}}},
		}}},
		bson.D{{Key: "operationType", Value: "invalidate"}},
	}}}}},
	{{Key: "$project", Value: append(bson.D{
		{Key: "operationType", Value: 1}, {Key: "documentKey", Value: 1},
		{Key: "updateDescription.updatedFields.state", Value: 1},
		{Key: "updateDescription.updatedFields.lastKey", Value: 1},
		{Key: "fullDocument._id", Value: 1},
		{Key: "fullDocument.kwargs", Value: smallKwargs("$fullDocument.kwargs")},
		{Key: "kwargsType", Value: bson.D{{Key: "$type", Value: "$fullDocument.kwargs"}}},
	}, eventFields()...)}},
}

// eventFields are the candidate's fields but for kwargs.
func eventFields() bson.D {
	d := bson.D{}
	for _, f := range candidateProjection {
		if f.Key != "kwargs" {
			d = append(d, bson.E{Key: "fullDocument." + f.Key, Value: 1})
		}
	}
	return d
}

// decodeEvent reads a change document. Unknown kinds are not events.
func decodeEvent(raw bson.Raw) (Event, bool) {
	op, _ := raw.Lookup("operationType").StringValueOK()
	var ev Event
	if key, ok := raw.Lookup("documentKey").DocumentOK(); ok {
		v := key.Lookup("_id")
		ev.ID = ID{v.Type, string(v.Value)}
	}
	switch op {
	case "insert", "replace":
		full, ok := raw.Lookup("fullDocument").DocumentOK()
		if !ok {
			return Event{}, false
		}
		return inserted(ev, slices.Clone(full), raw.Lookup("kwargsType")), true
	case "update":
		updated, _ := raw.Lookup("updateDescription", "updatedFields").DocumentOK()
		if key, ok := updated.Lookup("lastKey").StringValueOK(); ok {
			ev.Kind, ev.Key = Freed, key
			return ev, true
		}
		ev.Kind = Changed
		if st, ok := updated.Lookup("state").StringValueOK(); ok && State(st) == Kill {
			ev.Kind = Killed
		}
		return ev, true
	}
	return Event{}, false
}

func inserted(ev Event, full bson.Raw, kwargsType bson.RawValue) Event {
	ev.Kind = Inserted
	ev.TaskClass, _ = full.Lookup("taskClass").StringValueOK()
	c, err := decodeCandidate(full)
	if kind, _ := kwargsType.StringValueOK(); err != nil || kind != "object" {
		ev.Foreign = true
		return ev
	}
	ev.Candidate = &c
	return ev
}
