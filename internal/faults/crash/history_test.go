//go:build faults && unix

package crash

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/lgtask/lgtask"
)

// history is what happened to the tasks, as the oplog tells.
type history struct {
	claims map[effectID]*claim
	latest map[lgtask.TaskID]*claim
	finals map[lgtask.TaskID]int // times a task has ended
	pids   map[string]int        // of processes, by epoch
}

// claim is one claim of a task, and what became of it.
type claim struct {
	holder  string
	ended   int  // times its end was written
	back    bool // the task was given back, by its holder or another
	rescued bool // another found the holder dead
}

// logged is an entry of the oplog, alone or in a command.
type logged struct {
	Op string   `bson:"op"`
	NS string   `bson:"ns"`
	O  bson.Raw `bson:"o"`
	O2 bson.Raw `bson:"o2"`
}

// past reads the oplog.
func (w *world) past() *history {
	w.Helper()
	h := &history{claims: map[effectID]*claim{}, latest: map[lgtask.TaskID]*claim{}, finals: map[lgtask.TaskID]int{}, pids: map[string]int{}}
	tasks, processors := w.db.Name()+".tasks", w.db.Name()+".processors"
	ns := bson.D{{Key: "$in", Value: bson.A{tasks, processors}}}
	cur, err := w.db.Client().Database("local").Collection("oplog.rs").Find(w.Context(),
		bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "ns", Value: ns}}, bson.D{{Key: "o.applyOps.ns", Value: ns}}}}},
		options.Find().SetSort(bson.D{{Key: "$natural", Value: 1}}))
	w.must(err)
	for cur.Next(w.Context()) {
		var e logged
		w.must(bson.Unmarshal(cur.Current, &e))
		var many struct {
			ApplyOps []logged `bson:"applyOps"`
		}
		if e.Op == "c" {
			w.must(bson.Unmarshal(e.O, &many))
		} else {
			many.ApplyOps = []logged{e}
		}
		for _, one := range many.ApplyOps {
			switch {
			case one.NS == tasks && (one.Op == "i" || one.Op == "u"):
				w.must(h.task(one))
			case one.NS == processors && one.Op == "i":
				w.must(h.process(one.O))
			}
		}
	}
	w.must(cur.Err())
	return h
}

func (h *history) process(doc bson.Raw) error {
	var p struct {
		Epoch string `bson:"_id"`
		PID   int    `bson:"pid"`
	}
	err := bson.Unmarshal(doc, &p)
	if p.PID != 0 { // else it is a name
		h.pids[p.Epoch] = p.PID
	}
	return err
}

// fields are those of a task that tell of its claims. A diff that removes one names
// it in D.
type fields struct {
	State  lgtask.State `bson:"state"`
	Holder string       `bson:"holder"`
	Claim  struct {
		Token bson.ObjectID `bson:"token"`
	} `bson:"claim"`
}

type diff struct {
	I, U  fields
	D     bson.M
	Claim struct {
		I, U struct {
			Token bson.ObjectID `bson:"token"`
		}
	} `bson:"sclaim"`
}

// task adds an entry about a task.
func (h *history) task(e logged) error {
	var of struct {
		ID lgtask.TaskID `bson:"_id"`
	}
	var f fields
	var unclaimed bool
	switch d, isDiff := e.O.Lookup("diff").DocumentOK(); {
	case e.Op == "i":
		if err := bson.Unmarshal(e.O, &of); err != nil {
			return err
		}
		if err := bson.Unmarshal(e.O, &f); err != nil {
			return err
		}
	case isDiff:
		var c diff
		if err := bson.Unmarshal(d, &c); err != nil {
			return err
		}
		f = c.U
		if f.State == "" {
			f.State = c.I.State
		}
		for _, token := range []bson.ObjectID{c.I.Claim.Token, c.U.Claim.Token, c.Claim.I.Token, c.Claim.U.Token} {
			if !token.IsZero() {
				f.Claim.Token = token
			}
		}
		if f.Holder == "" {
			f.Holder = c.I.Holder
		}
		_, unclaimed = c.D["claim"]
	default: // the whole document
		if err := bson.Unmarshal(e.O, &f); err != nil {
			return err
		}
		_, err := e.O.LookupErr("claim")
		unclaimed = err != nil
	}
	if e.Op == "u" {
		if err := bson.Unmarshal(e.O2, &of); err != nil {
			return err
		}
	}
	h.add(of.ID, f, unclaimed)
	return nil
}

func (h *history) add(id lgtask.TaskID, f fields, unclaimed bool) {
	last := h.latest[id]
	switch {
	case f.State == lgtask.StateWorking:
		c := &claim{holder: f.Holder}
		h.latest[id], h.claims[effectID{id, f.Claim.Token}] = c, c
	case f.State == lgtask.StateRequest && last != nil:
		last.back, last.rescued = true, unclaimed
	case f.State.Final():
		h.finals[id]++
		if last != nil {
			last.ended++
			last.rescued = unclaimed // quarantined
		}
	}
}
