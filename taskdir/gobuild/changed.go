package gobuild

// look is what a build has seen.
type look struct {
	dir      string // real path
	settings string
	tool     string // identity of the go command; empty if none was found
	inputs   []input
}

func (b *Builder) remember(l *look) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = l
}

// Changed reports whether Build could give another result than it last did,
// whether that was a program or an error: an input has changed, the go command is
// another one, or Build was not called yet or failed for a reason other than its
// inputs, such as the end of its context. It does not see a network or a disk that
// came back for the go command: call Build now and then after a [*CompileError].
//
// Files are read only if their size or times have changed. It never starts the go
// command and can be called every few seconds, also while a build is going.
func (b *Builder) Changed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		return true
	}
	dir, err := b.realDir()
	if err != nil || dir != b.last.dir || b.env.settingsSum() != b.last.settings {
		return true
	}
	// A go command that is gone changes nothing, one that came back may.
	if tool, err := b.findToolchain(); err == nil && tool.id != b.last.tool {
		return true
	}
	fresh, same := memory{}.same(b.last.inputs)
	if same {
		b.last.inputs = fresh
	}
	return !same
}
