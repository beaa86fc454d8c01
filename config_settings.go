package lgtask

import (
	"strconv"
	"strings"
	"time"
)

// ConfigSetting describes one setting, for documentation and help texts.
type ConfigSetting struct {
	Name    string // the field of Config
	FileKey string // the key in the [taskProcessor] section
	Env     string // the variable; with _FILE behind it for a file, if Secret
	Default string // as text, or what it depends on
	Meaning string
	Secret  bool // may hold a password
}

// ConfigSettings returns all settings in the order of Config's fields. The
// caller owns the result.
func ConfigSettings() []ConfigSetting {
	out := make([]ConfigSetting, 0, len(configSettings))
	for _, s := range configSettings {
		out = append(out, s.ConfigSetting)
	}
	return out
}

// configSetting adds to the description how a setting is handled.
type configSetting struct {
	ConfigSetting
	path  bool // a relative path is made absolute when loaded
	get   func(*Config) string
	set   func(*Config, string) *configProblem // from text that is not empty
	check func(*Config) *configProblem         // after the defaults; nil: anything goes
}

func configSettingByKey(key string) *configSetting {
	for _, s := range configSettings {
		if s.FileKey == key {
			return s
		}
	}
	return nil
}

func configKeys() []string {
	var keys []string
	for _, s := range configSettings {
		keys = append(keys, s.FileKey)
	}
	return keys
}

// textSetting makes a setting that is stored as it is written.
func textSetting(d ConfigSetting, field func(*Config) *string, check func(string) *configProblem) *configSetting {
	return &configSetting{
		ConfigSetting: d,
		get:           func(c *Config) string { return *field(c) },
		set:           func(c *Config, text string) *configProblem { *field(c) = text; return nil },
		check:         func(c *Config) *configProblem { return check(*field(c)) },
	}
}

// pathSetting makes a setting that names a file or folder.
func pathSetting(d ConfigSetting, field func(*Config) *string) *configSetting {
	s := textSetting(d, field, checkConfigPath)
	s.path = true
	return s
}

// configSettings is the table of all settings, in the order of Config's fields.
var configSettings = append(whatSettings(), howSettings()...)

// whatSettings say what the processors work on.
func whatSettings() []*configSetting {
	return []*configSetting{
		textSetting(ConfigSetting{"TaskDatabase", "taskDatabase", "LGTASK_DATABASE", "none, required",
			"address of the task database, mongodb://[user:password@]host[:port][/database]; the database is lgtask if the path is empty", true},
			func(c *Config) *string { return &c.TaskDatabase }, checkTaskDatabase),
		textSetting(ConfigSetting{"Prefix", "prefix", "LGTASK_PREFIX", "empty",
			"text before the names of lgtask's collections", false},
			func(c *Config) *string { return &c.Prefix }, checkPrefix),
		pathSetting(ConfigSetting{"TaskDir", "taskDir", "LGTASK_TASK_DIR", "empty",
			"folder whose files are tasks: executables of any language and, with lgtaskprocessor, Go files", false},
			func(c *Config) *string { return &c.TaskDir }),
		{ConfigSetting: ConfigSetting{"TaskName", "taskName", "LGTASK_NAME", "the host's name",
			"base of the processors' names; with several processors -1, -2, … follow it", false},
			get: func(c *Config) string { return c.TaskName },
			set: func(c *Config, text string) *configProblem { c.TaskName = text; return nil },
			check: func(c *Config) *configProblem {
				names := ProcessorNames(c.TaskName, c.Processors)
				if len(names) == 0 {
					return nil
				}
				return checkProcessorName(names[len(names)-1])
			}},
		{ConfigSetting: ConfigSetting{"Processors", "processors", "LGTASK_PROCESSORS", "1",
			"how many processors run, each one task at a time, from 1 to 10000", false},
			get:   func(c *Config) string { return strconv.Itoa(c.Processors) },
			set:   setProcessors,
			check: func(c *Config) *configProblem { return checkProcessors(c.Processors) }},
		{ConfigSetting: ConfigSetting{"Classes", "classes", "LGTASK_CLASSES", "all registered",
			"task classes to run, separated by commas", false},
			get:   func(c *Config) string { return strings.Join(c.Classes, ",") },
			set:   func(c *Config, text string) *configProblem { c.Classes = splitClasses(text); return nil },
			check: checkClasses},
		{ConfigSetting: ConfigSetting{"Retention", "retention", "LGTASK_RETENTION", "success=1d,error=7d,aborted=7d",
			"how long ended tasks are kept: one duration for all, or by how they ended; forever is one too", false},
			get: func(c *Config) string { return c.Retention.String() },
			set: func(c *Config, text string) (problem *configProblem) {
				c.Retention, problem = parseRetention(text)
				return problem
			},
			check: checkRetention},
	}
}

