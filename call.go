package lgtask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri/nearest"
	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/timers"
)

// Call is one of the enqueueing calls as data, for command lines and sockets.
// As JSON its fields have the names given here; decoding refuses other fields,
// repeated ones and values of the wrong type, with ErrInvalidTask.
type Call struct {
	// Verb is create, delay, batch, interval, cron, unschedule, pause or resume.
	Verb string `json:"verb"`
	// Class is the task's class.
	Class string `json:"class"`
	// When is the due time of delay and batch: a text as Text takes it, or an
	// instant in RFC 3339, in UTC if it names no offset. For interval it is the
	// length of the interval, for cron the spec. The other verbs have none.
	When string `json:"when,omitempty"`
	// Kwargs is a document in relaxed Extended JSON. Default: no kwargs. Whole
	// numbers become 64 bit integers.
	Kwargs json.RawMessage `json:"kwargs,omitempty"`
	// TaskName is the name; see WithTaskName.
	TaskName *string `json:"taskName,omitempty"`
	// Priority is that of the verbs that make tasks; see WithPriority.
	Priority *int `json:"priority,omitempty"`
	// MaxAttempts is that of create, delay and batch; see WithMaxAttempts.
	MaxAttempts *int `json:"maxAttempts,omitempty"`
	// StartAt is when an interval runs first, in the words of When; see StartAt.
	StartAt string `json:"startAt,omitempty"`
	// FromStart is that of interval; see FromStart.
	FromStart bool `json:"fromStart,omitempty"`
	// Replace is that of interval and cron; see Replace.
	Replace bool `json:"replace,omitempty"`
	// ID is that of create and delay, as text; see WithID and ParseTaskID.
	ID string `json:"id,omitempty"`
	// Missed is that of interval and cron: once, skip, or all with a window, as in "all 6
	// hours"; see WithMissed.
	Missed string `json:"missed,omitempty"`
	// Overlap is that of interval and cron: skip or queue; see WithOverlap.
	Overlap string `json:"overlap,omitempty"`
	// Reason is that of pause; see WithReason.
	Reason string `json:"reason,omitempty"`
}

// verb is what a verb of a Call takes.
type verb struct {
	when    string   // what When is for it; empty: it has none
	options []string // the JSON names of the fields it may have beside class and when
}

var verbs = map[string]verb{
	"create":     {"", []string{"kwargs", "taskName", "priority", "maxAttempts", "id"}},
	"delay":      {"the due time", []string{"kwargs", "taskName", "priority", "maxAttempts", "id"}},
	"batch":      {"the due time", []string{"kwargs", "taskName", "priority", "maxAttempts"}},
	"interval":   {"the length of the interval", []string{"kwargs", "taskName", "priority", "startAt", "fromStart", "replace", "missed", "overlap"}},
	"cron":       {"the cron spec", []string{"kwargs", "taskName", "priority", "replace", "missed", "overlap"}},
	"unschedule": {"", []string{"taskName"}},
	"pause":      {"", []string{"taskName", "reason"}},
	"resume":     {"", []string{"taskName"}},
}

// given lists the optional fields that are set, by their JSON names.
func (call *Call) given() []string {
	var names []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"kwargs", len(call.Kwargs) > 0}, {"taskName", call.TaskName != nil}, {"priority", call.Priority != nil},
		{"maxAttempts", call.MaxAttempts != nil}, {"startAt", call.StartAt != ""}, {"fromStart", call.FromStart},
		{"replace", call.Replace}, {"id", call.ID != ""}, {"reason", call.Reason != ""},
		{"missed", call.Missed != ""}, {"overlap", call.Overlap != ""},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

// Validate finds what is wrong with a call without asking the database: it
// returns ErrInvalidTask or ErrInvalidTime, naming the value and what would be
// right. A call that passes can still fail for what the database holds.
func (call *Call) Validate() error {
	_, err := call.prepare()
	return err
}

// Do does a call. It validates first, and returns what the method of the verb
// returns: CreateTask, DelayedTask, BatchTask, IntervalTask, CronTask, UnscheduleTask,
// PauseSchedule or ResumeSchedule.
func (c *Connection) Do(ctx context.Context, call Call) (Result, error) {
	p, err := call.prepare()
	if err != nil {
		return Result{}, err
	}
	switch call.Verb {
	case "create":
		return c.CreateTask(ctx, call.Class, p.kwargs, p.options...)
	case "delay":
		return c.DelayedTask(ctx, p.when, call.Class, p.kwargs, p.options...)
	case "batch":
		return c.BatchTask(ctx, p.when, call.Class, p.kwargs, p.options...)
	case "interval":
		return c.IntervalTask(ctx, p.when, call.Class, p.kwargs, p.options...)
	case "cron":
		return c.CronTask(ctx, call.When, call.Class, p.kwargs, p.options...)
	case "pause":
		return c.PauseSchedule(ctx, call.Class, p.options...)
	case "resume":
		return c.ResumeSchedule(ctx, call.Class, p.options...)
	}
	return c.UnscheduleTask(ctx, call.Class, p.options...)
}

// preparedCall is a call that was found valid.
type preparedCall struct {
	when    When
	kwargs  any
	options []TaskOption
}

