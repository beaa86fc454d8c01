package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// manifest says what a program was made of. Its file's time is that of the last use.
type manifest struct {
	Generator string  `json:"generator"`
	Dir       string  `json:"dir"`       // the task folder
	Key       string  `json:"key"`       // hash over all that decides what the program is
	Settings  string  `json:"settings"`  // hash over the settings of the go command
	Toolchain string  `json:"toolchain"` // identity of the go command
	Source    string  `json:"source"`    // which lgtask; empty if the folder's module says that
	Size      int64   `json:"size"`      // of the program
	Inputs    []input `json:"inputs"`
}

const manifestName = "manifest.json"

// useMark is how old the mark of a program's last use may get.
const useMark = time.Hour

// store holds the programs of one task folder, each in a folder of its own that
// is named by its key and moved into place when all is in it.
type store struct {
	root string
}

func openStore(cache, dir string) store {
	sum := sha256.Sum256([]byte(dir))
	return store{filepath.Join(cache, shortName(dir)+"-"+hex.EncodeToString(sum[:8]))}
}

// shortName makes a folder of the cache recognisable for people.
func shortName(dir string) string {
	name := strings.Map(func(r rune) rune {
		if r < 128 && (r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
			return r
		}
		return '_'
	}, filepath.Base(dir))
	return name[:min(len(name), 40)]
}

func (s store) program(key string) string {
	name := "processor"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(s.root, key, name)
}

func (s store) lockFile() string { return filepath.Join(s.root, "lock") }

// temporary makes a folder for a build.
func (s store) temporary() (string, error) { return os.MkdirTemp(s.root, "tmp-") }

// built is a program in the store.
type built struct {
	key  string
	used time.Time
}

// builds lists the programs, the last used first.
func (s store) builds() ([]built, error) {
	entries, err := os.ReadDir(s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []built
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(s.root, e.Name(), manifestName))
		if err != nil || isTemporary(e.Name()) {
			continue // the lock, and builds under way
		}
		list = append(list, built{e.Name(), info.ModTime()})
	}
	slices.SortFunc(list, func(a, b built) int { return b.used.Compare(a.used) })
	return list, err
}

func isTemporary(name string) bool { return strings.HasPrefix(name, "tmp-") }

// load reads a manifest and makes sure that its program is there.
func (s store) load(key string) (*manifest, error) {
	text, err := os.ReadFile(filepath.Join(s.root, key, manifestName))
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, err
	}
	if m.Generator != generator || m.Key != key {
		return nil, fmt.Errorf("the manifest of %s is of another version", key)
	}
	info, err := os.Stat(s.program(key))
	if err == nil && (!info.Mode().IsRegular() || info.Size() != m.Size) {
		err = fmt.Errorf("%s is damaged", s.program(key))
	}
	return m, err
}

// save replaces the manifest of a program in the store.
func (s store) save(m *manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.root, m.Key, manifestName), text)
}

// replaceFile gives a file other contents at once, also if several do so.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error counts
	}
	return err
}

// use marks a program as used now.
func (s store) use(b built) error {
	now := time.Now()
	if now.Sub(b.used) < useMark {
		return nil
	}
	return os.Chtimes(filepath.Join(s.root, b.key, manifestName), now, now)
}

// install moves a built program from the folder tmp into the store. What is
// there under the key is damaged, or as good as this one.
func (s store) install(tmp string, m *manifest) error {
	program := filepath.Join(tmp, filepath.Base(s.program(m.Key)))
	if err := flush(program); err != nil {
		return err
	}
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	m.Size = info.Size()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, manifestName), text, 0o600); err != nil {
		return err
	}
	place := filepath.Join(s.root, m.Key)
	if err := os.RemoveAll(place); err != nil {
		return err
	}
	return os.Rename(tmp, place)
}

// flush makes the contents of a file last: the name may outlive a loss of power
// when the contents do not. A program must not be open for writing where that can be
// helped: a process that is started just then inherits it, and until that is gone
// the program cannot be run ("text file busy").
func flush(path string) error {
	mode := os.O_RDONLY
	if runtime.GOOS == "windows" {
		mode = os.O_RDWR // else it cannot be flushed
	}
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
