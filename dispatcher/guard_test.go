package dispatcher

import (
	"runtime"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name, debug, want string
		f                 func()
	}{
		{"return", "", "", func() {}},
		{"panic", "", "panic: broken on purpose", func() { panic(errBroken) }},
		{"Goexit", "", "f called runtime.Goexit", runtime.Goexit},
		{"panic with nil", "", "panic: panic called with nil argument", func() { panic(nil) }},
		{"panic with nil as before Go 1.21", "panicnil=1", "panic: nil", func() { panic(nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GODEBUG", c.debug)
			if got := guard("f", c.f); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("%q; want %q", got, c.want)
			}
		})
	}
}
