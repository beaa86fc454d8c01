package tasks

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// MaxLogBytes is how much of an attempt's log is kept, in bytes of text. The
// oldest lines are dropped.
const MaxLogBytes = 64 << 10

// LogLine is one line that a handler logged.
type LogLine struct {
	At   time.Time `bson:"at" json:"at"`
	Text string    `bson:"text" json:"text"`
}

// TaskLog is a document of the collection taskLogs: the log of one attempt.
type TaskLog struct {
	ID        logID     `bson:"_id" json:"-"`
	Task      ID        `bson:"task" json:"task"`
	Attempt   int       `bson:"attempt" json:"attempt"` // 1 for the first
	Processor string    `bson:"processor" json:"processor"`
	Lines     []LogLine `bson:"lines" json:"lines"`
	Dropped   int64     `bson:"dropped,omitempty" json:"dropped,omitempty"` // lines that did not fit
	Logged    int64     `bson:"logged,omitempty" json:"-"`                  // lines and dropped ones
	ExpireAt  time.Time `bson:"expireAt,omitempty" json:"expireAt,omitzero"`
}

type logID struct {
	Task  ID            `bson:"task"`
	Token bson.ObjectID `bson:"token"`
}

// PutLog writes the log of an attempt as it stands, replacing what was written
// before, unless that is newer: a statement that was given up may still be on its way.
// It is kept as long as its task, at least from now on.
func (s *Store) PutLog(ctx context.Context, h Held, lines []LogLine, dropped int64) error {
	now, err := s.Now(ctx)
	if err != nil {
		return err
	}
	l := TaskLog{
		ID: logID{h.ID, h.Token}, Task: h.ID, Attempt: h.Attempt + 1, Processor: h.Processor,
		Lines: lines, Dropped: dropped, Logged: dropped + int64(len(lines)),
	}
	if keep := s.retention.longest(); keep >= 0 {
		l.ExpireAt = now.Add(keep)
	}
	notNewer := bson.D{{Key: "_id", Value: l.ID}, {Key: "logged", Value: bson.D{{Key: "$not", Value: bson.D{{Key: "$gt", Value: l.Logged}}}}}}
	for range 2 { // the first time it may be that two were there at once
		_, err = s.logs.ReplaceOne(ctx, notNewer, l, options.Replace().SetUpsert(true))
		if !mongo.IsDuplicateKeyError(err) {
			return err
		}
	}
	return nil
}

// CloseLog sets the expiry of an attempt's log to that of a task which ended in
// the given state.
func (s *Store) CloseLog(ctx context.Context, h Held, st State) error {
	now, err := s.Now(ctx)
	if err != nil {
		return err
	}
	update := bson.D{{Key: "$unset", Value: bson.D{{Key: "expireAt", Value: ""}}}}
	if keep := s.retention.of(st); keep >= 0 {
		update = bson.D{{Key: "$set", Value: bson.D{{Key: "expireAt", Value: now.Add(keep)}}}}
	}
	_, err = s.logs.UpdateMany(ctx, bson.D{{Key: "task", Value: h.ID}}, update)
	return err
}

// Logs returns the logs of a task, the first attempt first.
func (s *Store) Logs(ctx context.Context, id ID) ([]TaskLog, error) {
	cur, err := s.logs.Find(ctx, bson.D{{Key: "task", Value: id}}, options.Find().SetSort(asc("attempt", "_id.token")))
	if err != nil {
		return nil, err
	}
	logs := []TaskLog{}
	return logs, cur.All(ctx, &logs)
}

// TrimLog makes a line fit for a log: valid UTF-8, at most 64 KiB.
func TrimLog(line string) string { return trimText(line, MaxLogBytes) }
