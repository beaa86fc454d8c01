package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.25", Main: debug.Module{Version: "v1.2.3"}, Deps: []*debug.Module{{Path: modulePath, Version: "v0.9.0"}},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}
	if got, want := viewVersion(info).String(), "v1.2.3 lgtask v0.9.0 abc with changes go1.25"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := viewVersion(nil).String(), "(unknown version)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
