package lgtask

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask/taskdir"
)

// folderWatch notices changes of the task folder and gets a program for each of
// its states. Its fields belong to the launcher's goroutine.
type folderWatch struct {
	dir      string
	builder  Builder // nil if Go files are not built
	folder   *taskdir.Folder
	building bool
	print    string // of a change that was seen at the last look; "" for none

	state
}

// state is a state of the folder that workers can run.
type state struct {
	program     string // "" before the first
	own         bool   // program is this very program
	executables []taskdir.Executable
}

// built is the end of a build.
type built struct {
	folder  *taskdir.Folder // nil if it could not be read
	program string          // "" if there is none
	own     bool
	err     error // why it is not that of the folder's present state
}

func newFolderWatch(dir string, newBuilder func(dir string) (Builder, error)) (*folderWatch, error) {
	folder, err := taskdir.Scan(dir)
	if err != nil {
		return nil, err
	}
	f := &folderWatch{dir: dir, folder: folder}
	if newBuilder != nil {
		f.builder, err = newBuilder(dir)
	}
	return f, err
}

// build gets a program for the present state; the event says so.
func (f *folderWatch) build(ctx context.Context, events chan<- launcherEvent) {
	f.building = true
	go func() { events <- launcherEvent{built: f.getProgram(ctx)} }()
}

// getProgram runs in a goroutine of its own.
func (f *folderWatch) getProgram(ctx context.Context) *built {
	folder, err := taskdir.Scan(f.dir)
	if err != nil {
		return &built{err: err}
	}
	b := &built{folder: folder}
	if f.builder != nil && len(folder.GoFiles) > 0 {
		if bad := folder.RefusedGo(); len(bad) > 0 {
			b.err = &bad[0]
		} else if b.program, b.err = f.builder.Build(ctx); b.program != "" {
			return b
		}
		if b.err == nil {
			b.err = errors.New("the builder returned no program")
		}
		if len(folder.Executables) == 0 {
			return b
		}
	}
	// Executables are run by this program.
	self, err := os.Executable()
	if err != nil {
		b.err = errors.Join(b.err, err)
		return b
	}
	b.program, b.own = self, true
	return b
}

// use makes what was built the program of the next workers.
func (f *folderWatch) use(b *built) { f.state = state{b.program, b.own, b.folder.Executables} }

// same reports whether workers would do the same with what was built as with
// what is used. What is in an executable does not matter, except its options:
// each run opens the file anew.
func (f *folderWatch) same(b *built) bool {
	return f.program == b.program && slices.EqualFunc(f.executables, b.folder.Executables, func(x, y taskdir.Executable) bool {
		return reflect.DeepEqual(x, y)
	})
}

func (f *folderWatch) usable() bool { return f.program != "" }

// done takes note of the end of a build.
func (f *folderWatch) done(b *built) {
	f.building = false
	if b.folder != nil {
		f.folder = b.folder
	}
}

// look builds if the folder has changed, and stayed as it is since the last
// look: an editor or a checkout writes several files.
func (f *folderWatch) look(ctx context.Context, events chan<- launcherEvent, log zerolog.Logger) {
	if f.building || ctx.Err() != nil || !f.folder.Changed() && (f.builder == nil || !f.builder.Changed()) {
		f.print = ""
		return
	}
	now := f.folder.Fingerprint()
	if f.print != now {
		f.print = now
		return
	}
	f.print = ""
	log.Debug().Str("taskDir", f.dir).Msg("the task folder has changed")
	f.build(ctx, events)
}

// wait waits for the end of a build that was cancelled.
func (f *folderWatch) wait(events <-chan launcherEvent) {
	for f.building {
		if e := <-events; e.built != nil {
			f.building = false
		}
	}
}
