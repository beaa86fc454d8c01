package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// Bounds of one insert command, for those who put many tasks into one. Larger
// ones gain nothing and keep other clients of the server waiting: of a thousand
// tasks in two commands the server begins with the first while the second is
// encoded, which takes three quarters of the time of one command.
const (
	MaxInsertDocs  = 500
	MaxInsertBytes = 8 << 20
)

var emptyDocument = bson.Raw{5, 0, 0, 0, 0}

// Doc is a waiting task that is ready to be sent: filled in, checked and encoded.
type Doc struct {
	ID  ID
	raw bson.Raw
}

// Size is the length of the document in bytes.
func (d Doc) Size() int { return len(d.raw) }

// Ready fills in and checks a waiting task and encodes it. A zero ID, V, State and
// TsInsert are filled in; one due in the past is due now. Errors: *InvalidError;
// one of the driver if the server's time is not known yet.
func (s *Store) Ready(ctx context.Context, t *Task) (Doc, error) {
	if err := s.complete(ctx, t); err != nil {
		return Doc{}, err
	}
	raw, err := t.encode()
	if err != nil {
		return Doc{}, &InvalidError{Field: "task", Reason: err.Error()}
	}
	return Doc{ID: t.ID, raw: raw}, nil
}

// Insert adds waiting tasks: all, or none if one is refused. They are filled in
// as Ready does. Errors: *InvalidError; a write error of the driver.
func (s *Store) Insert(ctx context.Context, ts ...*Task) error {
	docs := make([]Doc, len(ts))
	for i, t := range ts {
		var err error
		if docs[i], err = s.Ready(ctx, t); err != nil {
			return err
		}
	}
	switch len(docs) {
	case 0:
		return nil
	case 1:
		_, err := s.tasks.InsertOne(ctx, docs[0].raw)
		return err
	}
	_, err := s.tasks.InsertMany(ctx, raws(docs))
	return err
}

// InsertDocs adds the documents in one command, each whatever becomes of the
// others. It returns nil if all were inserted, else an error or nil for each: a
// mongo.WriteException if the server refused that document, else what happened
// to the command; see OutcomeUnknown. In a transaction one refused document ends
// the transaction.
func (s *Store) InsertDocs(ctx context.Context, docs []Doc) []error {
	var err error
	switch len(docs) {
	case 0:
		return nil
	case 1:
		_, err = s.tasks.InsertOne(ctx, docs[0].raw)
	default:
		_, err = s.tasks.InsertMany(ctx, raws(docs), options.InsertMany().SetOrdered(false))
	}
	if err == nil {
		return nil
	}
	errs := make([]error, len(docs))
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	for _, e := range bulk.WriteErrors {
		errs[e.Index] = mongo.WriteException{WriteErrors: mongo.WriteErrors{e.WriteError}, WriteConcernError: bulk.WriteConcernError, Labels: bulk.Labels}
	}
	if bulk.WriteConcernError == nil {
		return errs
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = mongo.WriteException{WriteConcernError: bulk.WriteConcernError, Labels: bulk.Labels}
		}
	}
	return errs
}

func raws(docs []Doc) []bson.Raw {
	rs := make([]bson.Raw, len(docs))
	for i, d := range docs {
		rs[i] = d.raw
	}
	return rs
}

// refusals are the codes of commands that the server refuses as a whole before it
// writes anything. With any other it may have been stopped half way.
var refusals = []int{
	13,   // Unauthorized
	18,   // AuthenticationFailed
	20,   // IllegalOperation: a stand-alone server knows no retryable writes
	73,   // InvalidNamespace
	166,  // CommandNotSupportedOnView
	8000, // AtlasError: over quota, and others
}

// OutcomeUnknown reports whether an insert that failed with err may have been
// done all the same, or may yet be: after everything but what the server refused
// and what was never sent.
func OutcomeUnknown(err error) bool {
	var unsent topology.ServerSelectionError
	var full topology.WaitQueueTimeoutError
	var refused mongo.WriteException
	var failed mongo.CommandError
	switch {
	case err == nil, errors.Is(err, mongo.ErrClientDisconnected), errors.As(err, &unsent), errors.As(err, &full):
		return false
	case errors.As(err, &refused):
		// A document that was not refused is written, and one that is refused
		// for its _id has another in its place; but if the majority did not
		// confirm that, it can be rolled back.
		return refused.WriteConcernError != nil || len(refused.WriteErrors) == 0
	case errors.As(err, &failed):
		return !slices.ContainsFunc(refusals, failed.HasErrorCode)
	}
	return true
}

// InTransaction reports whether ctx carries a session with a transaction under
// way. There a refused insert is the transaction's end, so that statements which
// count on a unique index have to look first.
func InTransaction(ctx context.Context) bool {
	sess := mongo.SessionFromContext(ctx)
	return sess != nil && sess.TransactionRunning()
}

// complete fills in and checks a task that is about to be inserted.
func (s *Store) complete(ctx context.Context, t *Task) error {
	now, err := s.Now(ctx)
	if err != nil {
		return err
	}
	if t.ID.IsZero() {
		t.ID = NewID()
	}
	t.V, t.State, t.TsInsert = Version, Request, now
	if t.TsRequest.Before(now) {
		t.TsRequest = now
	}
	t.TsRequest = ceilMilli(t.TsRequest)
	if t.Kwargs == nil {
		t.Kwargs = emptyDocument
	}
	return t.check()
}

// ceilMilli rounds up to the resolution of a BSON date, so that nothing runs
// before the instant that was asked for.
func ceilMilli(t time.Time) time.Time {
	if f := t.Truncate(time.Millisecond); f.Before(t) {
		return f.Add(time.Millisecond)
	}
	return t
}
