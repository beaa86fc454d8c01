package lgtask

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// seedConfig is the example of the original framework's documentation, as it is
// printed there.
const seedConfig = `[taskProcessor] # This name is required; on the bright side, this allows you
                # to put other configuration items in the file
taskDatabase = 'mongodb://[user:password]@server:port[/mytaskdb]'
taskDir = '/home/user/myAppTasks'
[taskName = name [defaults to hostname]]
`

func TestSeedConfigLoadsVerbatim(t *testing.T) {
	c, err := testLoader(nil).load(writeConfig(t, seedConfig))
	if err != nil {
		t.Fatal(err)
	}
	if c.TaskDatabase != "mongodb://[user:password]@server:port[/mytaskdb]" || c.TaskDir != "/home/user/myAppTasks" || c.TaskName != "host" {
		t.Errorf("got %q, %q, %q", c.TaskDatabase, c.TaskDir, c.TaskName)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "line 5") || !strings.Contains(c.Warnings[0], "taskName") {
		t.Errorf("warnings: %q", c.Warnings)
	}
	// The address is a pattern, not an address.
	wantConfigError(t, c.Validate(), "taskDatabase", "line 3", "template", "remove the brackets")

	filled := strings.NewReplacer("[user:password]@server:port[/mytaskdb]", "u:p@db.example.net:27017/mytaskdb",
		"[taskName = name [defaults to hostname]]", "taskName = web1").Replace(seedConfig)
	c, err = testLoader(nil).load(writeConfig(t, filled))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil || c.TaskName != "web1" || len(c.Warnings) != 0 {
		t.Errorf("%v, name %q, warnings %q", err, c.TaskName, c.Warnings)
	}
}

func TestConfigFileAccepts(t *testing.T) {
	const head = "[taskProcessor]\n"
	tests := []struct{ name, content, want string }{
		{"plain", head + "prefix = a", "a"},
		{"colon", head + "prefix: a\n", "a"},
		{"double quotes", head + `prefix = "a"`, "a"},
		{"indented", " [ taskProcessor ] ; c\n\tprefix=a\n", "a"},
		{"comment with bracket", "[taskProcessor] # see [1]\nprefix = a # see [2]\n", "a"},
		{"hash in quotes", head + "prefix = 'a#b' # c", "a#b"},
		{"semicolon in quotes", head + `prefix = "a;b";c`, "a;b"},
		{"hash without space", head + "prefix = a#b #c", "a#b"},
		{"other quote inside", head + `prefix = "it's"`, "it's"},
		{"equals inside", head + "prefix = a=b:c", "a=b:c"},
		{"backslash at end", head + "prefix = a\\\n", "a\\"},
		{"backquote", head + "prefix = `a`", "`a`"},
		{"percent", head + "prefix = %(x)s", "%(x)s"},
		{"quotes inside", head + `prefix = a"""b'"`, `a"""b'"`},
		{"empty value", head + "prefix =\n", ""},
		{"empty quotes", head + "prefix = ''\n", ""},
		{"only a comment", head + "prefix = # none\n", ""},
		{"BOM", utf8BOM + head + "prefix = a", "a"},
		{"CRLF", "[taskProcessor]\r\nprefix = a\r\n", "a"},
		{"section twice", head + "[x]\n" + head + "prefix = a", "a"},
		{"others before", "prefix = z\n[x]\n==\nprefix = y\nprefix\n[y\n\x00\xff\n" + head + "prefix = a", "a"},
		{"others after", head + "prefix = a\n[x] y [z\nprefix = b\n'''\n[\n]\nprefix", "a"},
		{"unclosed other header", head + "prefix = a\n[x\nnonsense\n", "a"},
		{"empty header", head + "prefix = a\n[]\nnonsense\n", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := testLoader(nil).load(writeConfig(t, tt.content))
			if err != nil || c.Prefix != tt.want {
				t.Errorf("Prefix = %q, %v, want %q", c.Prefix, err, tt.want)
			}
		})
	}
}

