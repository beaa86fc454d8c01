package programs

import (
	"os"
	"path/filepath"

	"github.com/lgtask/lgtask/tasks/taskstest"
)

// dir is the site's task folder; it is made when it is first asked for.
func (s *site) dir() string {
	s.Helper()
	if s.env["LGTASK_TASK_DIR"] == "" {
		dir := filepath.Join(s.env["TMPDIR"], "tasks")
		if err := os.Mkdir(dir, 0o755); err != nil {
			s.Fatal(err)
		}
		s.env["LGTASK_TASK_DIR"] = dir
	}
	return s.env["LGTASK_TASK_DIR"]
}

// write puts a file into the task folder, whole or not at all.
func (s *site) write(name, text string, mode os.FileMode) {
	s.Helper()
	path := filepath.Join(s.dir(), name)
	if err := os.WriteFile(path+"~", []byte(text), mode); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		s.Fatal(err)
	}
}

// addTask puts a shell script into the task folder.
func (s *site) addTask(class, script string) {
	s.Helper()
	s.write(class+".sh", "#!/bin/sh\n"+script+"\n", 0o755)
}

func (s *site) touch(name string) {
	s.Helper()
	s.write(name, "", 0o644)
}

// appears waits for a file in the task folder.
func (s *site) appears(name string) {
	s.Helper()
	taskstest.Eventually(s, name+" in the task folder", func() bool {
		_, err := os.Stat(filepath.Join(s.dir(), name))
		return err == nil
	})
}
