package tasks

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Pages reads due tasks page by page, higher priorities first, then those due
// earlier. What comes in meanwhile, in front of where it is, it does not see. It
// belongs to one goroutine at a time.
type Pages interface {
	// Next returns the next page, of about so many tasks. Those that Query.Take
	// refuses are left out, so it may be short or have none: more tells whether more
	// may wait behind it.
	Next(ctx context.Context, about int) (cs []Candidate, more bool, err error)
	// Close must be called unless Next said that there is no more, or failed.
	Close(ctx context.Context) error
}

// backwards is claimOrder from its end. Forwards, the server would find the end of
// higher priorities behind all entries of tasks that were claimed a moment ago.
var backwards = bson.D{{Key: "priority", Value: 1}, {Key: "tsRequest", Value: -1}, {Key: "_id", Value: -1}}

// pages is a cursor on the claim index: of documents, or, if some of them are
// refused, of what Take is asked about, which the index has.
type pages struct {
	s    *Store
	q    Query
	left int // of the limit; negative if there is none
	cur  *mongo.Cursor
}

// Pages opens a reading; the first page has up to q.Limit tasks. With q.Whole it
// goes on to the end; without, there is one page and nothing to close.
func (s *Store) Pages(ctx context.Context, q Query) (Pages, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	o := options.Find().SetSort(claimOrder).SetHint(claimIndex).SetBatchSize(int32(q.Limit))
	if q.Above != nil {
		o.SetSort(backwards)
	}
	if q.Take != nil {
		o.SetProjection(asc("_id", "taskClass", "tsRequest"))
	} else {
		s.project(o)
	}
	left := -1
	if !q.Whole {
		o.SetLimit(int64(q.Limit))
		left = q.Limit
	}
	cur, err := s.tasks.Find(ctx, q.filter(now), o)
	if err != nil {
		return nil, err
	}
	return &pages{s, q, left, cur}, nil
}

// Next implements Pages.
func (p *pages) Next(ctx context.Context, about int) (cs []Candidate, more bool, err error) {
	p.cur.SetBatchSize(int32(about)) // of what is not read yet
	size, n, own := 0, 0, []ID(nil)
	for ; n == 0 || p.cur.RemainingBatchLength() > 0; n++ {
		if !p.cur.Next(ctx) {
			err, p.left = p.cur.Err(), -1
			break
		}
		size += len(p.cur.Current)
		p.left--
		if p.q.Take == nil {
			cs, err = p.s.addCandidate(ctx, cs, p.cur.Current)
		} else if id, class, due := peek(p.cur.Current); p.q.Take(id, class, due) {
			own = append(own, id)
		}
		if err != nil {
			break
		}
	}
	if err == nil && len(own) > 0 {
		cs, err = p.s.inOrder(ctx, own)
	}
	if err != nil {
		return nil, false, err
	}
	p.s.noteSize(size, n)
	if p.q.Above != nil {
		slices.Reverse(cs)
	}
	return cs, p.cur.ID() != 0 || p.left == 0, nil
}

// Close implements Pages.
func (p *pages) Close(ctx context.Context) error { return p.cur.Close(ctx) }

// inOrder reads those of the given tasks that wait, in that order.
func (s *Store) inOrder(ctx context.Context, ids []ID) ([]Candidate, error) {
	o := options.Find()
	s.project(o)
	cur, err := s.tasks.Find(ctx, bson.D{amongIDs(ids), {Key: "state", Value: Request}}, o)
	if err != nil {
		return nil, err
	}
	defer cur.Close(ctx)
	var cs []Candidate
	size, n := 0, 0
	for ; cur.Next(ctx); n++ {
		size += len(cur.Current)
		if cs, err = s.addCandidate(ctx, cs, cur.Current); err != nil {
			return nil, err
		}
	}
	s.noteSize(size, n)
	at := make(map[ID]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	slices.SortFunc(cs, func(a, b Candidate) int { return at[a.ID] - at[b.ID] })
	return cs, cur.Err()
}

// addCandidate adds a document, unless it was malformed, and has been ended.
func (s *Store) addCandidate(ctx context.Context, cs []Candidate, raw bson.Raw) ([]Candidate, error) {
	c, err := decodeCandidate(raw)
	if err != nil {
		c, err = s.adopt(ctx, raw, err)
	}
	if err == ErrNotFound {
		return cs, nil
	}
	return append(cs, c), err
}

// peek reads what Query.Take is asked about.
func peek(raw bson.Raw) (ID, string, time.Time) {
	id, class, due, ok := plainPeek(raw)
	if !ok {
		id, class, due = raw.Lookup("_id"), raw.Lookup("taskClass"), raw.Lookup("tsRequest")
	}
	name, _ := class.StringValueOK()
	ms, _ := due.DateTimeOK()
	return ID{id.Type, string(id.Value)}, name, time.UnixMilli(ms)
}

// plainPeek reads the three fields if they come in that order.
func plainPeek(raw bson.Raw) (id, class, due bson.RawValue, ok bool) {
	rest := []byte(raw[min(4, len(raw)):])
	for i, key := range []string{"_id", "taskClass", "tsRequest"} {
		el, more, whole := bsoncore.ReadElement(rest)
		if !whole || string(el.KeyBytes()) != key {
			return id, class, due, false
		}
		v := el.Value()
		*[]*bson.RawValue{&id, &class, &due}[i] = bson.RawValue{Type: bson.Type(v.Type), Value: v.Data}
		rest = more
	}
	return id, class, due, true
}

// Whole documents are read of the server at half the cost of a projection that
// leaves out large kwargs (1.7 and 3.4 µs each), so that is made only while
// documents turn out to be large: a reply has 16 MB of them at most.
const (
	largeFrom = 2 << 10          // bytes, on average
	largeFor  = 10 * time.Second // until it is tried again
)

func (s *Store) project(o *options.FindOptionsBuilder) {
	if time.Now().UnixNano() < s.large.Load() {
		o.SetProjection(candidateProjection)
	}
}

func (s *Store) noteSize(bytes, n int) {
	if bytes > n*largeFrom {
		s.large.Store(time.Now().Add(largeFor).UnixNano())
	}
}
