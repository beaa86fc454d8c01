package lgtask

// values returns the settings as text, by file key, for a process that is to
// have the same configuration. Secrets are in it.
func (c Config) values() map[string]string {
	values := map[string]string{}
	for _, s := range configSettings {
		if text := s.get(&c); text != "" {
			values[s.FileKey] = text
		}
	}
	return values
}

// configFromValues is the inverse of values. Settings that this version does not
// know are left out: a launcher may be newer than its worker.
func configFromValues(values map[string]string) (Config, error) {
	var c Config
	known := map[string]configValue{}
	for _, s := range configSettings {
		if text, ok := values[s.FileKey]; ok {
			known[s.FileKey] = configValue{text, "the launcher"}
		}
	}
	if err := c.apply(known, "/"); err != nil {
		return Config{}, err
	}
	return c.WithDefaults()
}
