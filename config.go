package lgtask

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lgtask/lgtask/internal/mongouri"
)

// Config says what a processor works on and how. The zero value of a field
// means its default; ConfigSettings lists the fields with the names they have in
// a file and in the environment.
//
// A Config comes from LoadConfig, from ConfigFromEnv or is written as a literal.
// None of these checks the values against each other: Validate does, once flags
// have had their say. Printing a Config, with any verb or as JSON, shows no
// password.
type Config struct {
	// TaskDatabase is the address of the task database,
	// mongodb://[user:password@]host[:port][/database]. Required.
	TaskDatabase string `json:"-"`
	// Prefix stands before the names of lgtask's collections. Default empty.
	Prefix string
	// TaskDir is the folder whose files are tasks. Default empty: only the
	// registered classes run.
	TaskDir string
	// TaskName is the base of the processors' names, see ProcessorNames.
	// Default: the name of the host.
	TaskName string
	// Processors is how many processors run, each one task at a time, from 1 to
	// 10000. Default 1.
	Processors int
	// Classes are the task classes to run. Default empty: all that are registered.
	Classes []string
	// Retention is how long ended tasks are kept.
	Retention Retention
	// LockDir is the folder of the name locks. Default empty: one per user in
	// the folder for temporary files.
	LockDir string
	// LogLevel is trace, debug, info, warn, error or disabled. Default info.
	LogLevel string
	// LogFormat is console, json, or auto: console at a terminal, else json.
	// Default auto.
	LogFormat string
	// LogFile is the file to log to. Default empty: standard error.
	LogFile string
	// HTTPAddr is the host:port of the web pages and metrics. Default empty: none.
	HTTPAddr string
	// MongoHosts are the servers, beside the one of TaskDatabase, that tasks may
	// be given handles to: host[:port], or an address with the credentials to use.
	MongoHosts []string `json:"-"`
	// Grace is how long Stop lets running tasks finish, at most 1 hour. Default 8 s.
	Grace time.Duration
	// MaxAttempts is how many failed attempts a task may have if neither it nor its
	// class says so, from 1 to 1,000,000. Default 1.
	MaxAttempts int
	// OnStuck is what is done about a handler that goes on 10 s after its context has
	// ended, because it was killed, its time was over or the lease was lost: wait, which
	// leaves its processor without work until it returns; replace, which lets the
	// processor take other tasks meanwhile, once; exit, which ends the processor with
	// ErrStuck, so that cron starts it again. Default wait.
	OnStuck string

	// Warnings are sentences for the log about what was loaded and looks like a
	// mistake, such as a password in a file that everybody can read. It is not a
	// setting.
	Warnings []string

	// sources has where each setting was read, by file key, for messages.
	sources map[string]string
}

// LoadConfig reads the [taskProcessor] section of an INI file and puts the
// environment over it; where neither says anything the default stands. Other
// sections belong to the user and cannot fail the load. Relative paths in the
// file count from the file's folder, those in the environment from the current
// one.
//
// Errors are *ConfigError: the file cannot be read, is larger than 1 MiB, has no
// such section, has an unknown or repeated key, or a value of the wrong type.
func LoadConfig(path string) (Config, error) {
	return systemConfigLoader().load(path)
}

// ConfigFromEnv reads everything from LGTASK_… variables. The secret ones can be
// given as LGTASK_…_FILE, the path of a file that holds the value.
//
// Errors are *ConfigError: a value of the wrong type, both forms of one variable,
// or a file that cannot be read within 5 seconds or is empty.
func ConfigFromEnv() (Config, error) {
	return systemConfigLoader().fromEnv()
}

// WithDefaults returns the configuration with the default in each field that has
// the zero value. It returns a *ConfigError if the host does not know its name
// and TaskName is empty.
func (c Config) WithDefaults() (Config, error) {
	return c.withDefaults(os.Hostname)
}

