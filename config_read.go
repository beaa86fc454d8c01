package lgtask

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Limits of what is read, in bytes. A larger file is not a configuration.
const (
	maxConfigFile = 1 << 20
	maxSecretFile = 64 << 10
)

// pipePoll is how often a pipe that nobody has opened for writing is looked at.
const pipePoll = 20 * time.Millisecond

// readConfigFile reads a whole file of at most max bytes. A pipe is waited for
// until the timeout, whether nobody opens it or nobody writes.
func readConfigFile(path string, max int64, timeout time.Duration) ([]byte, fs.FileInfo, error) {
	if path == "" {
		return nil, nil, errors.New("no file is named")
	}
	f, err := openNoWait(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case info.IsDir():
		return nil, nil, errors.New("it is a folder")
	case info.Mode().IsRegular() && info.Size() > max:
		return nil, nil, tooLarge(max)
	}
	deadline := time.Now().Add(timeout)
	_ = f.SetReadDeadline(deadline) // regular files have none and do not wait
	content, err := readUntil(f, info, max, deadline)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("nothing could be read from it within %v", timeout)
	}
	return content, info, err
}

// readUntil reads to the end. The end of a pipe comes at once while nobody has
// opened it for writing: then it is asked again until the deadline.
func readUntil(f *os.File, info fs.FileInfo, max int64, deadline time.Time) ([]byte, error) {
	pipe := info.Mode()&fs.ModeNamedPipe != 0
	for {
		content, err := io.ReadAll(io.LimitReader(f, max+1))
		switch {
		case err != nil:
			return nil, err
		case int64(len(content)) > max:
			return nil, tooLarge(max)
		case len(content) > 0 || !pipe:
			return content, nil
		case !time.Now().Before(deadline):
			return nil, os.ErrDeadlineExceeded
		}
		time.Sleep(pipePoll)
	}
}

func tooLarge(max int64) error {
	return fmt.Errorf("it is larger than %d KiB", max>>10)
}
