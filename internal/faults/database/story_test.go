//go:build faults && unix

package database

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// story is what happened to a task, as the oplog of the primary tells: what is in
// there was not rolled back.
type story struct {
	states []lgtask.State
	tokens map[string]bool // of its claims
	ends   map[string]int  // final states, by the token under which they were written
	token  string
	finals int
	givens int // times it went back
}

// entry is what an entry of the oplog says about a document of a collection.
type entry struct {
	Op string   `bson:"op"`
	NS string   `bson:"ns"`
	O  bson.Raw `bson:"o"`
	O2 bson.Raw `bson:"o2"`
}

// stories reads the oplog.
func (w *world) stories() map[lgtask.TaskID]*story {
	w.Helper()
	ctx := w.within(2 * time.Minute)
	ns := w.db.Name() + ".tasks"
	cur, err := w.db.Client().Database("local").Collection("oplog.rs").Find(ctx,
		bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "ns", Value: ns}}, bson.D{{Key: "o.applyOps.ns", Value: ns}}}}},
		options.Find().SetSort(bson.D{{Key: "$natural", Value: 1}}).SetBatchSize(5000))
	w.must(err)
	all := map[lgtask.TaskID]*story{}
	for cur.Next(ctx) {
		var e entry
		w.must(bson.Unmarshal(cur.Current, &e))
		var many struct {
			ApplyOps []entry `bson:"applyOps"`
		}
		if e.Op == "c" && e.NS != ns {
			w.must(bson.Unmarshal(e.O, &many))
		} else {
			many.ApplyOps = []entry{e}
		}
		for _, one := range many.ApplyOps {
			if one.NS == ns {
				w.must(tell(all, one))
			}
		}
	}
	w.must(cur.Err())
	return all
}

// tell adds an entry to the story of its task.
func tell(all map[lgtask.TaskID]*story, e entry) error {
	of := e.O2
	if e.Op == "i" {
		of = e.O
	}
	var doc struct {
		ID lgtask.TaskID `bson:"_id"`
	}
	if e.Op != "i" && e.Op != "u" {
		return nil // commands such as create
	}
	if err := bson.Unmarshal(of, &doc); err != nil {
		return fmt.Errorf("%v: %w", e, err)
	}
	s := all[doc.ID]
	if s == nil {
		s = &story{tokens: map[string]bool{}, ends: map[string]int{}}
		all[doc.ID] = s
	}
	if e.Op == "i" {
		s.add(e.O)
		return nil
	}
	if diff, is := e.O.Lookup("diff").DocumentOK(); is {
		s.add(changed(diff))
	} else {
		s.add(e.O)
	}
	return nil
}

// changed returns the fields that a diff inserts or updates.
func changed(diff bson.Raw) bson.Raw {
	var d struct {
		I     bson.D `bson:"i"`
		U     bson.D `bson:"u"`
		Claim struct {
			I bson.D `bson:"i"`
			U bson.D `bson:"u"`
		} `bson:"sclaim"`
	}
	if bson.Unmarshal(diff, &d) != nil {
		return diff
	}
	fields := append(d.I, d.U...)
	if within := append(d.Claim.I, d.Claim.U...); len(within) > 0 {
		fields = append(fields, bson.E{Key: "claim", Value: within})
	}
	raw, err := bson.Marshal(fields)
	if err != nil {
		return diff
	}
	return raw
}

func (s *story) add(fields bson.Raw) {
	if token, is := fields.Lookup("claim", "token").ObjectIDOK(); is {
		s.token = token.Hex()
		s.tokens[s.token] = true
	}
	text, is := fields.Lookup("state").StringValueOK()
	if !is {
		return
	}
	state := lgtask.State(text)
	if state == lgtask.StateRequest && len(s.states) > 0 {
		s.givens++
	}
	s.states = append(s.states, state)
	if state.Final() {
		s.finals++
		s.ends[s.token]++
	}
}

// problems tells what must not have happened.
func (s *story) problems() (found []string) {
	for i := 1; i < len(s.states); i++ {
		if was, is := s.states[i-1], s.states[i]; was != is && !was.Allows(is) {
			found = append(found, fmt.Sprintf("went from %s to %s", was, is))
		}
	}
	if s.finals != 1 {
		found = append(found, fmt.Sprintf("ended %d times", s.finals))
	}
	for token, n := range s.ends {
		if n > 1 {
			found = append(found, fmt.Sprintf("the claim %s ended %d times", token, n))
		}
	}
	return found
}
