//go:build !unix

package main

import (
	"errors"
	"os/exec"
)

var errSystem = errors.New("the servers of the peers are started on Linux only")

func unprivileged(*exec.Cmd) error { return errSystem }

func giveAway(string) error { return errSystem }
