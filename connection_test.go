package lgtask_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lgtask/lgtask"
)

// An address whose servers cannot be looked up is refused within the time that a
// start may take, without its password.
func TestConnectLooksUpInTime(t *testing.T) {
	t.Parallel()
	began := time.Now()
	_, err := lgtask.Connect(t.Context(), "mongodb+srv://user:sekret@cluster.example.invalid/db")
	if !errors.Is(err, lgtask.ErrUnreachable) {
		t.Fatal(err)
	}
	if text := err.Error(); strings.Contains(text, "sekret") || !strings.Contains(text, "cluster.example.invalid") || !strings.Contains(text, "mongodb://") {
		t.Error(text)
	}
	if d := time.Since(began); d > 6*time.Second {
		t.Errorf("after %v", d)
	}
}
