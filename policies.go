package lgtask

import (
	"context"
	"fmt"
	"time"

	"github.com/lgtask/lgtask/tasks"
	"github.com/lgtask/lgtask/timers"
)

// Missed says what becomes of the runs of a schedule that could not start in time, since
// no processor ran or all were busy: MissedOnce, MissedSkip or MissedAll.
type Missed string

// What may become of missed runs.
const (
	// MissedOnce starts one run as soon as possible, which stands for all that were
	// missed. It is the default.
	MissedOnce Missed = "once"
	// MissedSkip leaves out a run that is more than a minute late: it ends as aborted,
	// and the next is in the future.
	MissedSkip Missed = "skip"
)

// MissedAll has each instant have its run, one after the other, also those that pass
// while a run is going, unless it is older than the window, at least a second.
func MissedAll(window time.Duration) Missed {
	return Missed(fmt.Sprintf("%s %v", timers.MissedAll, window))
}

// WithMissed says what becomes of missed runs of CronTask and of IntervalTask with
// FromStart; an interval that counts from the end of a run has nothing to make up for.
// Default: MissedOnce.
func WithMissed(m Missed) TaskOption {
	return option("WithMissed", func(o *callOptions) { o.missed = m })
}

// Overlap says what becomes of the instants of a schedule that pass while a run of it is
// going. Two runs are never going at once.
type Overlap string

// What may become of them.
const (
	// OverlapSkip leaves them out. It is the default of CronTask.
	OverlapSkip Overlap = "skip"
	// OverlapQueue has one run for all of them follow at once. It is the default of
	// IntervalTask with FromStart, where the pace is then counted from that run.
	OverlapQueue Overlap = "queue"
)

// WithOverlap says what becomes of instants of CronTask and of IntervalTask with
// FromStart that pass while a run is going. It does not go with MissedAll, for which
// they are missed like any other.
func WithOverlap(v Overlap) TaskOption {
	return option("WithOverlap", func(o *callOptions) { o.overlap = v })
}

// policies checks the policies of a schedule and returns the text of Missed that is
// stored. The default of Overlap is stored as none.
func (o *callOptions) policies(spec tasks.ScheduleSpec) (missed string, err error) {
	m, window, err := timers.ParseMissed(string(o.missed))
	if err == nil {
		_, err = timers.ParseOverlap(string(o.overlap))
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidTask, err)
	}
	fromEnd := spec.Cron == "" && !spec.FromStart
	switch {
	case fromEnd && (m != timers.MissedOnce || o.overlap != ""):
		return "", fmt.Errorf("%w: an interval from the end of a run to the next start misses nothing and never overlaps; leave out WithMissed and WithOverlap, or add FromStart", ErrInvalidTask)
	case m == timers.MissedAll && o.overlap != "":
		return "", fmt.Errorf("%w: of MissedAll each instant has its run, also those that pass during another; leave out WithOverlap", ErrInvalidTask)
	}
	if o.overlap == defaultOverlap(spec) {
		o.overlap = ""
	}
	if m == timers.MissedAll {
		return string(MissedAll(window)), nil
	}
	return string(m), nil
}

func defaultOverlap(spec tasks.ScheduleSpec) Overlap {
	if spec.Cron != "" {
		return OverlapSkip
	}
	return OverlapQueue
}

// policyOptions checks the fields about a schedule's runs and returns them as options.
func (call *Call) policyOptions() (opts []TaskOption, err error) {
	if call.Missed != "" || call.Overlap != "" {
		o := callOptions{missed: Missed(call.Missed), overlap: Overlap(call.Overlap)}
		spec := tasks.ScheduleSpec{FromStart: call.FromStart}
		if call.Verb == "cron" {
			spec.Cron = call.When
		}
		_, err = o.policies(spec)
	}
	if call.Missed != "" {
		opts = append(opts, WithMissed(Missed(call.Missed)))
	}
	if call.Overlap != "" {
		opts = append(opts, WithOverlap(Overlap(call.Overlap)))
	}
	if call.Reason != "" {
		opts = append(opts, WithReason(call.Reason))
		if err == nil {
			err = checkReason(call.Reason)
		}
	}
	return opts, err
}

// nextRun returns when the run after the given one is due.
func nextRun(sc tasks.Schedule, due, start, end time.Time) (time.Time, error) {
	next, err := nextOf(sc, due, start, end)
	if err != nil {
		err = fmt.Errorf("schedule %s: %w", sc.Key, err)
	}
	return next, err
}

func nextOf(sc tasks.Schedule, due, start, end time.Time) (time.Time, error) {
	var p timers.Policy
	var err error
	if p.Missed, p.Window, err = timers.ParseMissed(sc.Missed); err != nil {
		return due, err
	}
	if p.Overlap, err = timers.ParseOverlap(sc.Overlap); err != nil {
		return due, err
	}
	if p.Overlap == "" {
		p.Overlap = timers.Overlap(defaultOverlap(sc.Spec))
	}
	if sc.Spec.Cron != "" {
		cron, err := timers.ParseCronIn(sc.Spec.Cron, sc.Spec.TZ)
		if err != nil {
			return due, err
		}
		return p.Next(cron.Next, due, start, end), nil
	}
	every := time.Duration(sc.Spec.EveryMS) * time.Millisecond
	if err := timers.CheckEvery(every); err != nil {
		return due, err
	}
	if p.Missed == timers.MissedOnce && p.Overlap == timers.OverlapQueue || !sc.Spec.FromStart {
		return timers.NextInterval(every, sc.Spec.FromStart, due, start, end), nil
	}
	return p.Next(timers.Pace(every, due), due, start, end), nil
}

// late is how long after its instant a run of MissedSkip may start.
const late = time.Minute

// missed returns the end of a run that is to be left out, since it starts too late.
// What a batch asked for, or was begun before, is not.
func (h *handler) missed(ctx context.Context, held *tasks.Held) (o tasks.Outcome, left bool) {
	if held.Schedule.IsZero() || held.PendingKey == "" {
		return o, false
	}
	by := h.conn.store.Clock().Sub(held.TsRequest)
	if by <= late {
		return o, false
	}
	sc, err := h.conn.store.Schedule(ctx, held.PendingKey)
	if err != nil || sc.Missed != string(MissedSkip) {
		return o, false // run rather than not
	}
	if t, err := h.conn.store.Get(ctx, held.ID); err != nil || t.Asked {
		return o, false
	}
	return tasks.Outcome{State: tasks.Aborted, LastLog: fmt.Sprintf("missed: it was due %v before", by.Round(time.Second))}, true
}
