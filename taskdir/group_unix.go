//go:build unix

package taskdir

import (
	"bufio"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// privateGroup reports whether nobody but root or the current user is in a
// group: systems that give each user a group of the same name let the user's
// files be writable by it.
func privateGroup(gid uint32) bool {
	f, err := os.Open("/etc/group")
	if err != nil {
		return false // nothing can be told
	}
	defer f.Close()
	me, err := user.Current()
	return err == nil && onlyMember(f, gid, me.Username)
}

// onlyMember looks for the group in the lines of /etc/group and reports whether
// it is that of root or of the user, by its name, and has no other member.
func onlyMember(groups io.Reader, gid uint32, name string) bool {
	lines := bufio.NewScanner(groups)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) < 4 || fields[2] != strconv.FormatUint(uint64(gid), 10) {
			continue
		}
		owner := fields[0]
		return (owner == name || owner == "root") && (fields[3] == "" || fields[3] == owner)
	}
	return false
}
