package tasks

import (
	"encoding/binary"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// decodeCandidate reads a waiting document, or the projection of one. It returns
// errForeign if Adopt has to complete it first, and *InvalidError if it is no
// task.
func decodeCandidate(raw bson.Raw) (Candidate, error) {
	if c, ok := plainCandidate(raw); ok {
		return c, nil
	}
	return generalCandidate(raw)
}

func generalCandidate(raw bson.Raw) (c Candidate, err error) {
	if err := checkWaiting(raw); err != nil {
		return c, err
	}
	if err := bson.Unmarshal(raw, &c); err != nil {
		return c, &InvalidError{Field: "task", Reason: err.Error()}
	}
	c.Kwargs = keptKwargs(c.Kwargs)
	return c, nil
}

// Bits of the fields that plainCandidate has seen.
const (
	hasID = 1 << iota
	hasClass
	hasName
	hasPriority
	hasInsert
	hasRequest
	hasAttempt
	hasMaxAttempts
	hasCrashes
	hasPendingKey
	hasRunningKey
	hasKwargs
	ignored // may come more than once

	needed = hasID | hasClass | hasName | hasPriority | hasInsert | hasRequest
)

// plainCandidate reads a document as lgtask itself writes it, in a tenth of the
// time: a sweep reads thousands. ok is false for any other, be it valid or not.
func plainCandidate(raw bson.Raw) (c Candidate, ok bool) {
	var seen int
	rest := raw
	if len(rest) < 5 || int(binary.LittleEndian.Uint32(rest)) != len(rest) {
		return c, false
	}
	rest = rest[4:]
	for rest[0] != 0 {
		el, more, whole := bsoncore.ReadElement(rest)
		if !whole || len(more) == 0 {
			return c, false
		}
		v, err := el.ValueErr()
		if err != nil {
			return c, false
		}
		bit := c.plainField(el.KeyBytes(), v)
		if bit == 0 || seen&bit&^ignored != 0 {
			return c, false
		}
		seen, rest = seen|bit, more
	}
	return c, len(rest) == 1 && seen&needed == needed && CheckClass(c.TaskClass) == nil && CheckName(c.TaskName) == nil && CheckPriority(c.Priority) == nil
}

// plainField sets a field and returns its bit, or 0 if its value is not of the
// type that lgtask writes.
func (c *Candidate) plainField(key []byte, v bsoncore.Value) int {
	switch string(key) {
	case "_id":
		if v.Type != bsoncore.TypeObjectID {
			return 0
		}
		c.ID = ID{bson.TypeObjectID, string(v.Data)}
		return hasID
	case "taskClass":
		return plainString(&c.TaskClass, v, hasClass)
	case "taskName":
		return plainString(&c.TaskName, v, hasName)
	case "priority":
		return plainInt(&c.Priority, v, hasPriority)
	case "tsInsert":
		return plainTime(&c.TsInsert, v, hasInsert)
	case "tsRequest":
		return plainTime(&c.TsRequest, v, hasRequest)
	case "attempt":
		return plainCount(&c.Attempt, v, hasAttempt)
	case "maxAttempts":
		return plainCount(&c.MaxAttempts, v, hasMaxAttempts)
	case "crashes":
		return plainCount(&c.Crashes, v, hasCrashes)
	case "pendingKey":
		return plainString(&c.PendingKey, v, hasPendingKey)
	case "runningKey":
		return plainString(&c.RunningKey, v, hasRunningKey)
	case "kwargs":
		if v.Type != bsoncore.TypeEmbeddedDocument {
			return 0
		}
		if CheckKwargs(v.Data) != nil {
			return 0
		}
		c.Kwargs = keptKwargs(v.Data)
		return hasKwargs
	case "v", "state", "processor", "tsStart", "lastLog":
		return ignored
	}
	return 0
}

// keptKwargs copies kwargs, since the cursor's buffer is used again. Large ones are
// left out: thousands of candidates are held at a time.
func keptKwargs(kw []byte) bson.Raw {
	if len(kw) > inlineKwargs {
		return nil
	}
	return slices.Clone(kw)
}

func plainString(dst *string, v bsoncore.Value, bit int) int {
	s, ok := v.StringValueOK()
	if !ok || v.Data[len(v.Data)-1] != 0 {
		return 0
	}
	*dst = s
	return bit
}

func plainInt(dst *int, v bsoncore.Value, bit int) int {
	n, ok := v.Int32OK()
	if !ok {
		return 0
	}
	*dst = int(n)
	return bit
}

func plainCount(dst *int, v bsoncore.Value, bit int) int {
	if n, ok := v.Int32OK(); !ok || n < 0 {
		return 0
	}
	return plainInt(dst, v, bit)
}

func plainTime(dst *time.Time, v bsoncore.Value, bit int) int {
	ms, ok := v.DateTimeOK()
	if !ok {
		return 0
	}
	*dst = time.UnixMilli(ms).UTC()
	return bit
}
