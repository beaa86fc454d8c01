package mongouri

import "errors"

// RedactError returns err itself if nothing in it or in what it wraps has to be
// masked, and nil for nil. Otherwise it returns an error with the masked text.
//
// That error wraps only those causes that hold no secret, so errors.Is and
// errors.As still find context.DeadlineExceeded or a *net.OpError below. The
// errors whose text has a secret are cut out, since whoever gets hold of one
// through errors.As would print it.
func RedactError(err error) error {
	if err == nil || clean(err) {
		return err
	}
	return &redacted{text: Redact(err.Error()), causes: cleanCauses(err)}
}

type redacted struct {
	text   string
	causes []error
}

func (e *redacted) Error() string   { return e.text }
func (e *redacted) Unwrap() []error { return e.causes }

// clean reports whether err and all it wraps show no secret.
func clean(err error) bool {
	text := err.Error()
	if Redact(text) != text {
		return false
	}
	for _, cause := range causesOf(err) {
		if !clean(cause) {
			return false
		}
	}
	return true
}

// cleanCauses returns the topmost clean errors below err.
func cleanCauses(err error) []error {
	var out []error
	for _, cause := range causesOf(err) {
		if clean(cause) {
			out = append(out, cause)
		} else {
			out = append(out, cleanCauses(cause)...)
		}
	}
	return out
}

func causesOf(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if one := errors.Unwrap(err); one != nil {
		return []error{one}
	}
	return nil
}
