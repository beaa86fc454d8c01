package tasks

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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

// pages is a cursor on the claim index: of documents, or, if some of them are
// refused, of _ids and classes, which the index has.
type pages struct {
	s    *Store
	take func(ID, string) bool
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
	if q.Take != nil {
		o.SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "taskClass", Value: 1}})
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
	return &pages{s, q.Take, left, cur}, nil
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
		if p.take == nil {
			cs, err = p.s.addCandidate(ctx, cs, p.cur.Current)
		} else if id, class := peek(p.cur.Current); p.take(id, class) {
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
func peek(raw bson.Raw) (ID, string) {
	id := raw.Lookup("_id")
	class, _ := raw.Lookup("taskClass").StringValueOK()
	return ID{id.Type, string(id.Value)}, class
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
