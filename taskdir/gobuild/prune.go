package gobuild

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
)

const (
	keepBuilds = 10                  // of a task folder
	keepUsed   = 24 * time.Hour      // since the last use, however many there are
	keepOthers = 30 * 24 * time.Hour // since the last use, of folders that are not built any more
)

// prune removes old programs of the folder, and what builds that were killed have left.
func (s store) prune(now time.Time) error {
	list, err := s.builds()
	for i, b := range list {
		if i >= keepBuilds && now.Sub(b.used) > keepUsed {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.root, b.key)))
		}
	}
	left, globErr := filepath.Glob(filepath.Join(quoteGlob(s.root), "tmp-*"))
	err = errors.Join(err, globErr)
	for _, dir := range left {
		if info, statErr := os.Stat(dir); statErr == nil && now.Sub(info.ModTime()) > keepUsed {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// pruneCache removes programs of other folders that were not used for long, or for
// a while and the folder is gone, as those of earlier releases may be.
func pruneCache(cache string, now time.Time) error {
	roots, err := filepath.Glob(filepath.Join(quoteGlob(cache), "*-*"))
	for _, root := range roots {
		list, listErr := store{root}.builds()
		err = errors.Join(err, listErr)
		for _, b := range list {
			age := now.Sub(b.used)
			if age > keepOthers || age > keepUsed && isGone(filepath.Join(root, b.key)) {
				err = errors.Join(err, os.RemoveAll(filepath.Join(root, b.key)))
			}
		}
	}
	return err
}

// isGone reports whether the task folder of a program is no more.
func isGone(build string) bool {
	text, err := os.ReadFile(filepath.Join(build, manifestName))
	if err != nil {
		return false
	}
	var m struct{ Dir string }
	if json.Unmarshal(text, &m) != nil || m.Dir == "" {
		return false // of another version: its time will come
	}
	_, err = os.Stat(m.Dir)
	return isAbsent(err)
}
