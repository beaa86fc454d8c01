package programs

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lgtask/lgtask"
	"github.com/lgtask/lgtask/internal/mongod"
	"github.com/lgtask/lgtask/tasks/taskstest"
)

// TestGettingStarted does what docs/getting-started.md tells a stranger to do,
// with the commands as they stand there, in a copy of examples/tasks.
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	page := readPage(t)
	v := newVisit(t)
	dev := v.startCommand(exec.Command("sh", "-c", "exec "+page.take("dev")))
	dev.wrote("a processor runs", 1)
	v.connect(dev)
	sh := v.shell(page)

	sh.try("go", "hello, Ada", "the task ended: success")
	sh.try("python", `README\.md has \d+ words`, "the task ended: success", `wordcount +- +success`)
	if report := v.task("report", lgtask.StateSuccess); !strings.Contains(report.LastLog, `README.md`) {
		t.Errorf("the report says %q", report.LastLog)
	}
	sh.try("change")
	dev.wrote("a processor runs", 2)
	sh.try("changed", "good morning, Ada", "the task ended: success")

	sh.try("folder")
	sh.try("start")
	v.task("slow", lgtask.StateWorking)
	sh.try("kill")
	if killed := v.task("slow", lgtask.StateWorking); killed.Crashes != 0 {
		t.Errorf("the killed task: %+v", killed)
	}
	sh.try("again", "began on worker-[12]", "done", "the task ended: success", "Crashes +1")
	sh.try("stop")
	sh.close()

	if left := page.left(); len(left) > 0 {
		t.Errorf("commands of the page that were not tried: %v", left)
	}
	if err := v.conn.Close(context.Background()); err != nil {
		t.Error(err)
	}
	dev.signal(syscall.SIGINT)
	dev.exits(0)
}

// commandPage are the commands of the page, by the name before each block.
type commandPage struct {
	testing.TB
	blocks map[string]string
	tried  []string
}

var tryBlock = regexp.MustCompile("(?s)<!-- try: ([a-z]+) -->\n```sh\n(.*?)```")

func readPage(t testing.TB) *commandPage {
	t.Helper()
	text, err := os.ReadFile("../../docs/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	p := &commandPage{TB: t, blocks: map[string]string{}}
	for _, block := range tryBlock.FindAllStringSubmatch(string(text), -1) {
		p.blocks[block[1]] = block[2]
	}
	if n := strings.Count(string(text), "```sh"); n != len(p.blocks) {
		t.Errorf("%d blocks of commands, but %d different names for them", n, len(p.blocks))
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	// TestMain has built the program. Building it here would write into the checkout.
	if target, ok := strings.CutPrefix(strings.TrimSpace(p.take("build")), "make "); !ok ||
		!regexp.MustCompile("(?m)^"+target+`:.*\n\t.* -o bin/ `).Match(makefile) {
		t.Error("the page's way to build bin/lgtaskprocessor is not in the Makefile")
	}
	return p
}

// take returns the commands of a block.
func (p *commandPage) take(name string) string {
	p.Helper()
	commands, ok := p.blocks[name]
	if !ok {
		p.Fatalf("the page has no block %q", name)
	}
	p.tried = append(p.tried, name)
	return commands
}

// left are the blocks that were not taken.
func (p *commandPage) left() (names []string) {
	for name := range p.blocks {
		if !slices.Contains(p.tried, name) {
			names = append(names, name)
		}
	}
	return names
}

// visit is a stranger's place: something like a checkout, and the database of dev.
type visit struct {
	*site
	root    string
	address string // of dev's database
}

func newVisit(t testing.TB) *visit {
	t.Helper()
	server, err := mongod.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{root: t.TempDir(), site: &site{TB: t, env: map[string]string{
		"PATH": filepath.Dir(server) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME": os.Getenv("HOME"), "TMPDIR": t.TempDir(),
	}}}
	for _, err := range []error{
		os.Mkdir(filepath.Join(v.root, "bin"), 0o755),
		os.Symlink(binary, filepath.Join(v.root, "bin", "lgtaskprocessor")),
		os.CopyFS(filepath.Join(v.root, "examples", "tasks"), os.DirFS("../../examples/tasks")),
		os.WriteFile(filepath.Join(v.root, "README.md"), []byte("some words\nto count\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func (v *visit) startCommand(cmd *exec.Cmd) *program {
	v.Helper()
	cmd.Dir = v.root
	return v.site.startCommand(cmd)
}

var printedAddress = regexp.MustCompile(`export LGTASK_DATABASE='?([^'\s]+)`)

// connect connects to the database that dev has printed.
func (v *visit) connect(dev *program) {
	v.Helper()
	text, _ := dev.out.read()
	found := printedAddress.FindStringSubmatch(text)
	if found == nil {
		v.Fatal("dev has printed no address")
	}
	v.address = found[1]
	var err error
	if v.conn, err = lgtask.Connect(v.Context(), v.address); err != nil {
		v.Fatal(err)
	}
}

// task waits until the only task of a class is in a state.
func (v *visit) task(class string, state lgtask.State) lgtask.Task {
	v.Helper()
	var found []lgtask.Task
	taskstest.Eventually(v, class+" to be "+string(state), func() bool {
		var err error
		if found, err = v.conn.Tasks(v.Context(), lgtask.TaskFilter{TaskClass: class}); err != nil {
			v.Fatal(err)
		}
		return len(found) == 1 && found[0].State == state
	})
	return found[0]
}

// terminal is the second terminal of the page.
type terminal struct {
	*program
	page    *commandPage
	address string
	in      io.WriteCloser
}

// pageAddress is the address of dev's database, as long as its port is free.
var pageAddress = regexp.MustCompile(`mongodb://127\.0\.0\.1:27117/[^']*`)

func (v *visit) shell(page *commandPage) *terminal {
	v.Helper()
	cmd := exec.Command("sh")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		v.Fatal(err)
	}
	s := &terminal{program: v.startCommand(cmd), page: page, address: v.address, in: in}
	v.Cleanup(func() {
		if v.Failed() { // else close has waited for what the shell started
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone
		}
	})
	return s
}

// try runs the commands of a block, the last of which must succeed, and wants
// what they write to match.
func (s *terminal) try(name string, wants ...string) {
	s.Helper()
	before, _ := s.out.read()
	commands := pageAddress.ReplaceAllLiteralString(s.page.take(name), s.address)
	if _, err := io.WriteString(s.in, commands+"echo \"tried "+name+": $?\"\n"); err != nil {
		s.Fatal(err)
	}
	s.wrote("tried "+name+`: \d+\n`, 1)
	text, _ := s.out.read()
	text = strings.TrimPrefix(text, before)
	for _, want := range append(wants, "tried "+name+": 0\n") {
		if !regexp.MustCompile(want).MatchString(text) {
			s.Errorf("the commands %q wrote no %q but:\n%s", name, want, text)
		}
	}
}

// close ends the shell, and waits until the programs that it started have ended.
func (s *terminal) close() {
	s.Helper()
	if _, err := io.WriteString(s.in, "wait\n"); err != nil {
		s.Fatal(err)
	}
	if err := s.in.Close(); err != nil {
		s.Fatal(err)
	}
	s.exits(0)
}
