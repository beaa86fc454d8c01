package lgtask

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/ini.v1"

	"github.com/lgtask/lgtask/internal/mongouri/nearest"
)

// configSectionName is the only section that is read.
const configSectionName = "taskProcessor"

const utf8BOM = "\ufeff"

// configSection is what a file has under [taskProcessor].
type configSection struct {
	values   map[string]configValue // by file key
	warnings []string

	lines map[string]int // where each key stands
	clean strings.Builder
}

var (
	configHeader = regexp.MustCompile(`^\[\s*([^\]]*?)\s*\](.*)$`)
	// An optional setting in the notation of the documentation:
	// [taskName = name [defaults to hostname]].
	configOptional = regexp.MustCompile(`^\[\s*([A-Za-z]+)\s*=.*\]$`)
	configKey      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)
)

// parseConfigFile takes the section out of a file. All before and after it is
// passed over unread, since it belongs to the user.
//
// The ini package alone would not do: it ends a header at the last "]" of the
// line, so at one in the comment behind it, cuts a quoted value at "#", and
// fails on other sections. So the section is first brought to a form that has
// one reading only: no comments, and each value in triple quotes.
func parseConfigFile(path string, content []byte) (*configSection, error) {
	if strings.HasPrefix(string(content), "\xff\xfe") || strings.HasPrefix(string(content), "\xfe\xff") {
		return nil, &ConfigError{Source: path, Problem: "it is UTF-16 text", Remedy: "save it as UTF-8"}
	}
	text := strings.TrimPrefix(string(content), utf8BOM)
	if strings.TrimSpace(text) == "" {
		return nil, &ConfigError{Source: path, Problem: "it is empty", Remedy: "write a [taskProcessor] section with taskDatabase in it"}
	}
	s := &configSection{values: map[string]configValue{}, lines: map[string]int{}}
	inside, found, similar := false, false, 0
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		where := fmt.Sprintf("%s line %d", path, i+1)
		header, err := s.header(line, inside, where)
		switch {
		case err != nil:
			return nil, err
		case header != nil:
			inside = *header == configSectionName
			found = found || inside
			if similar == 0 && nearest.Word(*header, []string{configSectionName}, 2) != "" {
				similar = i + 1
			}
		case inside:
			if err := s.line(line, i+1, where); err != nil {
				return nil, err
			}
		}
	}
	if !found {
		return nil, missingSection(path, similar)
	}
	return s, s.read(path)
}

func missingSection(path string, similar int) error {
	e := &ConfigError{Source: path, Problem: "it has no [taskProcessor] section", Remedy: "put the line [taskProcessor] above the settings"}
	if similar > 0 {
		e.Remedy = fmt.Sprintf("correct the header on line %d to [taskProcessor]", similar)
	}
	return e
}

// header returns the name if the line begins a section, else nil. A line that
// opens a bracket and does not close it begins a section of unknown name.
func (s *configSection) header(line string, inside bool, where string) (*string, error) {
	if !strings.HasPrefix(line, "[") {
		return nil, nil
	}
	if m := configOptional.FindStringSubmatch(line); m != nil && inside && configSettingByKey(m[1]) != nil {
		s.warnings = append(s.warnings, fmt.Sprintf(
			"%s: %s in brackets sets nothing; to set it write %s = … without them", where, m[1], m[1]))
		return nil, nil
	}
	m := configHeader.FindStringSubmatch(line)
	if m == nil {
		name := strings.TrimSpace(line[1:])
		if name == configSectionName {
			return nil, &ConfigError{Source: where, Problem: "the header has no closing bracket", Remedy: "write [taskProcessor]"}
		}
		return &name, nil
	}
	rest := strings.TrimSpace(m[2])
	if m[1] == configSectionName && rest != "" && !isConfigComment(rest) {
		return nil, &ConfigError{Source: where, Problem: "there is text behind the header", Remedy: "put it on a line of its own, or # before it"}
	}
	return &m[1], nil
}

func isConfigComment(text string) bool {
	return strings.HasPrefix(text, "#") || strings.HasPrefix(text, ";")
}

// line reads one line of the section.
func (s *configSection) line(line string, number int, where string) error {
	if line == "" || isConfigComment(line) || configOptional.MatchString(line) {
		return nil
	}
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		return &ConfigError{Source: where, Problem: "it is neither a setting nor a comment", Remedy: "write key = value, or # before a comment"}
	}
	key := strings.TrimSpace(line[:at])
	setting := configSettingByKey(key)
	if setting == nil {
		return unknownConfigKey(key, where)
	}
	if first, twice := s.lines[key]; twice {
		return &ConfigError{Key: key, Source: where, Problem: fmt.Sprintf("it is given twice, first on line %d", first), Remedy: "keep one of them"}
	}
	s.lines[key] = number
	value, problem := configText(line[at+1:])
	if problem != nil {
		return &ConfigError{Key: key, Source: where, Problem: problem.problem, Remedy: problem.remedy}
	}
	fmt.Fprintf(&s.clean, "%s = \"\"\"%s\"\"\"\n", key, value)
	s.values[key] = configValue{source: where}
	return nil
}

// unknownConfigKey names the key if it looks like one; in a broken line it could
// be a piece of something secret.
func unknownConfigKey(key, where string) error {
	e := &ConfigError{Source: where, Problem: "the key is not known", Remedy: "the keys are " + strings.Join(configKeys(), ", ")}
	if configKey.MatchString(key) {
		e.Key = key
	}
	if meant := nearest.Word(key, configKeys(), 3); meant != "" {
		e.Remedy = "did you mean " + meant + "?"
	}
	return e
}

// configText takes quotes and a comment off a value. In quotes everything is
// literal. Outside, a comment begins at "#" or ";" after white space.
func configText(raw string) (string, *configProblem) {
	raw = strings.TrimSpace(raw)
	if raw == "" || isConfigComment(raw) {
		return "", nil
	}
	value := raw
	if quote := raw[:1]; quote == "'" || quote == `"` {
		inner, rest, closed := strings.Cut(raw[1:], quote)
		if !closed {
			return "", &configProblem{"the closing quote is missing", "put the same quote at both ends, on one line"}
		}
		if rest = strings.TrimSpace(rest); rest != "" && !isConfigComment(rest) {
			return "", &configProblem{"there is text behind the closing quote", "use the other kind of quote around the value, or put # before a comment"}
		}
		value = inner
	} else if at := commentStart(raw); at >= 0 {
		value = strings.TrimSpace(raw[:at])
	}
	if !utf8.ValidString(value) {
		return "", &configProblem{"it is not valid UTF-8", "save the file as UTF-8"}
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "", &configProblem{"it contains a control character", "remove it"}
	}
	return value, nil
}

// commentStart returns where a comment begins behind an unquoted value, or -1.
func commentStart(raw string) int {
	for i := 1; i < len(raw); i++ {
		if (raw[i] == '#' || raw[i] == ';') && (raw[i-1] == ' ' || raw[i-1] == '\t') {
			return i
		}
	}
	return -1
}

// read lets the ini package read the section in its clean form.
func (s *configSection) read(path string) error {
	file, err := ini.LoadSources(ini.LoadOptions{IgnoreInlineComment: true, IgnoreContinuation: true, KeyValueDelimiters: "="},
		[]byte(s.clean.String()))
	if err != nil {
		// The error of the ini package quotes the line.
		return &ConfigError{Source: path, Problem: "it cannot be read as an INI file", Remedy: "put each value in quotes"}
	}
	for key, v := range s.values {
		v.text = file.Section("").Key(key).Value()
		s.values[key] = v
	}
	return nil
}
