package tasks

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Version is the layout this package writes, in the field v of every document
// and in the collection meta.
const Version = 1

// Bounds of a priority. Higher runs first; the default is 0.
const (
	MinPriority = -100
	MaxPriority = 100
)

const (
	maxNameBytes = 512     // of taskClass and of taskName
	maxErrors    = 5       // errors kept in a task
	maxErrorText = 4 << 10 // bytes of each
	maxLastLog   = 1 << 10 // bytes of lastLog
)

// NoLog is the lastLog of a task whose handler logged nothing.
const NoLog = "(no log)"

// Task is a document of the collection tasks.
type Task struct {
	ID          ID          `bson:"_id" json:"id"`
	V           int         `bson:"v" json:"v"`
	TaskClass   string      `bson:"taskClass" json:"taskClass"`
	TaskName    string      `bson:"taskName" json:"taskName"`
	Kwargs      bson.Raw    `bson:"kwargs" json:"-"`
	State       State       `bson:"state" json:"state"`
	Priority    int         `bson:"priority" json:"priority"`
	TsInsert    time.Time   `bson:"tsInsert" json:"tsInsert"`
	TsRequest   time.Time   `bson:"tsRequest" json:"tsRequest"` // due
	TsStart     time.Time   `bson:"tsStart,omitempty" json:"tsStart,omitzero"`
	TsStop      time.Time   `bson:"tsStop,omitempty" json:"tsStop,omitzero"`
	Processor   string      `bson:"processor,omitempty" json:"processor,omitempty"`
	Holder      string      `bson:"holder,omitempty" json:"holder,omitempty"` // epoch of the process, only while claimed
	Claim       ClaimMark   `bson:"claim,omitempty" json:"-"`
	Attempt     int         `bson:"attempt,omitempty" json:"attempt"` // attempts spent
	MaxAttempts int         `bson:"maxAttempts,omitempty" json:"maxAttempts,omitempty"`
	Crashes     int         `bson:"crashes,omitempty" json:"crashes,omitempty"`
	Progress    any         `bson:"progress,omitempty" json:"progress,omitempty"`
	LastLog     string      `bson:"lastLog,omitempty" json:"lastLog,omitempty"`
	Errors      []TaskError `bson:"errors,omitempty" json:"errors,omitempty"`
	PendingKey  string      `bson:"pendingKey,omitempty" json:"-"`
	RunningKey  string      `bson:"runningKey,omitempty" json:"-"`
	LastKey     string      `bson:"lastKey,omitempty" json:"-"`
	Schedule    ScheduleRef `bson:"schedule,omitempty" json:"schedule,omitzero"`
	Asked       bool        `bson:"asked,omitempty" json:"asked,omitempty"` // a batch counts on this run of a schedule
	ExpireAt    time.Time   `bson:"expireAt,omitempty" json:"expireAt,omitzero"`
}

// UnmarshalBSON implements bson.Unmarshaler. Fields of the wrong type, as a
// document written by hand may have, are left out: one such document must not
// hide those that are listed with it.
func (t *Task) UnmarshalBSON(data []byte) error {
	type plain Task
	err := bson.Unmarshal(data, (*plain)(t))
	if err == nil {
		return nil
	}
	elems, bad := bson.Raw(data).Elements()
	if bad != nil {
		return err
	}
	*t = Task{}
	for _, e := range elems {
		one, next := *t, bson.D{{Key: e.Key(), Value: e.Value()}}
		if raw, err := bson.Marshal(next); err == nil && bson.Unmarshal(raw, (*plain)(&one)) == nil {
			*t = one
		}
	}
	return nil
}

// ClaimMark is what a claim leaves in the document. The token stays after the
// end, so that a holder can tell that its completion was already acknowledged.
type ClaimMark struct {
	Token bson.ObjectID `bson:"token,omitempty"`
}

// IsZero lets an unclaimed task be written without the field.
func (c ClaimMark) IsZero() bool { return c.Token.IsZero() }

// ScheduleRef says which run of which schedule a task is.
type ScheduleRef struct {
	UID    bson.ObjectID `bson:"uid" json:"uid"`
	Number int64         `bson:"n" json:"n"`
	At     time.Time     `bson:"at,omitempty" json:"at,omitzero"` // the instant a late run makes up for
}

// IsZero lets a task of no schedule be written without the field.
func (r ScheduleRef) IsZero() bool { return r.UID.IsZero() }

// TaskError is one failed attempt.
type TaskError struct {
	At      time.Time `bson:"at" json:"at"`
	Attempt int       `bson:"attempt" json:"attempt"`
	Text    string    `bson:"text" json:"text"` // at most 4 KiB, with the stack of a panic
}

// Key returns the identity of a name: "taskClass/taskName".
func Key(class, name string) string { return class + "/" + name }

// CheckClass returns *InvalidError unless class can name a task class: 1 to 512
// bytes of UTF-8 without slash, white space or control characters.
func CheckClass(class string) error {
	if class == "" {
		return &InvalidError{Field: "taskClass", Reason: "must not be empty"}
	}
	if strings.ContainsFunc(class, func(r rune) bool { return r == '/' || unicode.IsSpace(r) }) {
		return &InvalidError{Field: "taskClass", Value: fmt.Sprintf("%q", shorten(class)), Reason: "must not contain a slash or white space"}
	}
	return checkName("taskClass", class)
}

// CheckName returns *InvalidError unless name can be a taskName: up to 512 bytes
// of UTF-8 without control characters. The empty name is the class itself.
func CheckName(name string) error { return checkName("taskName", name) }

func checkName(field, s string) error {
	bad := func(reason string) error {
		return &InvalidError{Field: field, Value: fmt.Sprintf("%q", shorten(s)), Reason: reason}
	}
	switch {
	case len(s) > maxNameBytes:
		return bad(fmt.Sprintf("has %d bytes; at most %d", len(s), maxNameBytes))
	case !utf8.ValidString(s):
		return bad("must be valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return bad("must not contain control characters")
	}
	return nil
}

// CheckPriority returns *InvalidError unless p is in −100 to 100.
func CheckPriority(p int) error {
	if p < MinPriority || p > MaxPriority {
		return &InvalidError{Field: "priority", Value: fmt.Sprint(p), Reason: fmt.Sprintf("must be %d to %d", MinPriority, MaxPriority)}
	}
	return nil
}

// check validates a task that is about to be inserted.
func (t *Task) check() error {
	if !t.ID.IsZero() {
		if _, err := idOf(bson.RawValue{Type: t.ID.kind, Value: []byte(t.ID.data)}); err != nil {
			return err
		}
	}
	if err := CheckClass(t.TaskClass); err != nil {
		return err
	}
	if err := CheckName(t.TaskName); err != nil {
		return err
	}
	if err := CheckPriority(t.Priority); err != nil {
		return err
	}
	if t.MaxAttempts < 0 {
		return &InvalidError{Field: "maxAttempts", Value: fmt.Sprint(t.MaxAttempts), Reason: "must not be negative; 0 means the class's own"}
	}
	if t.TsRequest.After(maxDate) {
		return &InvalidError{Field: "tsRequest", Value: t.TsRequest.String(), Reason: "must be before the year 10000"}
	}
	return CheckKwargs(t.Kwargs)
}

// trimText cuts s to at most limit bytes at a rune's edge and makes it valid
// UTF-8, which the server requires.
func trimText(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
