package simulation

import "time"

// kill ends the process without notice: whatever it still does has no effect.
func (p *process) kill() {
	p.thaw()
	p.mu.Lock()
	was := p.dead
	p.dead = true
	p.mu.Unlock()
	if was {
		return
	}
	p.line.mend() // the system may still send what was on the way
	close(p.gone)
	p.cancel()
	p.w.book.died(p)
}

func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil && !p.dead {
		p.frozen = make(chan struct{})
	}
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen, p.thawed, p.troubled = nil, time.Now(), time.Now()
	}
}

func (p *process) cutOff(drops bool) {
	p.line.sever(drops)
	p.stream.fail()
}

func (p *process) reconnect() {
	if p.line.isCut() {
		p.line.mend()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.troubled = time.Now()
	}
}

// inTrouble reports whether the process was frozen or cut off after that.
func (p *process) inTrouble(after time.Time) bool {
	cut := p.line.isCut()
	p.mu.Lock()
	defer p.mu.Unlock()
	return cut || p.frozen != nil || p.troubled.After(after)
}

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// senseless reports whether it is frozen, or was a moment ago.
func (p *process) senseless() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen != nil || !p.thawed.IsZero() && time.Since(p.thawed) < time.Second
}

// alive reports whether it takes part, as far as it knows itself.
func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead && p.fenced.IsZero()
}

// fencedBefore reports whether it was fenced before this instant, and is.
func (p *process) fencedBefore(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.fenced.IsZero() && p.fenced.Before(now)
}
