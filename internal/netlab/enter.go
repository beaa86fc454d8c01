//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
)

// inside, if set in the environment, says that the program runs in namespaces of its
// own.
const inside = "LGTASK_NETLAB"

// Missing returns nil if [Enter] can work here, else what it needs.
func Missing() error {
	if os.Geteuid() != 0 {
		return errors.New("networks of namespaces need root")
	}
	for command, pkg := range map[string]string{"ip": "iproute2", "iptables": "iptables"} {
		if _, err := exec.LookPath(command); err != nil {
			return fmt.Errorf("networks of namespaces need the command %s (package %s)", command, pkg)
		}
	}
	probe := exec.Command("true")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	if err := probe.Run(); err != nil {
		return fmt.Errorf("this machine gives root no namespaces of its own: %w", err)
	}
	return nil
}

const namespaces = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS

// Enter starts the program again, with the same arguments, in namespaces of its own,
// and waits for its end: then outside is true, and the caller exits with the code. In
// the program that was started so, outside is false.
//
// It is called from main, or TestMain, before anything else: the inner program is
// killed with the thread that has started it.
func Enter() (code int, outside bool, err error) {
	if os.Getenv(inside) != "" {
		return 0, false, errors.Join(os.Unsetenv(inside), settle())
	}
	self, err := os.Executable()
	if err != nil {
		return 0, true, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, true, err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it may have ended
			case <-ended:
				return
			}
		}
	}()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return 0, true, err
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, true, nil
	}
	return 1, true, nil // ended by a signal
}

// settle keeps the mounts of this program to itself, and gives it a /run of its own,
// where ip keeps the names of namespaces and iptables its lock.
func settle() error {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a /run of this program's own: %w", err)
	}
	return nil
}