func TestConfigFileRefuses(t *testing.T) {
	const head = "[taskProcessor]\n"
	tests := []struct {
		name, content string
		parts         []string
	}{
		{"empty", "", []string{"empty", "[taskProcessor]"}},
		{"blank", utf8BOM + "\n \n", []string{"empty"}},
		{"no section", "[other]\na = b\n", []string{"no [taskProcessor] section"}},
		{"misspelt section", "[a]\n[taskprocesor]\na = b\n", []string{"line 2"}},
		{"unclosed header", "[taskProcessor\nprefix = a\n", []string{"line 1", "closing bracket"}},
		{"text behind header", "[taskProcessor] x\n", []string{"line 1", "behind the header"}},
		{"UTF-16", "\xff\xfe[\x00", []string{"UTF-16", "UTF-8"}},
		{"NUL", head + "prefix = a\x00b", []string{"prefix", "line 2", "control character"}},
		{"CR", head + "prefix = a\rb", []string{"control character"}},
		{"bad UTF-8", head + "prefix = a\xff", []string{"UTF-8"}},
		{"unknown key", head + "\ntaskDatabse = x", []string{"line 3", "taskDatabse", "did you mean taskDatabase?"}},
		{"wrong case", head + "TASKDIR = x", []string{"did you mean taskDir?"}},
		{"far key", head + "colour = hunter2", []string{"colour", "the keys are"}},
		{"no key", head + "= hunter2", []string{"line 2", "not known"}},
		{"odd key", head + "p@hunter2 = x", []string{"line 2", "not known"}},
		{"no delimiter", head + "hunter2", []string{"line 2", "key = value"}},
		{"twice", head + "prefix = a\nprefix = hunter2\n", []string{"prefix", "line 3", "first on line 2"}},
		{"unclosed quote", head + "taskDatabase = 'hunter2\n", []string{"taskDatabase", "closing quote"}},
		{"text behind quote", head + "taskDatabase = 'a'hunter2\n", []string{"taskDatabase", "behind the closing quote"}},
		{"wrong type", head + "processors = two", []string{"processors", `"two"`, "line 2", "whole number"}},
		{"out of range", head + "processors = 0", []string{"processors", `"0"`, "10000"}},
		{"wrong retention", head + "retention = success=x", []string{"retention", "line 2", `"x"`}},
		{"wrong grace", head + "grace = 8", []string{"grace", "8s"}},
		{"unknown notation", head + "[hunter2 = x]\nprefix = a\n[taskProcessor]\n= x", []string{"line 5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testLoader(nil).load(writeConfig(t, tt.content))
			wantConfigError(t, err, tt.parts...)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q shows the value", err)
			}
		})
	}
}

func TestConfigFileCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	// The size is refused before anything is read; the file has no blocks.
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 100<<20); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, part string }{
		{"", "no file is named"},
		{filepath.Join(dir, "missing"), "no such file"},
		{dir, "folder"},
		{loop, "symbolic links"},
		{filepath.Join(large, "x"), "not a directory"},
		{large, "larger than 1024 KiB"},
		{"a\x00b", "invalid argument"},
	}
	for _, tt := range tests {
		_, err := testLoader(nil).load(tt.path)
		wantConfigError(t, err, tt.part)
	}
	closed := writeConfig(t, "[taskProcessor]\n")
	if err := os.Chmod(closed, 0); err != nil {
		t.Fatal(err)
	}
	// The superuser reads it all the same.
	if _, err := testLoader(nil).load(closed); os.Getuid() != 0 {
		wantConfigError(t, err, "permission denied")
	}
}

func TestConfigFileWithPasswordForEverybody(t *testing.T) {
	for content, want := range map[string]bool{
		"[taskProcessor]\ntaskDatabase = mongodb://u:p@h": true,
		"[taskProcessor]\ntaskDatabase = mongodb://h":     false,
	} {
		path := writeConfig(t, content)
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := testLoader(nil).load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "chmod 600") }); got != want {
			t.Errorf("%q: warnings %q", content, c.Warnings)
		}
	}
}

// Whatever stands in other sections, the own one loads; and whatever is wrong in
// the own one, the error does not show a value from it.
func FuzzConfigFile(f *testing.F) {
	f.Add("[x]\na=b\n", "[y]\n")
	f.Add("\xff", "[")
	f.Add("]]\"\"\"\n`", "\\\n[y] ]")
	f.Add("taskDatabase = 'mongodb://u:", "@h' x")
	f.Add("processors = [", "]\n[taskName = x]\nprefix")
	f.Add("taskName = ", "\ntaskName = y")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.HasPrefix(before, "\xff\xfe") || strings.HasPrefix(before, "\xfe\xff") ||
			strings.Contains(before+after, configSectionName) {
			return
		}
		s, err := parseConfigFile("f", []byte(before+"\n[taskProcessor] # ]\nprefix = 'p' # ]\n[x]\n"+after))
		if err != nil || s.values["prefix"].text != "p" || len(s.values) != 1 {
			t.Fatalf("%v, %v", s, err)
		}
		const secret = "Pa55w0rd"
		s, err = parseConfigFile("f", []byte("[taskProcessor]\n"+before+"="+secret+after))
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Fatalf("error %q shows the value", err)
			}
			return
		}
		var c Config
		if err := c.apply(s.values, "/"); err == nil {
			c.TaskName = "n"
			_ = c.Validate()
		}
	})
}
