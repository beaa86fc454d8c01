package namelock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lgtask/lgtask/internal/hostid"
)

// Holder is who holds a lock, as it says itself.
type Holder struct {
	Name  string    `json:"name"`
	PID   int       `json:"pid"`
	Start string    `json:"start"` // see hostid.Process
	Since time.Time `json:"since"`
}

// HeldError is returned for a lock that somebody holds.
type HeldError struct {
	Name   string
	Holder Holder // zero if the file does not say
}

// Error implements error.
func (e *HeldError) Error() string {
	if e.Holder.PID == 0 {
		return "processor " + e.Name + " runs already on this host"
	}
	return fmt.Sprintf("processor %s runs already on this host, in process %d since %s", e.Name, e.Holder.PID, e.Holder.Since.UTC().Format(time.RFC3339))
}

// Lock is a lock that is held. Its methods may be called from any goroutine.
type Lock struct {
	Name string
	file *os.File
	once sync.Once
}

// errHeld is returned by lock if somebody else has the file.
var errHeld = errors.New("held")

// A process that was killed, or a child that shares its lock, takes a moment to
// end, longer on a busy host.
const (
	perhapsDying = 100 * time.Millisecond // the process that signed for the lock still runs
	dying        = 2 * time.Second        // it does not, so a child of it must be about to end
)

// Take takes a lock. It waits only for a holder that may be about to end, 0.1 s,
// or is about to, 2 s. Errors: *HeldError; *DirError.
func (d *Dir) Take(k Key) (*Lock, error) {
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		l, err := d.try(k)
		var held *HeldError
		if !errors.As(err, &held) {
			return l, err
		}
		most := perhapsDying
		if held.Holder.Start != "" && !hostid.Runs(held.Holder.PID, held.Holder.Start) {
			most = dying
		}
		if time.Since(began) > most {
			return nil, err
		}
	}
}

// try takes a lock without waiting.
func (d *Dir) try(k Key) (*Lock, error) {
	path := filepath.Join(d.path, k.file())
	for range 100 {
		f, err := openFile(path)
		if err != nil {
			return nil, &DirError{path, "cannot be opened", err}
		}
		if err := check(f); err != nil {
			_ = f.Close() // nothing was written
			return nil, err
		}
		err = lock(f)
		if errors.Is(err, errHeld) {
			h := read(f)
			_ = f.Close()
			return nil, &HeldError{Name: k.Name, Holder: h}
		}
		if err != nil {
			_ = f.Close()
			return nil, &DirError{path, "cannot be locked", err}
		}
		// Somebody may have removed the file between open and lock.
		if !same(f, path) {
			_ = f.Close()
			continue
		}
		l := &Lock{Name: k.Name, file: f}
		if err := l.sign(); err != nil {
			l.Release()
			return nil, &DirError{path, "cannot be written", err}
		}
		return l, nil
	}
	return nil, &DirError{path, "is removed again and again by somebody", nil}
}

// Look returns who signed for a lock and when it last called Beat. held says
// whether that process runs. It takes no lock, not even for a moment: a start
// that asked just then would believe the name taken. Errors: *DirError.
func (d *Dir) Look(k Key) (h Holder, beat time.Time, held bool, err error) {
	path := filepath.Join(d.path, k.file())
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return h, beat, false, nil
	}
	if err != nil {
		return h, beat, false, &DirError{path, "cannot be opened", err}
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := check(f); err != nil {
		return h, beat, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return h, beat, false, &DirError{path, "cannot be looked at", err}
	}
	h = read(f)
	return h, info.ModTime(), hostid.Runs(h.PID, h.Start), nil
}

// sign writes who holds the lock.
func (l *Lock) sign() error {
	self, err := hostid.Self()
	if err != nil {
		return err
	}
	text, err := json.Marshal(Holder{Name: l.Name, PID: self.PID, Start: self.Start, Since: time.Now()})
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt(append(text, '\n'), 0)
	return err
}

// read returns what the file says; what cannot be read says nothing.
func read(f *os.File) (h Holder) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(text, &h) != nil || h.PID <= 0 {
		return Holder{}
	}
	return h
}

func check(f *os.File) error {
	info, err := f.Stat()
	switch {
	case err != nil:
		return &DirError{f.Name(), "cannot be looked at", err}
	case !info.Mode().IsRegular():
		return &DirError{f.Name(), "is no regular file", nil}
	}
	if problem := insecure(info); problem != "" {
		return &DirError{f.Name(), problem, nil}
	}
	return nil
}

// same reports whether the path still leads to the open file.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

// Beat says that the holder is alive and well, for Look. It also keeps programs
// that tidy up old temporary files away.
func (l *Lock) Beat() error {
	now := time.Now()
	return os.Chtimes(l.file.Name(), now, now)
}

// File returns the locked file, for a child that is to share the lock.
func (l *Lock) File() *os.File { return l.file }

// Drop lets go of the lock for all that share it, children among them.
func (l *Lock) Drop() error {
	err := unlock(l.file)
	l.Release()
	return err
}

// Release lets go of the lock, unless a child shares it. The file stays: removing
// it would free the name for two at once.
func (l *Lock) Release() {
	l.once.Do(func() { _ = l.file.Close() }) // closing is what lets go; it cannot fail for a lock
}
