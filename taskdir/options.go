package taskdir

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Options are what a file says about its class. The zero value is a file
// without the line.
type Options struct {
	Singleton bool          // one run of a name at a time
	Timeout   time.Duration // of one attempt; 0: none
	Attempts  int           // failed attempts until the task ends as an error; 0: not said
	Priority  int           // of its tasks, −100 to 100
	Env       []string      // further variables of the processor that the task gets
}

const (
	maxHead  = 16 << 10 // bytes that are searched for the line
	maxLines = 20       // lines that are searched for it
	marker   = "lgtask:"
)

var envPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseHead looks for the line of options in the beginning of a file, of which
// it gets up to maxHead+1 bytes. A problem names the file, line and option.
func parseHead(file string, head []byte) (o Options, problem string) {
	cut := len(head) > maxHead
	found := 0
	for number := 1; number <= maxLines && len(head) > 0; number++ {
		line, rest, ended := bytes.Cut(head, []byte("\n"))
		head = rest
		text, ok := optionText(line)
		if !ok {
			continue
		}
		at := fmt.Sprintf("%s:%d: ", file, number)
		switch {
		case found != 0:
			return Options{}, fmt.Sprintf("%sa second line of options, after line %d: put all on one line", at, found)
		case !ended && cut:
			return Options{}, fmt.Sprintf("%sthe line of options ends after the first %d bytes of the file: move it up", at, maxHead)
		}
		found = number
		if o, problem = parseOptions(text); problem != "" {
			return Options{}, at + problem
		}
	}
	return o, ""
}

// optionText returns what follows "lgtask:" on a line if only a comment sign
// stands before it: no letter and no digit, or rem. In a program such a line is
// found by chance where there are zero bytes; it is none.
func optionText(line []byte) (string, bool) {
	before, after, ok := bytes.Cut(line, []byte(marker))
	if !ok || bytes.IndexByte(line, 0) >= 0 {
		return "", false
	}
	sign := strings.TrimSpace(string(before))
	if !strings.EqualFold(sign, "rem") && strings.ContainsFunc(sign, wordRune) {
		return "", false
	}
	return string(after), true
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// parseOptions reads options parted by white space. What ends a comment, as
// "*/" and "-->", may follow.
func parseOptions(text string) (o Options, problem string) {
	words := strings.Fields(text)
	if n := len(words); n > 0 && !strings.ContainsFunc(words[n-1], wordRune) && !strings.Contains(words[n-1], "=") {
		words = words[:n-1]
	}
	if len(words) == 0 {
		return Options{}, "no option follows lgtask: — write one or remove the line"
	}
	seen := map[string]bool{}
	for _, word := range words {
		name, value, valued := strings.Cut(word, "=")
		switch {
		case seen[name]:
			problem = "is given twice"
		case name == "singleton" && valued:
			problem = "takes no value"
		default:
			problem = o.set(name, value)
		}
		if problem != "" {
			return Options{}, fmt.Sprintf("option %s %s", strconv.Quote(shorten(word)), problem)
		}
		seen[name] = true
	}
	return o, ""
}

func (o *Options) set(name, value string) (problem string) {
	var err error
	switch name {
	case "singleton":
		o.Singleton = true
	case "timeout":
		if o.Timeout, err = time.ParseDuration(value); err != nil || o.Timeout <= 0 {
			return "must be a time above 0, as 90s, 5m or 1h30m"
		}
	case "attempts":
		if o.Attempts, err = strconv.Atoi(value); err != nil || o.Attempts < 1 || o.Attempts > math.MaxInt32 {
			return "must be a whole number, 1 or more"
		}
	case "priority":
		if o.Priority, err = strconv.Atoi(value); err != nil || o.Priority < -100 || o.Priority > 100 {
			return "must be a whole number from -100 to 100"
		}
	case "env":
		o.Env = strings.Split(value, ",")
		return envProblem(o.Env)
	default:
		return "is unknown; there are singleton, timeout=, attempts=, priority= and env="
	}
	return ""
}

// envProblem refuses our own variables too: among them is the database's address.
func envProblem(names []string) string {
	for _, name := range names {
		switch {
		case !envPattern.MatchString(name):
			return "must list names of variables, parted by commas without spaces"
		case strings.HasPrefix(strings.ToUpper(name), "LGTASK_"):
			return "must not name a variable of lgtask itself"
		}
	}
	return ""
}

// shorten keeps a message short; what it cuts is binary or a mistake.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
