//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// accounts are who may run the servers when root starts the benchmark, the first
// that exists: PostgreSQL refuses to run as root.
var accounts = []string{"postgres", "nobody"}

// servant returns the ids of that account, or those of this process if it is not root.
func servant() (uid, gid int, err error) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), nil
	}
	var u *user.User
	for _, name := range accounts {
		if u, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return 0, 0, fmt.Errorf("servers do not run as root: %w; make one of the users %v, or do not run this as root", err, accounts)
	}
	if uid, err = strconv.Atoi(u.Uid); err == nil {
		gid, err = strconv.Atoi(u.Gid)
	}
	return uid, gid, err
}

// unprivileged lets cmd run as the servant, in a session of its own so that
// signals of the terminal do not reach it.
func unprivileged(cmd *exec.Cmd) error {
	uid, gid, err := servant()
	if err != nil {
		return err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if uid != os.Getuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// giveAway makes the servant the owner of a directory.
func giveAway(dir string) error {
	uid, gid, err := servant()
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}
