package lgtask

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Validate checks all settings, each alone and those that depend on each other,
// with the defaults in place of zero values. It touches no network and no file.
// The error is the first problem found, a *ConfigError.
func (c Config) Validate() error { return c.validate("") }

// validate leaves out the setting with the given file key.
func (c Config) validate(except string) error {
	full, err := c.WithDefaults()
	if err != nil {
		return err
	}
	for _, s := range configSettings {
		if s.check == nil || s.FileKey == except {
			continue
		}
		if problem := s.check(&full); problem != nil {
			return s.problem(configValue{s.get(&full), c.sources[s.FileKey]}, problem)
		}
	}
	return nil
}

func checkTaskDatabase(text string) *configProblem {
	if text == "" {
		return &configProblem{"it is not set", "set taskDatabase in the file or LGTASK_DATABASE, for example to mongodb://localhost:27017/lgtask"}
	}
	u, err := mongouri.Parse(text)
	if err != nil {
		return addressProblem("", err)
	}
	if u.HasCollection() {
		return &configProblem{"it names a collection", "leave the path at /database; the collections' names begin with prefix"}
	}
	return nil
}

// addressProblem turns the error of an address into a problem.
func addressProblem(where string, err error) *configProblem {
	var refused *mongouri.Error
	if errors.As(err, &refused) {
		return &configProblem{where + refused.Reason, refused.Remedy}
	}
	return &configProblem{where + mongouri.Redact(err.Error()), "correct the address"}
}

func checkPrefix(text string) *configProblem {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	if len(text) > 64 || strings.Trim(text, letters) != "" || strings.HasPrefix(text, ".") || strings.HasPrefix(text, "system.") {
		return &configProblem{"it cannot begin a collection's name", "use at most 64 letters, digits, hyphens, dots and underscores, no dot first"}
	}
	return nil
}

func checkConfigPath(text string) *configProblem {
	switch {
	case strings.HasPrefix(text, "~"):
		return &configProblem{"~ is not replaced by the home folder", "write the whole path"}
	case len(text) > 4096 || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return &configProblem{"it is not a path", "use at most 4096 bytes of UTF-8 without control characters"}
	}
	return nil
}

func checkProcessors(n int) *configProblem {
	if n < 1 || n > maxProcessors {
		return &configProblem{"it is not from 1 to 10000", "write such a number"}
	}
	return nil
}

// splitClasses splits at commas and drops empty parts and repetitions.
func splitClasses(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

func checkClasses(c *Config) *configProblem {
	for i, class := range c.Classes {
		if class == "" || len(class) > 128 || !utf8.ValidString(class) || strings.ContainsFunc(class, notInName) {
			return &configProblem{fmt.Sprintf("class %d is not a class name", i+1), "separate the names by commas; a name has no spaces"}
		}
	}
	return nil
}

func checkRetention(c *Config) *configProblem {
	for _, d := range []struct {
		name    string
		problem *configProblem
	}{{"success: ", checkKept(c.Retention.Success)}, {"error: ", checkKept(c.Retention.Error)}, {"aborted: ", checkKept(c.Retention.Aborted)}} {
		if d.problem != nil {
			return &configProblem{d.name + d.problem.problem, d.problem.remedy}
		}
	}
	return nil
}

var (
	logLevels  = []string{"trace", "debug", "info", "warn", "error", "disabled"}
	logFormats = []string{"auto", "console", "json"}
	onStuck    = []string{"wait", "replace", "exit"}
)

func oneOf(known []string) func(string) *configProblem {
	return func(text string) *configProblem {
		if slices.Contains(known, text) {
			return nil
		}
		return &configProblem{"there is no such value", "write one of " + strings.Join(known, ", ")}
	}
}

func checkHTTPAddr(text string) *configProblem {
	if text == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	n, numErr := strconv.ParseUint(port, 10, 16)
	if err != nil || numErr != nil || n > 65535 || strings.ContainsFunc(host, notInName) {
		return &configProblem{"it is not host:port", "write for example 127.0.0.1:8080, or :8080 for all addresses of this host"}
	}
	return nil
}

// splitMongoHosts splits at commas and white space. In an address, the commas
// between its hosts do not split: its host list ends at a slash, a question mark
// or white space.
func splitMongoHosts(text string) []string {
	var out []string
	for _, word := range strings.Fields(text) {
		for word != "" {
			end := mongoHostEnd(word)
			if part := word[:end]; part != "" {
				out = append(out, part)
			}
			word = strings.TrimPrefix(word[end:], ",")
		}
	}
	return out
}

// mongoHostEnd returns where the first entry of the word ends.
func mongoHostEnd(word string) int {
	from := 0
	if mongouri.Is(word) {
		from = strings.Index(word, "://") + len("://")
		hosts := word[from:]
		for _, next := range []string{",mongodb://", ",mongodb+srv://"} {
			hosts, _, _ = strings.Cut(hosts, next)
		}
		path := strings.IndexAny(hosts, "/?")
		if path < 0 {
			return from + len(hosts)
		}
		from += path
	}
	if comma := strings.IndexByte(word[from:], ','); comma >= 0 {
		return from + comma
	}
	return len(word)
}

func checkMongoHosts(c *Config) *configProblem {
	for i, entry := range c.MongoHosts {
		if _, err := mongouri.ParseEntry(entry); err != nil {
			return addressProblem(fmt.Sprintf("entry %d: ", i+1), err)
		}
	}
	return nil
}
