package executable_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lgtask/lgtask/internal/executable"
)

var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(w, r.Body)
})

const client = `import os, socket, http.client, sys
def request(body):
    c = http.client.HTTPConnection('task')
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(os.environ['LGTASK_SOCKET'])
    c.request('POST', '/', body)
    return c
`

func TestHandler(t *testing.T) {
	for name, tmp := range map[string]string{"short": t.TempDir(), "long": filepath.Join(t.TempDir(), strings.Repeat("long", 30))} {
		must(t, os.MkdirAll(tmp, 0o700))
		t.Setenv("TMPDIR", tmp)
		file := python(t, client+`
for i in range(3): print(request(f'hello {i}').getresponse().read().decode())
path = os.environ['LGTASK_SOCKET']
print(len(path) < 100, oct(os.stat(os.path.dirname(path)).st_mode), os.listdir('.'))
print(path)`)
		res, out := run(t, executable.Spec{File: file, Handler: echo})
		if len(out.stdout) != 5 || out.stdout[2] != "hello 2" || out.stdout[3] != "True 0o40700 []" {
			t.Fatalf("%s: %+v %+v", name, res, out)
		}
		if _, err := os.Stat(filepath.Dir(out.stdout[4])); !os.IsNotExist(err) {
			t.Errorf("%s: the socket is left: %v", name, err)
		}
	}
}

// TestHandlerGoing ends the program while a request is being answered: one that
// ends by itself is let go on, one that waits for its context gets its end.
func TestHandlerGoing(t *testing.T) {
	var called, returned atomic.Int32
	started := make(chan struct{})
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called.Add(1)
		close(started)
		<-r.Context().Done()
		returned.Add(1)
	})
	ended := make(chan executable.Result, 1)
	go func() {
		res, err := executable.Run(t.Context(), executable.Spec{File: python(t, client+"c = request('')\nsys.stdin.read()\nos.kill(os.getpid(), 9)"), Handler: h})
		if err != nil {
			t.Error(err)
		}
		ended <- res
	}()
	<-started
	if res := <-ended; res.Cleanup != nil || res.Code != -1 {
		t.Errorf("%+v", res)
	}
	if called.Load() != 1 || returned.Load() != 1 {
		t.Errorf("%d requests, %d of them answered when the run returned", called.Load(), returned.Load())
	}
}

// TestHandlerFails lets a handler panic: the program's log tells.
func TestHandlerFails(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(fmt.Sprint("at mongodb://u:", "pl4nt3d@h")) })
	file := python(t, client+`
try: request('').getresponse()
except Exception as e: print(type(e).__name__)`)
	_, out := run(t, executable.Spec{File: file, Handler: h})
	all := strings.Join(out.stderr, "\n")
	if len(out.stdout) != 1 || !strings.Contains(all, "LGTASK_SOCKET: http: panic serving") || strings.Contains(all, "pl4nt3d") {
		t.Errorf("%+v", out)
	}
}