// howSettings say how the processors run.
func howSettings() []*configSetting {
	return []*configSetting{
		pathSetting(ConfigSetting{"LockDir", "lockDir", "LGTASK_LOCK_DIR", "one per user, in the folder for temporary files",
			"folder of the locks that keep a processor's name from running twice", false},
			func(c *Config) *string { return &c.LockDir }),
		textSetting(ConfigSetting{"LogLevel", "logLevel", "LGTASK_LOG_LEVEL", "info",
			"least serious messages that are logged: " + strings.Join(logLevels, ", "), false},
			func(c *Config) *string { return &c.LogLevel }, oneOf(logLevels)),
		textSetting(ConfigSetting{"LogFormat", "logFormat", "LGTASK_LOG_FORMAT", "auto",
			"form of the log: console, json, or auto, which is console at a terminal and else json", false},
			func(c *Config) *string { return &c.LogFormat }, oneOf(logFormats)),
		pathSetting(ConfigSetting{"LogFile", "logFile", "LGTASK_LOG_FILE", "standard error",
			"file to log to", false},
			func(c *Config) *string { return &c.LogFile }),
		textSetting(ConfigSetting{"HTTPAddr", "httpAddr", "LGTASK_HTTP_ADDR", "none",
			"host:port of the web pages and metrics", false},
			func(c *Config) *string { return &c.HTTPAddr }, checkHTTPAddr),
		{ConfigSetting: ConfigSetting{"MongoHosts", "mongoHosts", "LGTASK_MONGO_HOSTS", "none",
			"servers beside the task database's own that tasks may be given handles to: host[:port] or an address with its credentials, " +
				"separated by commas or spaces", true},
			get:   func(c *Config) string { return strings.Join(c.MongoHosts, " ") },
			set:   func(c *Config, text string) *configProblem { c.MongoHosts = splitMongoHosts(text); return nil },
			check: checkMongoHosts},
		{ConfigSetting: ConfigSetting{"Grace", "grace", "LGTASK_GRACE", "8s",
			"how long running tasks may finish when the processors stop, at most 1h", false},
			get: func(c *Config) string { return c.Grace.String() },
			set: func(c *Config, text string) *configProblem {
				d, ok := parseConfigDuration(text)
				if !ok {
					return &configProblem{"it is not a duration", "write for example 8s or 1m"}
				}
				c.Grace = d
				return checkGrace(d)
			},
			check: func(c *Config) *configProblem { return checkGrace(c.Grace) }},
		{ConfigSetting: ConfigSetting{"MaxAttempts", "maxAttempts", "LGTASK_MAX_ATTEMPTS", "1",
			"how many failed attempts a task may have if neither it nor its class says so, from 1 to 1000000", false},
			get: func(c *Config) string { return strconv.Itoa(c.MaxAttempts) },
			set: func(c *Config, text string) *configProblem {
				n, err := strconv.Atoi(text)
				if err != nil {
					return &configProblem{"it is not a whole number", "write a number from 1 to 1000000"}
				}
				c.MaxAttempts = n
				return checkMaxAttempts(n)
			},
			check: func(c *Config) *configProblem { return checkMaxAttempts(c.MaxAttempts) }},
		textSetting(ConfigSetting{"OnStuck", "onStuck", "LGTASK_ON_STUCK", "wait",
			"what is done about a handler that goes on 10 s after its context has ended: wait for it, replace it, which lets its processor take " +
				"other tasks meanwhile, or exit with code 1, to be started again", false},
			func(c *Config) *string { return &c.OnStuck }, oneOf(onStuck)),
	}
}

func setProcessors(c *Config, text string) *configProblem {
	n, err := strconv.Atoi(text)
	if err != nil {
		return &configProblem{"it is not a whole number", "write a number from 1 to 10000"}
	}
	c.Processors = n
	return checkProcessors(n)
}

func checkMaxAttempts(n int) *configProblem {
	if n < 1 || n > 1_000_000 {
		return &configProblem{"it is not from 1 to 1000000", "write for example 3"}
	}
	return nil
}

func checkGrace(d time.Duration) *configProblem {
	if d < time.Millisecond || d > time.Hour {
		return &configProblem{"it is not from 1 millisecond to 1 hour", "write for example 8s or 1m"}
	}
	return nil
}
