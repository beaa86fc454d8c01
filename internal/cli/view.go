package cli

import (
	"encoding/json"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongouri"
)

// taskView is a task as --json writes it: lgtask.Task's own fields, with kwargs
// and progress as Extended JSON.
type taskView struct {
	lgtask.Task
	Kwargs   json.RawMessage `json:"kwargs"`
	Progress json.RawMessage `json:"progress,omitempty"`
}

func viewTask(t lgtask.Task) (v taskView, err error) {
	if v.Kwargs, err = kwargsJSON(t.Kwargs); err != nil {
		return v, err
	}
	if t.Progress != nil {
		if v.Progress, err = valueJSON(t.Progress); err != nil {
			return v, err
		}
	}
	// The copy's texts come from outside.
	t.TaskClass, t.TaskName, t.LastLog = mongouri.Redact(t.TaskClass), mongouri.Redact(t.TaskName), mongouri.Redact(t.LastLog)
	errs := make([]lgtask.TaskError, len(t.Errors))
	for i, e := range t.Errors {
		e.Text = mongouri.Redact(e.Text)
		errs[i] = e
	}
	t.Errors, t.Progress = errs, nil
	v.Task = t
	return v, nil
}

// kwargsJSON writes kwargs as relaxed Extended JSON without secrets; a document
// written by hand may have none.
func kwargsJSON(raw bson.Raw) (json.RawMessage, error) {
	if len(raw) == 0 {
		return json.RawMessage("{}"), nil
	}
	var doc bson.D
	if err := bson.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	return bson.MarshalExtJSON(mask("", doc), false, false)
}

// valueJSON writes any BSON value as relaxed Extended JSON without secrets.
func valueJSON(value any) (json.RawMessage, error) {
	data, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: mask("v", value)}}, false, false)
	if err != nil {
		return nil, err
	}
	var wrapped struct {
		V json.RawMessage `json:"v"`
	}
	err = json.Unmarshal(data, &wrapped)
	return wrapped.V, err
}

// mask returns a value with the secrets in its texts masked. The key counts: it
// can say that the text is a password.
func mask(key string, value any) any {
	switch v := value.(type) {
	case string:
		if strings.Contains(mongouri.Redact(`"`+key+`":"x"`), mongouri.Mask) {
			return mongouri.Mask
		}
		return mongouri.Redact(v)
	case bson.D:
		out := make(bson.D, len(v))
		for i, e := range v {
			out[i] = bson.E{Key: mongouri.Redact(e.Key), Value: mask(e.Key, e.Value)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(v))
		for i, e := range v {
			out[i] = mask(key, e)
		}
		return out
	}
	return value
}
