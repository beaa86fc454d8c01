package lgtask

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// A launcher holds the names of processors for life and gives them to workers,
// which are processes of their own: one for each state of the task folder. The
// two talk in lines of JSON over two pipes. The worker finds them where these
// variables say; the locks of the names are open behind them, so that a name
// stays locked until launcher and worker are both gone.
const (
	controlEnv  = "LGTASK_CONTROL" // version of the protocol
	controlIn   = 3                // the worker reads orders here
	controlOut  = 4                // and reports there
	controlNow  = "1"
	maxControl  = 1 << 20 // bytes of one line
	firstLockFD = 5
)

// order is what a launcher tells a worker.
type order struct {
	// Config is the first order: the configuration, by file key.
	Config map[string]string `json:"config,omitempty"`
	// Bare, with Config, says that only the classes of the task folder run.
	Bare   bool   `json:"bare,omitempty"`
	Show   bool   `json:"show,omitempty"`   // with Config: log each task
	Take   string `json:"take,omitempty"`   // start a processor of this name
	Retire bool   `json:"retire,omitempty"` // take no more tasks, set each name free when its task has ended
}

// report is what a worker tells its launcher.
type report struct {
	Ready   bool     `json:"ready,omitempty"`   // connected and listening
	Classes []string `json:"classes,omitempty"` // with Ready
	Taken   string   `json:"taken,omitempty"`   // the processor of this name runs
	Held    string   `json:"held,omitempty"`    // the name is another process's, as Text says
	Free    string   `json:"free,omitempty"`    // the name was set free
	Failed  bool     `json:"failed,omitempty"`  // the worker ends, as Text says
	Code    int      `json:"code,omitempty"`    // with Failed: the exit code
	Alive   bool     `json:"alive,omitempty"`   // a beat
	Text    string   `json:"text,omitempty"`
}

// controlWriter sends orders or reports. It is safe for concurrent use.
type controlWriter struct {
	mu  sync.Mutex
	out io.Writer
}

// send writes one line. An error means that the other side is gone, which its
// reader notices too.
func (w *controlWriter) send(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(line, '\n'))
	return err
}

// receive calls f for each line until the other side closes its end, which is no
// error, or sends something that is no line of this protocol.
func receiveControl[T any](in io.Reader, f func(T)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxControl)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return fmt.Errorf("launcher and worker do not understand each other: %w", err)
		}
		f(v)
	}
	if err := lines.Err(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
