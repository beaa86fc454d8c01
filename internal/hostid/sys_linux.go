package hostid

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

func boot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // nothing can be proved then
	}
	return strings.TrimSpace(string(text))
}

func space() string {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return link
}

// startOf returns when a process started, in clock ticks since the boot, or ""
// if there is none or only what is left of it, a zombie. known is false if the
// system does not tell.
func startOf(pid int) (start string, known bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return "", procWorks()
	}
	// The name, in parentheses, may hold anything.
	i := bytes.LastIndexByte(stat, ')')
	if err != nil || i < 0 {
		return "", false
	}
	fields := strings.Fields(string(stat[i+1:]))
	if len(fields) < 20 {
		return "", false
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", true
	}
	return fields[19], true
}

// procWorks tells a process that is gone from a /proc that is not mounted.
func procWorks() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
