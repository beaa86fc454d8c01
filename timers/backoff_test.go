package timers

import "testing"

func TestBackoff(t *testing.T) {
	var b backoff
	want := backoffFirst
	for range 20 {
		if d := b.next(); d < want/2 || d >= want {
			t.Errorf("wait %v, want %v to %v", d, want/2, want)
		}
		want = min(2*want, backoffCap)
	}
	b.reset()
	if d := b.next(); d >= backoffFirst {
		t.Errorf("after reset: %v, want less than %v", d, backoffFirst)
	}
}
