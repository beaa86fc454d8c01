package executable

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// outputDelay is how long output is still read after the program has ended, if
// others keep it open.
const outputDelay = 2 * time.Second

// pipeCapacity is what fits in any empty pipe, so that writing it does not wait.
const pipeCapacity = 4096

// pipe is one pipe to or from the program.
type pipe struct{ ours, child *os.File }

// pipes feeds the program's standard input and drains its output.
type pipes struct {
	stdin, stdout, stderr pipe
	readers, writer       sync.WaitGroup
	mu                    sync.Mutex
	late                  bool // output was still open at the deadline
}

func (p *pipes) open() error {
	var err error
	if p.stdin.child, p.stdin.ours, err = os.Pipe(); err != nil {
		return err
	}
	if p.stdout.ours, p.stdout.child, err = os.Pipe(); err != nil {
		return err
	}
	p.stderr.ours, p.stderr.child, err = os.Pipe()
	return err
}

// start gives up the program's ends, so that we see when all others did, and
// starts to write and read.
func (p *pipes) start(stdin []byte, out *output) {
	for _, end := range []*pipe{&p.stdin, &p.stdout, &p.stderr} {
		_ = end.child.Close()
		end.child = nil
	}
	if len(stdin) <= pipeCapacity {
		p.feed(stdin)
	} else {
		p.writer.Go(func() { p.feed(stdin) })
	}
	p.readers.Go(func() { p.drain(p.stdout.ours, &lineWriter{out: out}) })
	p.readers.Go(func() { p.drain(p.stderr.ours, &lineWriter{out: out, stderr: true}) })
}

// feed writes the input. The program may end, or close its input, without reading
// it: that is its right, and what else can fail here it sees as a short input.
func (p *pipes) feed(stdin []byte) {
	_, _ = p.stdin.ours.Write(stdin)
	_ = p.stdin.ours.Close()
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// drain reads until nobody can write any more or the deadline of finish.
func (p *pipes) drain(from *os.File, to *lineWriter) {
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	defer to.close()
	for {
		n, err := from.Read(buffer[:])
		_, _ = to.Write(buffer[:n]) // never fails
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			p.mu.Lock()
			p.late = true
			p.mu.Unlock()
		}
		return
	}
}

// finish waits for the rest of the output, for outputDelay at most, and reports
// whether somebody still had it open then.
func (p *pipes) finish() (open bool) {
	deadline := time.Now().Add(outputDelay)
	_ = p.stdout.ours.SetReadDeadline(deadline) // pipes have deadlines
	_ = p.stderr.ours.SetReadDeadline(deadline)
	p.readers.Wait()
	_ = p.stdin.ours.Close() // ends a write that nobody reads
	p.writer.Wait()
	return p.late
}

// close closes what is still open.
func (p *pipes) close() {
	for _, f := range []*os.File{p.stdin.ours, p.stdin.child, p.stdout.ours, p.stdout.child, p.stderr.ours, p.stderr.child} {
		if f != nil {
			_ = f.Close() // a pipe; maybe closed before
		}
	}
}
