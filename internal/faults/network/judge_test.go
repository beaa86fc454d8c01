//go:build faults && linux

package network

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// story is what happened to a task, as the change stream tells: what the majority has.
type story struct {
	states []lgtask.State
	tokens []bson.ObjectID       // of its claims, in their order
	ends   map[bson.ObjectID]int // how often a final state was written under a token
}

// verdict is what the judge found, for the figures of a test.
type verdict struct {
	acked, effects, claims, ends int
	states                       map[lgtask.State]int
}

// settle waits until nothing waits or is going.
func (w *world) settle() {
	w.Helper()
	live := lgtask.TaskFilter{States: []lgtask.State{lgtask.StateRequest, lgtask.StateWorking, lgtask.StateKill}}
	took := w.eventually(lease+sweep+time.Minute, "the end of all tasks", func() bool {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		defer cancel()
		n, err := w.conn.CountTasks(ctx, live)
		return err == nil && n == 0
	})
	w.says("all tasks have ended, after %.1f s of waiting for it", took.Seconds())
}

// judge repeats the enqueues of unknown outcome, waits until all has ended, and compares what was acknowledged, what is stored,
// what ran, and what the change stream tells:
//
//   - every task whose enqueue was acknowledged is there, and has succeeded;
//   - it has left at least one effect, and each carries the token of a claim of it, no
//     two the same;
//   - no run has begun on a claim that the majority never had;
//   - a claim ended at most once, and so did a task;
//   - the rules of the database hold, see taskstest.CheckInvariants.
func (w *world) judge() verdict {
	w.Helper()
	for id, k := range w.unknown {
		w.enqueue(&k, lgtask.Now(), lgtask.WithID(id))
	}
	w.settle()
	v := verdict{acked: len(w.acked), states: map[lgtask.State]int{}}
	stories, effects := w.stories(), w.effects()
	for id := range w.acked {
		task, err := w.conn.Task(w.within(time.Minute), id)
		if err != nil {
			w.Errorf("%s was acknowledged and cannot be read: %v", id, err)
			continue
		}
		v.states[task.State]++
		if task.State != lgtask.StateSuccess {
			w.Errorf("%s ended as %s: %s", id, task.State, task.LastLog)
		}
		w.compare(id, stories[id], effects[id], &v)
	}
	for id := range effects {
		if !w.acked[id] {
			w.Errorf("%s ran and was not acknowledged", id)
		}
	}
	w.compareClaims(stories)
	taskstest.CheckInvariants(w.within(time.Minute), w.T, w.db)
	w.says("%d tasks acknowledged and ended: %v; %d claims, %d effects, %d completions", v.acked, v.states, v.claims, v.effects, v.ends)
	return v
}

func (w *world) compare(id lgtask.TaskID, s *story, effects []effect, v *verdict) {
	w.Helper()
	if s == nil {
		w.Errorf("%s: the stream tells nothing of it", id)
		return
	}
	if len(effects) == 0 {
		w.Errorf("%s succeeded and never ran", id)
	}
	seen := map[bson.ObjectID]bool{}
	for _, e := range effects {
		if !slices.Contains(s.tokens, e.Token) || seen[e.Token] {
			w.Errorf("%s: a run by %s has the token %s, that of no claim or of another run; claims: %v", id, e.By, e.Token, s.tokens)
		}
		seen[e.Token] = true
	}
	ends := 0
	for token, n := range s.ends {
		ends += n
		if n > 1 {
			w.Errorf("%s: %d completions under the token %s", id, n, token)
		}
	}
	if ends != 1 {
		w.Errorf("%s: %d completions: %v", id, ends, s.states)
	}
	v.claims, v.effects, v.ends = v.claims+len(s.tokens), v.effects+len(effects), v.ends+ends
}

// compareClaims looks at what each run read of its claim, when it began.
func (w *world) compareClaims(stories map[lgtask.TaskID]*story) {
	w.Helper()
	for _, k := range w.crew {
		for _, e := range k.all("claim") {
			id, err := lgtask.ParseTaskID(e.Task)
			w.must(err)
			token, err := bson.ObjectIDFromHex(e.Text)
			w.must(err)
			if s := stories[id]; s == nil || !slices.Contains(s.tokens, token) {
				w.Errorf("%s: a run began by the claim %s, which the majority never had", id, token)
			}
		}
	}
}

func (w *world) effects() map[lgtask.TaskID][]effect {
	w.Helper()
	ctx := w.within(time.Minute)
	cur, err := w.db.Collection("effects").Find(ctx, bson.D{})
	w.must(err)
	var all []effect
	w.must(cur.All(ctx, &all))
	by := map[lgtask.TaskID][]effect{}
	for _, e := range all {
		by[e.Task] = append(by[e.Task], e)
	}
	return by
}

// change is an event of the change stream.
type change struct {
	Operation string `bson:"operationType"`
	NS        struct {
		Coll string `bson:"coll"`
	} `bson:"ns"`
	Key struct {
		ID bson.RawValue `bson:"_id"`
	} `bson:"documentKey"`
	Whole  bson.Raw `bson:"fullDocument"`
	Update struct {
		Fields bson.Raw `bson:"updatedFields"`
	} `bson:"updateDescription"`
}

// stories reads the change stream of the whole test.
func (w *world) stories() map[lgtask.TaskID]*story {
	w.Helper()
	ctx := w.within(2 * time.Minute)
	_, err := w.db.Collection("marker").InsertOne(ctx, bson.D{})
	w.must(err)
	stream, err := w.db.Watch(ctx, mongo.Pipeline{}, options.ChangeStream().SetStartAtOperationTime(&w.since))
	w.must(err)
	defer func() { w.must(stream.Close(ctx)) }()
	all := map[lgtask.TaskID]*story{}
	for stream.Next(ctx) {
		var c change
		w.must(stream.Decode(&c))
		switch {
		case c.NS.Coll == "marker":
			return all
		case c.NS.Coll != "tasks" || c.Key.ID.IsZero():
			continue
		}
		var id lgtask.TaskID
		w.must(c.Key.ID.Unmarshal(&id))
		if all[id] == nil {
			all[id] = &story{ends: map[bson.ObjectID]int{}}
		}
		fields := c.Update.Fields
		if c.Whole != nil {
			fields = c.Whole
		}
		all[id].add(fields)
	}
	w.Fatalf("the change stream ended: %v", stream.Err())
	return nil
}

func (s *story) add(fields bson.Raw) {
	elements, _ := fields.Elements()
	for _, e := range elements {
		token, is := e.Value().ObjectIDOK()
		if doc, whole := e.Value().DocumentOK(); whole && e.Key() == "claim" {
			token, is = doc.Lookup("token").ObjectIDOK()
		}
		if is && strings.HasPrefix(e.Key(), "claim") {
			s.tokens = append(s.tokens, token)
		}
	}
	text, is := fields.Lookup("state").StringValueOK()
	if !is {
		return
	}
	state := lgtask.State(text)
	s.states = append(s.states, state)
	if state.Final() {
		var token bson.ObjectID
		if n := len(s.tokens); n > 0 {
			token = s.tokens[n-1]
		}
		s.ends[token]++
	}
}
