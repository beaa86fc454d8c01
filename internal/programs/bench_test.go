package programs

import (
	"os/exec"
	"testing"
)

// BenchmarkWarmStart is the time from the start of lgtaskprocessor to the moment
// its processor takes tasks: for a folder of Go tasks that was built before, for
// one of executables, and without a folder; beside the start of a process that
// only prints its version.
func BenchmarkWarmStart(b *testing.B) {
	start := func(b *testing.B, s *site) {
		p := s.start()
		p.runs("n")
		b.StopTimer()
		p.stop()
		b.StartTimer()
	}
	b.Run("version", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command(binary, "--version").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("no folder", func(b *testing.B) {
		s := newSite(b)
		for b.Loop() {
			start(b, s)
		}
	})
	b.Run("executables", func(b *testing.B) {
		s := newSite(b)
		s.addTask("shell", "echo hello")
		for b.Loop() {
			start(b, s)
		}
	})
	b.Run("go", func(b *testing.B) {
		s := newSite(b)
		s.write("word.go", goTask("Word", "hello"), 0o644)
		first := s.start() // builds
		first.runs("n")
		first.stop()
		for b.Loop() {
			start(b, s)
		}
	})
}
