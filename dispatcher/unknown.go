package dispatcher

import "github.com/lgtask/lgtask/tasks"

// Unknown returns those of the tasks that this process holds, as the database says,
// which it has no part in: they neither run here nor are being claimed or recorded. A
// task may have ended since the database was asked.
func (d *Dispatcher) Unknown(held []tasks.Held) []tasks.Held {
	d.mu.Lock()
	defer d.mu.Unlock()
	mine := make(map[tasks.ID]tasks.Held, len(held))
	for _, h := range held {
		if _, claiming := d.claiming[h.ID]; !claiming {
			mine[h.ID] = h
		}
	}
	for r := range d.running {
		if mine[r.held.ID].Token == r.held.Token {
			delete(mine, r.held.ID)
		}
	}
	for r := range d.reservations {
		for id, h := range mine {
			if h.Token == r.Claim.Token {
				delete(mine, id)
			}
		}
	}
	var unknown []tasks.Held
	for _, h := range held {
		if _, left := mine[h.ID]; left {
			unknown = append(unknown, h)
		}
	}
	return unknown
}
