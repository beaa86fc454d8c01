package hostid

import (
	"os/exec"
	"testing"
)

func TestGone(t *testing.T) {
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if self.Host == "" || self.PID == 0 || self.Start == "" || self.Boot == "" {
		t.Fatalf("this process is not known: %+v", self)
	}
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	start, known := startOf(child.Process.Pid)
	running := self
	running.PID, running.Start = child.Process.Pid, start
	if !known || start == "" || running.Gone(self) || !Runs(running.PID, running.Start) {
		t.Errorf("the running child %+v counts as gone", running)
	}
	for name, change := range map[string]func(*Process){
		"host":      func(p *Process) { p.Host = "elsewhere" },
		"container": func(p *Process) { p.Space = "pid:[1]" },
		"boot":      func(p *Process) { p.Boot = "before" }, // or of another host of that name
		"no boot":   func(p *Process) { p.Boot = "" },
		"no start":  func(p *Process) { p.Start = "" },
		"no pid":    func(p *Process) { p.PID = 0 },
	} {
		other := running
		change(&other)
		if other.Gone(self) {
			t.Errorf("with another %s: counts as gone, though nobody can tell", name)
		}
	}
	other := running
	other.Start = "1" // the id was given to another process
	if !other.Gone(self) {
		t.Error("with another start: counts as running")
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if !running.Gone(self) || Runs(running.PID, running.Start) {
		t.Error("the child that has ended counts as running")
	}
	if Runs(0, "1") || Runs(-1, "1") || Runs(self.PID, "") {
		t.Error("what names no process runs")
	}
}

// TestZombie: a process that was killed is gone before its parent took notice.
func TestZombie(t *testing.T) {
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command("cat")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed := self
	killed.PID = child.Process.Pid
	killed.Start, _ = startOf(killed.PID)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// End of file: the system has closed what it had open.
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("cat wrote something")
	}
	for !killed.Gone(self) {
		t.Log("not a zombie yet")
	}
	if err := child.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
}
