package model

import "github.com/lgtask/lgtask/tasks"

// Follow has f called with each change that a majority has, in order. f must not
// block, nor use the database. Calling stop ends it.
func (db *Database) Follow(f func(Change)) (stop func()) {
	db.mu.Lock()
	defer db.mu.Unlock()
	at := len(db.followers)
	db.followers = append(db.followers, f)
	return func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		db.followers[at] = nil
	}
}

// Commit says that a majority has the journal up to a position.
func (db *Database) Commit(upTo Position) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.commit(upTo)
}

func (db *Database) commit(upTo Position) {
	n := 0
	for ; n < len(db.journal) && db.journal[n].at <= upTo; n++ {
		for _, f := range db.followers {
			if f != nil {
				f(db.journal[n].change)
			}
		}
	}
	db.journal = db.journal[n:]
}

// Uncommitted returns how many writes no majority is known to have.
func (db *Database) Uncommitted() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.journal)
}

// FailOver is what a new primary does that has so many of the uncommitted writes, the
// oldest: the others are taken back.
func (db *Database) FailOver(has int) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for i := len(db.journal) - 1; i >= has; i-- {
		db.journal[i].undo()
	}
	db.journal = db.journal[:min(has, len(db.journal))]
	db.commit(db.written)
}

// Event returns what a change stream tells of a change, if it lets it through.
func (c Change) Event() (tasks.Event, bool) {
	was, is := c.Before, c.After
	switch {
	case is == nil:
		return tasks.Event{}, false
	case was == nil:
		candidate := Candidate(is)
		return tasks.Event{Kind: tasks.Inserted, ID: is.ID, TaskClass: is.TaskClass, Candidate: &candidate}, is.State == tasks.Request
	case is.LastKey != "" && is.LastKey != was.LastKey:
		return tasks.Event{Kind: tasks.Freed, ID: is.ID, Key: is.LastKey}, true
	case is.State == tasks.Kill && was.State != tasks.Kill:
		return tasks.Event{Kind: tasks.Killed, ID: is.ID}, true
	case is.State == tasks.Request && was.State != tasks.Request, !is.TsRequest.Equal(was.TsRequest):
		return tasks.Event{Kind: tasks.Changed, ID: is.ID}, true
	}
	return tasks.Event{}, false
}

// Tasks returns all tasks, as the primary has them, in the order of their insertion.
func (db *Database) Tasks() []tasks.Task {
	db.mu.Lock()
	defer db.mu.Unlock()
	ts := make([]tasks.Task, 0, len(db.ids))
	db.all(func(t *tasks.Task) { ts = append(ts, *t) })
	return ts
}

// Count returns for how many tasks ok is true.
func (db *Database) Count(ok func(tasks.State) bool) (n int) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.all(func(t *tasks.Task) {
		if ok(t.State) {
			n++
		}
	})
	return n
}

// Change changes a task by hand, as no statement here does; nil removes it.
func (db *Database) Change(id tasks.ID, change func(*tasks.Task)) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.op = "Change"
	if change == nil {
		db.put(id, nil)
	} else {
		after := *db.tasks[id]
		change(&after)
		db.put(id, &after)
	}
	db.commit(db.written)
}

// Problems returns which moves the state table does not allow.
func (db *Database) Problems() []string {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.problems
}
