package tasks

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

func runOn(rp *readpref.ReadPref) *options.RunCmdOptionsBuilder {
	return options.RunCmd().SetReadPreference(rp)
}

// Prepare creates the collections and indexes that are missing. It is safe to
// call at any time and by several processes at once, and must have succeeded
// before a stream is opened or a task is claimed: without the unique indexes the
// promises about names do not hold. It returns *ForeignError if the database
// holds another program's tasks or a newer layout.
func (s *Store) Prepare(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil {
		return err
	}
	if err := s.create(ctx, s.tasks.Name(), options.CreateCollection().SetValidator(schema).SetValidationLevel("moderate")); err != nil {
		return err
	}
	for _, c := range []*mongo.Collection{s.schedules, s.logs, s.processors} {
		if err := s.create(ctx, c.Name(), options.CreateCollection()); err != nil {
			return err
		}
	}
	if err := ensureIndexes(ctx, s.tasks, taskIndexes()); err != nil {
		return err
	}
	return ensureIndexes(ctx, s.logs, logIndexes())
}

func (s *Store) create(ctx context.Context, name string, o *options.CreateCollectionOptionsBuilder) error {
	err := s.db.CreateCollection(ctx, name, o)
	var ce mongo.CommandError
	if errors.As(err, &ce) && ce.Code == 48 { // NamespaceExists
		return nil
	}
	if err != nil {
		return fmt.Errorf("creating the collection %s: %w", name, err)
	}
	return nil
}

// schema is the least that a document needs to be told what is wrong with it.
// Everything else is checked when the task is adopted, so that the reason can
// be written into it. But an array in an indexed field would make the index
// multikey for good, and then no index sorts: with one array among 100,000 tasks
// every look for due or upcoming ones read all of them. A collection that
// existed before keeps its own rules.
var schema = bson.D{{Key: "$jsonSchema", Value: bson.D{
	{Key: "bsonType", Value: "object"},
	{Key: "required", Value: bson.A{"taskClass", "state"}},
	{Key: "properties", Value: bson.D{
		{Key: "taskClass", Value: noArray}, {Key: "tsRequest", Value: noArray},
		{Key: "v", Value: numeric}, {Key: "priority", Value: numeric}, {Key: "attempt", Value: numeric},
		{Key: "maxAttempts", Value: numeric}, {Key: "crashes", Value: numeric},
	}},
}}}

var noArray = bson.D{{Key: "not", Value: bson.D{{Key: "bsonType", Value: "array"}}}}

// numeric lets null pass: it counts as a missing field, see Adopt.
var numeric = bson.D{{Key: "bsonType", Value: bson.A{"number", "null"}}}

// checkForeign refuses a collection in which documents have no taskClass. It
// reads the whole collection, so it runs once in a database's life: before meta
// is written.
func (s *Store) checkForeign(ctx context.Context) error {
	var d bson.D
	err := s.tasks.FindOne(ctx, bson.D{{Key: "taskClass", Value: bson.D{{Key: "$exists", Value: false}}}, {Key: "state", Value: bson.D{{Key: "$exists", Value: false}}}},
		options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Decode(&d)
	switch {
	case err == mongo.ErrNoDocuments:
		return nil
	case err != nil:
		return fmt.Errorf("looking at the collection %s: %w", s.tasks.Name(), err)
	}
	return &ForeignError{Collection: s.tasks.Name(),
		Reason: "holds documents without a taskClass, so it belongs to another program; set LGTASK_PREFIX (for example \"lg_\") to use other collections"}
}

// checkVersion refuses a layout newer than ours and records ours.
func (s *Store) checkVersion(ctx context.Context) error {
	var doc struct {
		Version int `bson:"version"`
	}
	id := bson.D{{Key: "_id", Value: "lgtask"}}
	for range 3 {
		err := s.meta.FindOne(ctx, id).Decode(&doc)
		switch {
		case err == nil && doc.Version > Version:
			return &ForeignError{Collection: s.meta.Name(),
				Reason: fmt.Sprintf("layout version %d is newer than this program's %d; update the program", doc.Version, Version)}
		case err == nil:
			return nil
		case err != mongo.ErrNoDocuments:
			return fmt.Errorf("reading %s: %w", s.meta.Name(), err)
		}
		if err := s.checkForeign(ctx); err != nil {
			return err
		}
		_, err = s.meta.InsertOne(ctx, bson.D{{Key: "_id", Value: "lgtask"}, {Key: "version", Value: Version}})
		if err == nil {
			return nil
		}
		if !mongo.IsDuplicateKeyError(err) {
			return fmt.Errorf("writing %s: %w", s.meta.Name(), err)
		}
	}
	return fmt.Errorf("reading %s: changed under us", s.meta.Name())
}
