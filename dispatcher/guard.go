package dispatcher

import "github.com/sourcegraph/conc/panics"

// guard calls f in a goroutine of its own, so that runtime.Goexit takes nobody
// with it, and returns why f did not return: "" if it did. what names f.
func guard(what string, f func()) (failure string) {
	end := make(chan string, 1)
	go func() {
		failure := what + " called runtime.Goexit"
		defer func() { end <- failure }()
		returned := false
		r := panics.Try(func() { f(); returned = true })
		switch {
		case r != nil:
			failure = r.String()
		case returned:
			failure = ""
		default: // only where GODEBUG=panicnil=1 lets it pass unseen
			failure = "panic: nil"
		}
	}()
	return <-end
}
