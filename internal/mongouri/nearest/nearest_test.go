package nearest

import "testing"

func TestWord(t *testing.T) {
	known := []string{"taskDir", "taskName", "taskDatabase", "b", "a"}
	tests := []struct {
		word string
		max  int
		want string
	}{
		{"taskDatabse", 2, "taskDatabase"},
		{"TASKDATABASE", 0, "taskDatabase"},
		{"taskDri", 1, "taskDir"},
		{"taskDirectory", 2, ""},
		{"x", 1, "a"},
		{"", 0, ""},
		{"", 1, "a"},
		{"tskname", 1, "taskName"},
	}
	for _, tt := range tests {
		if got := Word(tt.word, known, tt.max); got != tt.want {
			t.Errorf("Word(%q, %d) = %q, want %q", tt.word, tt.max, got, tt.want)
		}
	}
	if got := Word("a", nil, 3); got != "" {
		t.Errorf("Word without known words = %q", got)
	}
}
