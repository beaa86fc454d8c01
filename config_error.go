package lgtask

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// ConfigError says which setting is wrong, where it was found and what to do. It
// never contains a secret: values of secret settings are left out, and what
// looks like a password in others is masked.
type ConfigError struct {
	// Key is the setting's name in a file, "taskDir", or empty if the error
	// concerns no single setting.
	Key string
	// Source is where it was found: a file with a line, a variable, or empty for
	// a value set in code.
	Source string
	// Value is the offending value, shortened; empty for secret settings.
	Value string
	// Problem says what is wrong.
	Problem string
	// Remedy says what to do.
	Remedy string
}

// Error returns all of it on one line.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString("configuration: ")
	if e.Key != "" {
		b.WriteString(e.Key)
		if e.Value != "" {
			b.WriteString(" = " + strconv.Quote(e.Value))
		}
		if e.Source != "" {
			b.WriteString(" (" + e.Source + ")")
		}
		b.WriteString(": ")
	} else if e.Source != "" {
		b.WriteString(e.Source + ": ")
	}
	return b.String() + e.Problem + ": " + e.Remedy
}

// configProblem is what a check of one value finds.
type configProblem struct {
	problem, remedy string
}

// maxShownValue bounds the bytes of a value in a message.
const maxShownValue = 80

// shown returns the setting's value without secrets. Of an address that is not
// well formed nothing is shown, since any part may be the password.
func (s *configSetting) shown(c *Config) string {
	if !s.Secret {
		return mongouri.Redact(s.get(c))
	}
	var out []string
	for _, text := range splitMongoHosts(s.get(c)) {
		u, err := mongouri.ParseEntry(text)
		if err != nil {
			out = append(out, "(not an address)")
			continue
		}
		out = append(out, u.String())
	}
	return strings.Join(out, " ")
}

// problem makes the error for a value of this setting.
func (s *configSetting) problem(v configValue, p *configProblem) *ConfigError {
	e := &ConfigError{Key: s.FileKey, Source: v.source, Problem: p.problem, Remedy: p.remedy}
	if !s.Secret {
		e.Value = mongouri.Redact(v.text)
		if len(e.Value) > maxShownValue {
			e.Value = strings.ToValidUTF8(e.Value[:maxShownValue], "") + "…"
		}
	}
	return e
}

// fileProblem says why a file could not be read, in the words of the system and
// without the path twice.
func fileProblem(key, source string, err error, remedy string) *ConfigError {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return &ConfigError{Key: key, Source: source, Problem: err.Error(), Remedy: remedy}
}
