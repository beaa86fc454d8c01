//go:build image

package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// engineEnv makes this test program an engine instead: it holds a launch.
const engineEnv = "LGTASK_IMAGE_TEST_ENGINE"

// launch is what an engine is asked to start, as the first process of new
// namespaces.
type launch struct {
	Root     string   // the image's files
	Secret   string   // a file for secretPath
	Args     []string // the first is a path in Root
	Env      []string
	Hostname string
}

// secretPath is where a container finds its secret, as Compose has it.
const secretPath = "/run/secrets/database"

// mountPoints are the folders that an engine makes in a container.
var mountPoints = []string{"dev", "proc", "tmp", "run/secrets"}

// start becomes the container's program. It returns only on failure.
func (l *launch) start() error {
	runtime.LockOSThread() // what is given up below is given up by a thread
	for _, step := range []func() error{l.mount, l.enter, l.lower} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Exec(l.Args[0], l.Args, l.Env)
}

// mount puts the file systems of a container on their places and makes the rest
// read-only.
func (l *launch) mount() error {
	at := func(path string) string { return filepath.Join(l.Root, path) }
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount(l.Root, l.Root, "", unix.MS_BIND, ""),
		unix.Mount("proc", at("proc"), "proc", safe, ""),
		unix.Mount("tmpfs", at("tmp"), "tmpfs", safe, "mode=1777,size=16m"),
		unix.Mount("tmpfs", at("dev"), "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=64k"),
		unix.Mount("tmpfs", at("run/secrets"), "tmpfs", safe, "mode=755,size=64k"),
	)
	for _, file := range [][2]string{{"/dev/null", "/dev/null"}, {"/dev/urandom", "/dev/urandom"}, {l.Secret, secretPath}} {
		err = errors.Join(err, os.WriteFile(at(file[1]), nil, 0o644), unix.Mount(file[0], at(file[1]), "", unix.MS_BIND, ""))
	}
	return errors.Join(err, unix.Mount("", l.Root, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID, ""))
}

// enter makes the image's files the root; the machine's are gone.
func (l *launch) enter() error {
	return errors.Join(unix.Chdir(l.Root), unix.PivotRoot(".", "."), unix.Unmount(".", unix.MNT_DETACH),
		unix.Chdir("/"), unix.Sethostname([]byte(l.Hostname)))
}

// lower gives up all rights, for good.
func (l *launch) lower() error {
	var err error
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		err = errors.Join(err, unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0))
	}
	return errors.Join(err, unix.Setgroups(nil), unix.Setresgid(userID, userID, userID), unix.Setresuid(userID, userID, userID),
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)) // it ends with the test, however that ends
}

// engine starts the launch in a text.
func engine(text string) int {
	var l launch
	err := json.Unmarshal([]byte(text), &l)
	if err == nil {
		err = l.start()
	}
	fmt.Fprintln(os.Stderr, "cannot start the container:", err)
	return 125 // as engines do
}
