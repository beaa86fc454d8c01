package lgtask

import "context"

// compare sets the results of tasks whose IDs are taken: by these very tasks, sent
// before, or by others.
func (b *bulk) compare(ctx context.Context, items []bulkItem) {
	have, err := b.conn.store.GetMany(ctx, idsOf(items))
	for _, item := range items {
		r := &b.results[item.index]
		t, ok := have[item.doc.ID]
		switch {
		case err != nil: // the task is there, but cannot be read
			r.Err = &ErrUnknownOutcome{ID: item.doc.ID, Err: err}
		case !ok:
			r.Err = ErrNotFound // it has ended and expired meanwhile
		default:
			r.Result, r.Err = sameTask(&t, item.task)
		}
	}
}

// inTransaction sends all tasks or none.
func (b *bulk) inTransaction(ctx context.Context, list []NewTask) error {
	var all []bulkItem
	for i := range list {
		if item, ok := b.item(ctx, i, &list[i]); ok {
			all = append(all, item)
		}
	}
	fresh := b.fresh(ctx, all)
	if err := b.failure(); err != nil {
		b.fail(fresh, errOthersRefused)
		return err
	}
	for len(fresh) > 0 {
		var group bulkGroup
		for len(group.items) < len(fresh) && !group.isFullFor(fresh[len(group.items)]) {
			group.add(fresh[len(group.items)])
		}
		for _, err := range b.conn.store.InsertDocs(ctx, docsOf(group.items)) {
			if err != nil {
				b.fail(all, err)
				return b.failure()
			}
		}
		for _, item := range group.items {
			b.results[item.index].Result = Result{ID: item.doc.ID, Created: true}
		}
		fresh = fresh[len(group.items):]
	}
	return nil
}

// fresh returns the tasks that are not there yet, and sets the results of those
// that are. They are looked for before anything is sent, since an insert that is
// refused aborts the transaction.
func (b *bulk) fresh(ctx context.Context, items []bulkItem) []bulkItem {
	var repeated []bulkItem
	for _, item := range items {
		if item.repeatable {
			repeated = append(repeated, item)
		}
	}
	have, err := b.conn.store.GetMany(ctx, idsOf(repeated))
	if err != nil {
		b.fail(items, err)
		return nil
	}
	var fresh []bulkItem
	for _, item := range items {
		if t, ok := have[item.doc.ID]; ok {
			r := &b.results[item.index]
			r.Result, r.Err = sameTask(&t, item.task)
			continue
		}
		fresh = append(fresh, item)
		if item.repeatable {
			have[item.doc.ID] = *item.task // it may come twice in the list
		}
	}
	return fresh
}
