package mongod

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watchdog runs the command after its first argument, prints its process id
// first, and waits for a word on standard input. The word "keep" leaves the
// directory named by the first argument alone; anything else, and above all
// the end of the input, kills the command and removes the directory. The
// parent directory goes with the last node in it.
//
// It gives up standard output at once, so that mongod alone holds the pipe
// and the end of the pipe means the end of mongod.
const watchdog = `
dir=$1; shift
/bin/sh -c 'echo $$; exec "$@"' sh "$@" </dev/null &
pid=$!
exec >/dev/null 2>&1
word=; read -r word
[ "$word" = keep ] && exit 0
kill -KILL "$pid"; wait "$pid"
rm -rf "$dir"; rmdir "${dir%/*}"
exit 0
`

// node is one mongod process with its watchdog.
type node struct {
	dir  string // its data, log and key; removed when it stops
	host string
	port int

	cmd   *exec.Cmd      // the watchdog
	leash io.WriteCloser // the watchdog's standard input
	out   *os.File       // what mongod writes; at its end mongod is gone
	tail  []byte         // the last of what it wrote
	pid   int            // of mongod
}

// maxTail bounds what is kept of mongod's output for error messages.
const maxTail = 4 << 10

// launch starts mongod by a command under a watchdog and returns when its
// process exists.
func (n *node) launch(command []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	n.out, n.cmd = r, exec.Command("/bin/sh", append([]string{"-c", watchdog, "sh", n.dir}, command...)...)
	n.cmd.Stdout, n.cmd.Stderr = w, w
	detach(n.cmd)
	if n.leash, err = n.cmd.StdinPipe(); err == nil {
		err = n.cmd.Start()
	}
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return fmt.Errorf("start the watchdog of mongod: %w", err)
	}
	if err := n.readPID(); err != nil {
		n.stop()
		return err
	}
	return nil
}

func (n *node) readPID() error {
	_ = n.out.SetReadDeadline(time.Now().Add(10 * time.Second))
	line, err := bufio.NewReaderSize(oneByte{n.out}, 16).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the process id of mongod: %w", err)
	}
	n.pid, err = strconv.Atoi(strings.TrimSpace(line))
	return err
}

// oneByte reads byte by byte, so that nothing after the first line is taken.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// exited reports whether mongod is gone, waiting for that up to d.
func (n *node) exited(d time.Duration) bool {
	// A deadline that has passed would hide the end of the pipe, hence two ways.
	read := func(buf []byte) (int, error) { return readNow(n.out, buf) }
	if d > 0 {
		_ = n.out.SetReadDeadline(time.Now().Add(d))
		read = n.out.Read
	}
	buf := make([]byte, 1024)
	for {
		k, err := read(buf)
		n.tail = append(n.tail, buf[:max(0, k)]...)
		n.tail = n.tail[max(0, len(n.tail)-maxTail):]
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return d > 0 && n.exited(0)
		case err != nil:
			return true
		}
	}
}

// signal sends sig to mongod, if it still lives.
func (n *node) signal(sig syscall.Signal) error {
	if n.exited(0) {
		return os.ErrProcessDone
	}
	p, err := os.FindProcess(n.pid)
	if err != nil {
		return err
	}
	defer func() { _ = p.Release() }()
	return p.Signal(sig)
}

// stop kills mongod and removes its directory.
func (n *node) stop() { n.end("") }

// forget ends the watchdog of a mongod that is gone, leaving its directory.
func (n *node) forget() { n.end("keep\n") }

func (n *node) end(word string) {
	_, _ = io.WriteString(n.leash, word)
	_ = n.leash.Close()
	kill := time.AfterFunc(30*time.Second, func() { _ = n.cmd.Process.Kill() })
	_ = n.cmd.Wait()
	kill.Stop()
	_ = n.out.Close()
}

// report tells why mongod ended: what it printed and the errors in its log.
func (n *node) report() string {
	log, _ := os.ReadFile(filepath.Join(n.dir, "log"))
	log = log[max(0, len(log)-maxTail):]
	var text []string
	for line := range strings.Lines(string(n.tail) + "\n" + string(log)) {
		line = strings.TrimSpace(line)
		structured := strings.HasPrefix(line, "{")
		serious := strings.Contains(line, `"s":"E"`) || strings.Contains(line, `"s":"F"`)
		if line != "" && (serious || !structured) {
			text = append(text, line)
		}
		if strings.Contains(line, "loading shared libraries") {
			text = append(text, "(install the library that is named, for example libcurl4)")
		}
	}
	if len(text) == 0 {
		return "it wrote nothing"
	}
	return strings.Join(text, "\n")
}
