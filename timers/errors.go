package timers

import "fmt"

// SyntaxError is returned when a text is not a delay, an instant, an interval
// or a cron spec as its reader understands it.
type SyntaxError struct {
	Text   string // the text as given
	Reason string // what is wrong with it, and what to write instead
}

// Error names the text, shortened if it is long, and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("cannot read %s: %s", quote(e.Text), e.Reason)
}

// quote quotes a text of the user for a message and shortens it.
func quote(text string) string {
	const longest = 80
	if len(text) > longest {
		return fmt.Sprintf("%q...", text[:longest])
	}
	return fmt.Sprintf("%q", text)
}
