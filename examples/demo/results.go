package main

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// results are the demo's own collections, beside those of lgtask:
//
//	files     the counts of each file, _id is its path
//	packages  their sums by package, _id is the package
//	status    the progress and the report
//
// Every write replaces a whole document under a given _id, so a task that runs
// twice leaves what it left the first time.
type results struct{ db *mongo.Database }

// fileResult is a document of files.
type fileResult struct {
	Path    string `bson:"_id"`
	Package string
	Counts  counts `bson:",inline"`
}

// packageResult is a document of packages.
type packageResult struct {
	Package string `bson:"_id"`
	Total   total  `bson:",inline"`
}

// progress is a document of status.
type progress struct {
	Files  int64 // to count
	Done   int64 // of these, counted
	Summed int64 // of these, part of a package's sum
	Failed int64 // tasks that did not succeed
}

// complete reports whether nothing more will come.
func (p progress) complete() bool { return p.Summed == p.Files || p.Failed > 0 }

// The documents of status.
const (
	progressID = "progress"
	reportID   = "report"
)

// prepare creates the index that sums need.
func (r results) prepare(ctx context.Context) error {
	_, err := r.db.Collection("files").Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "package", Value: 1}}})
	return err
}

func (r results) putFile(ctx context.Context, f fileResult) error {
	return r.put(ctx, "files", f.Path, f)
}

func (r results) putProgress(ctx context.Context, p progress) error {
	return r.put(ctx, "status", progressID, p)
}

func (r results) putReport(ctx context.Context, text string) error {
	return r.put(ctx, "status", reportID, bson.D{{Key: "text", Value: text}})
}

func (r results) put(ctx context.Context, collection, id string, doc any) error {
	_, err := r.db.Collection(collection).ReplaceOne(ctx, byID(id), doc, options.Replace().SetUpsert(true))
	return err
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// sumPackage replaces the sum of a package by one of the results there are.
func (r results) sumPackage(ctx context.Context, name string) error {
	sum := func(field string) bson.D { return bson.D{{Key: "$sum", Value: "$" + field}} }
	cur, err := r.db.Collection("files").Aggregate(ctx, bson.A{
		bson.D{{Key: "$match", Value: bson.D{{Key: "package", Value: name}}}},
		bson.D{{Key: "$group", Value: bson.D{
			{Key: "_id", Value: "$package"},
			{Key: "files", Value: bson.D{{Key: "$sum", Value: int64(1)}}},
			{Key: "lines", Value: sum("lines")}, {Key: "words", Value: sum("words")}, {Key: "bytes", Value: sum("bytes")},
		}}},
		bson.D{{Key: "$merge", Value: bson.D{{Key: "into", Value: "packages"}, {Key: "whenMatched", Value: "replace"}}}},
	})
	if err != nil {
		return err
	}
	return cur.Close(ctx)
}

func (r results) countedFiles(ctx context.Context) (int64, error) {
	return r.db.Collection("files").EstimatedDocumentCount(ctx)
}

// summedFiles returns how many files are part of the sums.
func (r results) summedFiles(ctx context.Context) (int64, error) {
	ps, err := r.packages(ctx)
	return sumOf(ps).Files, err
}

// packages returns the sums by package.
func (r results) packages(ctx context.Context) (map[string]total, error) {
	cur, err := r.db.Collection("packages").Find(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	var docs []packageResult
	if err := cur.All(ctx, &docs); err != nil {
		return nil, err
	}
	ps := make(map[string]total, len(docs))
	for _, d := range docs {
		ps[d.Package] = d.Total
	}
	return ps, nil
}

// report returns the text that the task Report wrote.
func (r results) report(ctx context.Context) (string, error) {
	var doc struct{ Text string }
	if err := r.db.Collection("status").FindOne(ctx, byID(reportID)).Decode(&doc); err != nil {
		return "", fmt.Errorf("the report is missing: %w", err)
	}
	return doc.Text, nil
}

// follow calls f for each progress that is written from now on. ready is called
// once it listens. It returns f's error, or that of the stream when ctx ends.
func (r results) follow(ctx context.Context, ready func(), f func(progress) error) error {
	stream, err := r.db.Collection("status").Watch(ctx, bson.A{
		bson.D{{Key: "$match", Value: bson.D{{Key: "documentKey._id", Value: progressID}}}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close(context.WithoutCancel(ctx)) }() // the server ends it after 10 minutes all the same
	ready()
	for stream.Next(ctx) {
		var event struct {
			FullDocument progress `bson:"fullDocument"`
		}
		if err := stream.Decode(&event); err != nil {
			return err
		}
		if err := f(event.FullDocument); err != nil {
			return err
		}
	}
	return stream.Err()
}