func (c Config) withDefaults(hostname func() (string, error)) (Config, error) {
	if c.TaskName == "" {
		name, err := hostname()
		if err != nil || name == "" {
			return Config{}, &ConfigError{Key: "taskName", Problem: "it is empty and the host has no name",
				Remedy: "set taskName or LGTASK_NAME"}
		}
		c.TaskName = name
	}
	if c.Processors == 0 {
		c.Processors = 1
	}
	c.Retention = c.Retention.withDefaults()
	if c.LogLevel == "" {
		c.LogLevel = "info"
	}
	if c.LogFormat == "" {
		c.LogFormat = "auto"
	}
	if c.Grace == 0 {
		c.Grace = 8 * time.Second
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = 1
	}
	if c.OnStuck == "" {
		c.OnStuck = onStuck[0]
	}
	return c, nil
}

// String returns all settings on one line without any password.
func (c Config) String() string {
	var b strings.Builder
	for i, s := range configSettings {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%q", s.FileKey, s.shown(&c))
	}
	return b.String()
}

// Format writes String for every verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprint(f, c.String())
}

// configLoader holds what loading takes from outside, so that tests can replace
// it.
type configLoader struct {
	environ  map[string]string
	hostname func() (string, error)
	timeout  time.Duration // for reading a file that is a pipe
}

func systemConfigLoader() configLoader {
	environ := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		environ[name] = value
	}
	return configLoader{environ: environ, hostname: os.Hostname, timeout: 5 * time.Second}
}

func (l configLoader) load(path string) (Config, error) {
	content, info, err := readConfigFile(path, maxConfigFile, l.timeout)
	if err != nil {
		return Config{}, fileProblem("", path, err, "give the path of a readable configuration file")
	}
	section, err := parseConfigFile(path, content)
	if err != nil {
		return Config{}, err
	}
	var c Config
	c.Warnings = section.warnings
	folder := filepath.Dir(path)
	if err := c.apply(section.values, folder); err != nil {
		return Config{}, err
	}
	if readableByOthers(info) && c.holdsPassword() {
		c.warn("%s holds a password and everybody on this host can read it: chmod 600", path)
	}
	return l.finish(c)
}

func (l configLoader) fromEnv() (Config, error) {
	return l.finish(Config{})
}

// finish puts the environment and then the defaults on what a file gave.
func (l configLoader) finish(c Config) (Config, error) {
	values, warnings, err := l.environment()
	if err != nil {
		return Config{}, err
	}
	c.Warnings = append(c.Warnings, warnings...)
	if err := c.apply(values, "."); err != nil {
		return Config{}, err
	}
	c.warnOverridden()
	return c.withDefaults(l.hostname)
}

// configValue is one setting as text, with where it was found.
type configValue struct {
	text, source string
}

// apply sets what values have, by file key. Relative paths count from folder.
func (c *Config) apply(values map[string]configValue, folder string) error {
	for _, s := range configSettings {
		v, ok := values[s.FileKey]
		if !ok || v.text == "" {
			continue
		}
		text := v.text
		if s.path && !filepath.IsAbs(text) && !strings.HasPrefix(text, "~") {
			absolute, err := filepath.Abs(filepath.Join(folder, text))
			if err != nil {
				return s.problem(v, &configProblem{"the current folder is not known", "write an absolute path"})
			}
			text = absolute
		}
		if problem := s.set(c, text); problem != nil {
			return s.problem(v, problem)
		}
		if c.sources == nil {
			c.sources = map[string]string{}
		}
		c.sources[s.FileKey] = v.source
	}
	return nil
}

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// warnOverridden tells which options of the address have no effect on tasks.
func (c *Config) warnOverridden() {
	u, err := mongouri.Parse(c.TaskDatabase)
	if err != nil {
		return // Validate says it
	}
	if names := u.Overridden(); len(names) > 0 {
		c.warn("taskDatabase: %s in the address has no effect on tasks, which need their own settings for reads and writes",
			strings.Join(names, ", "))
	}
}

// holdsPassword reports whether a secret setting has a user or key in it.
func (c *Config) holdsPassword() bool {
	for _, s := range configSettings {
		if text := s.get(c); s.Secret && mongouri.Redact(text) != text {
			return true
		}
	}
	return false
}
