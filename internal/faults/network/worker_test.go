//go:build faults && linux

package network

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/lgtask/lgtask"
)

// envWorker holds the settings of a worker, as JSON.
const envWorker = "LGTASK_NETWORK_WORKER"

// settings say what a worker is.
type settings struct {
	Address    string // of the task database
	Name       string // base of the processors' names; empty: that of the host
	Processors int
	LockDir    string
	Holds      bool // see Work

	HostName string // of the host; empty: this machine's
	BootFile string // a file with the host's boot ID; empty: this machine's

	LogFile string // makes the worker a program that logs there, at the level debug
}

// event is a line of a worker's output.
type event struct {
	At   time.Time
	What string // listening, refused, stats, or what Work says
	Task string `json:",omitempty"`
	N    int    `json:",omitempty"`
	Text string `json:",omitempty"`

	Stats      *lgtask.ProcessorStats `json:",omitempty"`
	Goroutines int                    `json:",omitempty"`
}

// self is what a worker's handlers know of it.
type self struct {
	settings
	returns chan struct{} // closed when held runs are to return

	mu  sync.Mutex
	out *json.Encoder
}

var me *self // in a worker

func (s *self) tell(e event) {
	e.At = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.out.Encode(e); err != nil {
		os.Exit(3) // nobody is there any more
	}
}

// workerMain runs processors until in closes, and returns the exit code.
func workerMain(text string, in io.Reader, out, logs io.Writer) int {
	me = &self{returns: make(chan struct{}), out: json.NewEncoder(out)}
	err := json.Unmarshal([]byte(text), &me.settings)
	if err == nil {
		err = me.settle()
	}
	if err != nil {
		fmt.Fprintln(logs, err)
		return 2
	}
	registry := lgtask.NewRegistry()
	lgtask.Register[Work](registry)
	if me.LogFile != "" {
		go me.obey(in, nil, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) })
		return lgtask.MainWith(registry, lgtask.MainOptions{Configure: me.configure})
	}
	if err := me.work(registry, in, logs); err != nil {
		me.tell(event{What: "refused", Text: err.Error()})
		return 1
	}
	return 0
}

// settle gives the host its name and its boot ID. This process has namespaces of its
// own for them.
func (s *self) settle() error {
	var errs []error
	if s.HostName != "" {
		errs = append(errs, syscall.Sethostname([]byte(s.HostName)))
	}
	if s.BootFile != "" {
		errs = append(errs, syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""),
			syscall.Mount(s.BootFile, "/proc/sys/kernel/random/boot_id", "", syscall.MS_BIND, ""))
	}
	return errors.Join(errs...)
}

func (s *self) configure(c *lgtask.Config) {
	c.TaskDatabase, c.TaskName, c.Processors, c.LockDir = s.Address, s.Name, s.Processors, s.LockDir
	if s.LogFile != "" {
		c.LogFile, c.LogLevel = s.LogFile, "debug"
	}
}

func (s *self) work(registry *lgtask.Registry, in io.Reader, logs io.Writer) error {
	var cfg lgtask.Config
	s.configure(&cfg)
	log := zerolog.New(logs).Level(zerolog.InfoLevel).With().Timestamp().Logger()
	p, err := lgtask.NewProcessor(cfg, registry, lgtask.WithLogger(log))
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Start(starting); err != nil {
		return err
	}
	s.tell(event{What: "listening"})
	over := make(chan struct{})
	go s.obey(in, p, func() { close(over) })
	select {
	case <-over:
	case <-p.Done():
	}
	stopping, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.Stop(stopping)
}

// obey does what each line says, until there is no further one.
func (s *self) obey(in io.Reader, p *lgtask.Processor, over func()) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		switch lines.Text() {
		case "return":
			close(s.returns)
		case "stats":
			stats := p.Stats()
			s.tell(event{What: "stats", Stats: &stats, Goroutines: runtime.NumGoroutine()})
		case "stacks":
			text := make([]byte, 1<<20)
			s.tell(event{What: "stacks", Text: string(text[:runtime.Stack(text, true)])})
		}
	}
	over()
}
