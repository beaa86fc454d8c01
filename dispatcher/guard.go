package dispatcher

import "github.com/sourcegraph/conc/panics"

// guard calls f in a goroutine of its own, so that runtime.Goexit takes nobody
// with it, and returns why f did not return: "" if it did. what names f.
func guard(what string, f func()) (failure string) {
	end := make(chan string, 1)
	go func() {
		failure := what + " called runtime.Goexit"
		defer func() { end <- failure }()
		failure = attempt(f)
	}()
	return <-end
}

// attempt is guard without a goroutine: it does not return if f calls
// runtime.Goexit.
func attempt(f func()) (failure string) {
	returned := false
	switch r := panics.Try(func() { f(); returned = true }); {
	case r != nil:
		return r.String()
	case returned:
		return ""
	}
	return "panic: nil" // only where GODEBUG=panicnil=1 lets it pass unseen
}
