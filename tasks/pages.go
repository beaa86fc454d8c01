package tasks

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Pages reads due tasks page by page, higher priorities first, then those due
// earlier. What comes in meanwhile, in front of where it is, it does not see. It
// belongs to one goroutine at a time.
type Pages interface {
	// Next returns the next page, of about so many tasks. Those that Query.Take refuses are left out, so
	// it may be short or have none: more tells whether more may wait behind it.
	Next(ctx context.Context, about int) (cs []Candidate, more bool, err error)
	// Close must be called unless Next said that there is no more, or failed.
	Close(ctx context.Context) error
}

// pages is a cursor on the claim index.
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
	o := options.Find().SetSort(claimOrder).SetHint(claimIndex).SetProjection(candidateProjection).SetBatchSize(int32(q.Limit))
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
	for first := true; first || p.cur.RemainingBatchLength() > 0; first = false {
		if !p.cur.Next(ctx) {
			return cs, false, p.cur.Err()
		}
		p.left--
		if p.take != nil && !p.take(peek(p.cur.Current)) {
			continue
		}
		c, err := decodeCandidate(p.cur.Current)
		if err != nil {
			c, err = p.s.adopt(ctx, p.cur.Current, err)
		}
		switch {
		case err == ErrNotFound: // it was malformed, and has been ended
		case err != nil:
			return nil, false, err
		default:
			cs = append(cs, c)
		}
	}
	return cs, p.cur.ID() != 0 || p.left == 0, nil
}

// Close implements Pages.
func (p *pages) Close(ctx context.Context) error { return p.cur.Close(ctx) }

// peek reads what Query.Take is asked about.
func peek(raw bson.Raw) (ID, string) {
	id := raw.Lookup("_id")
	class, _ := raw.Lookup("taskClass").StringValueOK()
	return ID{id.Type, string(id.Value)}, class
}
