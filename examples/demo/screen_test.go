package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLiveScreen(t *testing.T) {
	var b strings.Builder
	s := newScreen(&b, true)
	now := time.Now()
	s.printf("begin\n")
	s.progress(now, "one, long", false)
	s.progress(now, "two", false)
	s.progress(now, strings.Repeat("ä", 100), true)
	s.printf("end\n")
	s.endLine()
	want := "begin\n\rone, long\rtwo      \r" + strings.Repeat("ä", lineWidth) + "\nend\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestPlainScreen(t *testing.T) {
	var b strings.Builder
	s := newScreen(&b, false)
	now := time.Now()
	for second := range 12 {
		s.progress(now.Add(time.Duration(second)*time.Second), string(rune('a'+second)), second == 11)
	}
	s.printf("end\n")
	if want := "a\nf\nk\nl\nend\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestIsTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if isTerminal(f) {
		t.Error("a file is no terminal")
	}
}