func (call *Call) prepare() (p preparedCall, err error) {
	v, known := verbs[call.Verb]
	switch {
	case !known:
		return p, fmt.Errorf("%w: verb %.40q: it must be one of %s", ErrInvalidTask, call.Verb, strings.Join(slices.Sorted(maps.Keys(verbs)), ", "))
	case v.when == "" && call.When != "":
		return p, fmt.Errorf("%w: %s has no time, but when is %.80q; delay and batch have one", ErrInvalidTime, call.Verb, call.When)
	}
	for _, name := range call.given() {
		if !slices.Contains(v.options, name) {
			return p, fmt.Errorf("%w: %s has no %s; it has %s", ErrInvalidTask, call.Verb, name, strings.Join(v.options, ", "))
		}
	}
	if err := tasks.CheckClass(call.Class); err != nil {
		return p, callError(err)
	}
	if p.when, err = call.time(v); err != nil {
		return p, err
	}
	if p.kwargs, err = parseKwargs(call.Kwargs); err != nil {
		return p, err
	}
	p.options, err = call.taskOptions()
	return p, err
}

// time checks and reads When.
func (call *Call) time(v verb) (When, error) {
	switch {
	case v.when == "":
		return Now(), nil
	case strings.TrimSpace(call.When) == "":
		return Now(), fmt.Errorf("%w: %s needs %s as when, and it is empty", ErrInvalidTime, call.Verb, v.when)
	case call.Verb == "cron":
		if _, err := timers.ParseCron(call.When); err != nil {
			return Now(), fmt.Errorf("%w: %w", ErrInvalidTime, err)
		}
		return Now(), nil
	case call.Verb == "interval":
		w := Text(call.When)
		_, err := w.period()
		return w, err
	}
	return parseWhen(call.When)
}

// parseWhen reads an instant or a text as Text takes it.
func parseWhen(text string) (When, error) {
	t, instantErr := timers.ParseInstant(text, nil)
	if instantErr == nil {
		return At(t), nil
	}
	_, err := timers.ParseWhen(text)
	if err == nil {
		return Text(text), nil
	}
	if looksLikeDate(text) {
		err = instantErr
	}
	return Now(), fmt.Errorf("%w: %w", ErrInvalidTime, err)
}

// looksLikeDate reports whether a text was meant as an instant: 2026-…
func looksLikeDate(text string) bool {
	year, _, found := strings.Cut(strings.TrimSpace(text), "-")
	return found && len(year) == 4 && strings.Trim(year, "0123456789") == ""
}

// taskOptions checks the optional fields and returns them as options.
func (call *Call) taskOptions() (opts []TaskOption, err error) {
	if call.TaskName != nil {
		opts = append(opts, WithTaskName(*call.TaskName))
		err = tasks.CheckName(*call.TaskName)
	}
	if call.Priority != nil && err == nil {
		opts = append(opts, WithPriority(*call.Priority))
		err = tasks.CheckPriority(*call.Priority)
	}
	if call.MaxAttempts != nil && err == nil {
		opts = append(opts, WithMaxAttempts(*call.MaxAttempts))
		if *call.MaxAttempts < 1 {
			err = fmt.Errorf("%w: max attempts = %d: must be 1 or more", ErrInvalidTask, *call.MaxAttempts)
		}
	}
	if call.ID != "" && err == nil {
		var id TaskID
		id, err = ParseTaskID(call.ID)
		opts = append(opts, WithID(id))
	}
	if call.StartAt != "" && err == nil {
		var at When
		at, err = parseWhen(call.StartAt)
		opts = append(opts, StartAt(at))
	}
	if call.FromStart {
		opts = append(opts, FromStart())
	}
	if call.Replace {
		opts = append(opts, Replace())
	}
	more, policyErr := call.policyOptions()
	if err == nil {
		err = policyErr
	}
	return append(opts, more...), callError(err)
}

// callFields are the JSON names of a Call's fields.
var callFields = []string{"verb", "class", "when", "kwargs", "taskName", "priority", "maxAttempts", "startAt", "fromStart", "replace", "id",
	"missed", "overlap", "reason"}

// UnmarshalJSON implements json.Unmarshaler, strictly. The errors are
// ErrInvalidTask.
func (call *Call) UnmarshalJSON(data []byte) error {
	keys, err := objectKeys(data)
	if err != nil {
		return fmt.Errorf("%w: the call is not a JSON object: %w", ErrInvalidTask, err)
	}
	for i, key := range keys {
		if !slices.Contains(callFields, key) {
			remedy := "a call has " + strings.Join(callFields, ", ")
			if meant := nearest.Word(key, callFields, 3); meant != "" {
				remedy = "did you mean " + meant + "?"
			}
			return fmt.Errorf("%w: a call has no field %.40q: %s", ErrInvalidTask, key, remedy)
		}
		if slices.Contains(keys[:i], key) {
			return fmt.Errorf("%w: the call's field %s is given twice: keep one of them", ErrInvalidTask, key)
		}
	}
	type plain Call
	var decoded plain
	err = json.Unmarshal(data, &decoded)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: the call's field %s is a JSON %s: it must be of type %s", ErrInvalidTask, wrong.Field, wrong.Value, wrong.Type)
	}
	if err != nil {
		return fmt.Errorf("%w: the call is not JSON: %w", ErrInvalidTask, err)
	}
	*call = Call(decoded)
	return nil
}
