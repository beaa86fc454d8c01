package lgtask

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caarlos0/env/v10"

	"github.com/lgtask/lgtask/internal/mongouri/nearest"
)

// configEnvPrefix begins the names of all variables.
const configEnvPrefix = "LGTASK_"

// configEnv has the variables, as text. Its field names are those of Config.
type configEnv struct {
	TaskDatabase string `env:"DATABASE"`
	Prefix       string `env:"PREFIX"`
	TaskDir      string `env:"TASK_DIR"`
	TaskName     string `env:"NAME"`
	Processors   string `env:"PROCESSORS"`
	Classes      string `env:"CLASSES"`
	Retention    string `env:"RETENTION"`
	LockDir      string `env:"LOCK_DIR"`
	LogLevel     string `env:"LOG_LEVEL"`
	LogFormat    string `env:"LOG_FORMAT"`
	LogFile      string `env:"LOG_FILE"`
	HTTPAddr     string `env:"HTTP_ADDR"`
	MongoHosts   string `env:"MONGO_HOSTS"`
	Grace        string `env:"GRACE"`
	MaxAttempts  string `env:"MAX_ATTEMPTS"`
	OnStuck      string `env:"ON_STUCK"`
}

// environment returns the settings found in the environment by file key. A
// variable that is set but empty counts as not set.
func (l configLoader) environment() (values map[string]configValue, warnings []string, err error) {
	byName := map[string]string{}
	var texts configEnv
	// All fields are text, so this reads names and converts nothing; errors of
	// conversion would quote the value.
	err = env.ParseWithOptions(&texts, env.Options{Environment: l.environ, Prefix: configEnvPrefix,
		OnSet: func(name string, value any, _ bool) { byName[name] = fmt.Sprint(value) }})
	if err != nil {
		return nil, nil, &ConfigError{Source: "environment", Problem: "it cannot be read", Remedy: "check the LGTASK_… variables"}
	}
	values = map[string]configValue{}
	for _, s := range configSettings {
		v, warning, err := l.variable(s, byName[s.Env])
		if err != nil {
			return nil, nil, err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
		if v.text != "" {
			values[s.FileKey] = v
		}
	}
	return values, append(warnings, l.misspelt()...), nil
}

// variable returns one setting, from its variable or from the file that the
// variable's …_FILE form names.
func (l configLoader) variable(s *configSetting, text string) (v configValue, warning string, err error) {
	fileVar := s.Env + "_FILE"
	path := l.environ[fileVar]
	if !s.Secret || path == "" {
		return configValue{text, s.Env}, "", nil
	}
	source := fileVar + " " + path
	if text != "" {
		return v, "", &ConfigError{Key: s.FileKey, Source: "environment",
			Problem: s.Env + " and " + fileVar + " are both set", Remedy: "unset one of them"}
	}
	content, info, err := readConfigFile(path, maxSecretFile, l.timeout)
	if err != nil {
		return v, "", fileProblem(s.FileKey, source, err, "name a readable file that holds only the value")
	}
	value := strings.TrimRight(strings.TrimPrefix(string(content), utf8BOM), "\r\n")
	if strings.TrimSpace(value) == "" {
		return v, "", &ConfigError{Key: s.FileKey, Source: source, Problem: "the file is empty", Remedy: "write the value into it"}
	}
	if readableByOthers(info) {
		warning = fmt.Sprintf("%s: everybody on this host can read it: chmod 600", source)
	}
	return configValue{value, source}, warning, nil
}

// misspelt warns of variables that are one typing error away from a setting.
// Others with the prefix are left alone: they may belong to the user.
func (l configLoader) misspelt() []string {
	var known, warnings []string
	for _, s := range configSettings {
		known = append(known, s.Env)
		if s.Secret {
			known = append(known, s.Env+"_FILE")
		}
	}
	for name := range l.environ {
		if !strings.HasPrefix(name, configEnvPrefix) || slices.Contains(known, name) {
			continue
		}
		if meant := nearest.Word(name, known, 1); meant != "" {
			warnings = append(warnings, fmt.Sprintf("%s is not a setting: did you mean %s?", name, meant))
		}
	}
	slices.Sort(warnings)
	return warnings
}
