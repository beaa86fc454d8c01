package lgtask

import (
	"reflect"
	"testing"
	"time"
)

// TestConfigValues: a worker has its launcher's configuration, whatever it is.
func TestConfigValues(t *testing.T) {
	for name, c := range map[string]Config{
		"defaults": {TaskDatabase: "mongodb://h/d"},
		"all": {
			TaskDatabase: "mongodb://u:p%40ss@h:1,h:2/d?replicaSet=r", Prefix: "p_", TaskDir: "/a b/c", TaskName: "n", Processors: 7,
			Classes: []string{"A", "B"}, Retention: Retention{Success: time.Hour, Error: 48 * time.Hour, Aborted: 90 * time.Minute}, LockDir: "/l", LogLevel: "debug",
			LogFormat: "json", LogFile: "/log", HTTPAddr: "127.0.0.1:1", MongoHosts: []string{"a:1", "mongodb://u:p@b,c:2/?tls=true", "d"}, Grace: 1500 * time.Millisecond,
		},
		"forever": {TaskDatabase: "mongodb://h/d", Retention: Retention{Success: -1, Error: -1, Aborted: -1}},
	} {
		want, err := c.WithDefaults()
		if err != nil {
			t.Fatal(err)
		}
		got, err := configFromValues(want.values())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got.sources, want.sources = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: arrived as\n%#v, want\n%#v", name, got.values(), want.values())
		}
	}
	if _, err := configFromValues(map[string]string{"taskDatabase": "mongodb://h/d", "fromALaterVersion": "x"}); err != nil {
		t.Errorf("a setting of a later version: %v", err)
	}
	if _, err := configFromValues(map[string]string{"processors": "x"}); err == nil {
		t.Error("a value that cannot be was taken")
	}
}
