package gobuild

import "testing"

// TestLastGood breaks a folder and asks for the program of before, in this builder
// and in another one.
func TestLastGood(t *testing.T) {
	t.Parallel()
	root := tree(t, files{"mod/go.mod": userMod, "mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"1"`)})
	k := newKit(t, root, "mod/tasks")
	if r, ok := k.LastGood(); ok {
		t.Errorf("before any build: %+v", r)
	}
	k.build()
	write(t, root, files{"mod/tasks/hello.go": taskFile("tasks", "Hello", "", `"2"`)})
	second, _ := k.build()
	write(t, root, files{"mod/tasks/hello.go": "broken"})
	k.fails()
	for _, b := range []*kit{k, newKit(t, root, "mod/tasks").withoutGo()} {
		if r, ok := b.LastGood(); !ok || r.Key != second.Key || r.Program != second.Program {
			t.Errorf("got %+v, %v; want %+v", r, ok, second)
		}
	}
	remove(t, second.Program)
	if r, ok := k.LastGood(); ok {
		t.Errorf("a program that is gone: %+v", r)
	}
}
