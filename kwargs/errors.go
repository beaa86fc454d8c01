package kwargs

import (
	"errors"
	"fmt"
	"strings"
)

// SettingHosts is the setting that lists the MongoDB hosts which parameter
// magic may reach beside the task database's own; refusals name it.
const SettingHosts = "LGTASK_MONGO_HOSTS"

var (
	// ErrUnboundHandle is returned by Encode when a handle's address is not
	// known: its client was neither opened by this Binder nor told to it.
	ErrUnboundHandle = errors.New("the address of this MongoDB client is not known (call Bind with the client and its address, or pass the mongodb:// text)")

	// ErrClosed is returned by Decode when an address arrives after Close.
	ErrClosed = errors.New("the binder of MongoDB addresses is closed")

	// ErrTooManyClients is returned by Decode when as many deployments as
	// Options.MaxClients allows are held by running tasks. It is not the
	// task's fault: the same task can run once another one has ended.
	ErrTooManyClients = errors.New("too many MongoDB deployments are in use by running tasks at the same time")

	// ErrMembersUnknown is returned by Decode when an address names a host that
	// only the task database itself could vouch for, and it did not answer. It is
	// not the task's fault: the same task can run once the database is back.
	ErrMembersUnknown = errors.New("the task database does not say which members it has")
)

// FieldError is returned by Decode when a kwarg does not fit its field. It
// never quotes the value.
type FieldError struct {
	Field  string // the kwarg, with a dotted path inside it; empty: all kwargs together
	Want   string // the Go type, or what was expected
	Got    string // the BSON type, "nothing", or the kind of address
	Reason string // more, where the types alone do not say it; may be empty
	Err    error  // the cause: *HostError, *OptionError, a sentinel of this package, or nil
}

// Error names the field, both types and the reason.
func (e *FieldError) Error() string {
	var b strings.Builder
	if e.Field == "" {
		b.WriteString("kwargs: ")
	} else {
		fmt.Fprintf(&b, "kwarg %q: ", e.Field)
	}
	sep := ""
	if e.Want != "" && e.Got != "" {
		fmt.Fprintf(&b, "want %s, got %s", e.Want, e.Got)
		sep = ": "
	}
	if e.Reason != "" {
		b.WriteString(sep + e.Reason)
		sep = ": "
	}
	if e.Err != nil {
		b.WriteString(sep + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// EncodeError is returned by Encode when a value cannot become a kwarg. It
// never quotes the value.
type EncodeError struct {
	Field  string // path of the value, dotted; empty: the kwargs themselves
	Type   string // its Go type; may be empty
	Reason string // what is wrong and what to do
	Err    error  // the cause: ErrUnboundHandle, or nil
}

// Error names the path, the type and the reason.
func (e *EncodeError) Error() string {
	var b strings.Builder
	if e.Field == "" {
		b.WriteString("kwargs")
	} else {
		fmt.Fprintf(&b, "kwarg %q", e.Field)
	}
	if e.Type != "" {
		fmt.Fprintf(&b, " (%s)", e.Type)
	}
	sep := ": "
	if e.Reason != "" {
		b.WriteString(sep + e.Reason)
	}
	if e.Err != nil {
		b.WriteString(sep + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

// ClassError is returned by Fields when a struct cannot be a task class.
type ClassError struct {
	Type   string // the Go type
	Field  string // the Go field; may be empty
	Reason string // what is wrong and what to do
}

// Error names the type, the field and the reason.
func (e *ClassError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("type %s: %s", e.Type, e.Reason)
	}
	return fmt.Sprintf("type %s, field %s: %s", e.Type, e.Field, e.Reason)
}

// HostError is returned, inside a *FieldError, when a mongodb:// address or a
// server that it led to names a host that kwargs may not reach.
type HostError struct {
	Host    string // as written
	Setting string // the setting that could allow it; empty: nothing can
	Reason  string // more, for example which network the host is in
}

// Error names the host and the setting.
func (e *HostError) Error() string {
	s := fmt.Sprintf("MongoDB host %q is refused", e.Host)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Setting != "" {
		s += " (to allow it, add it to " + e.Setting + ")"
	}
	return s
}

// OptionError is returned, inside a *FieldError, when a mongodb:// address
// carries an option that kwargs may not set.
type OptionError struct {
	Option string // its name
	Reason string // more; may be empty
}

// Error names the option and, when it is not known here, those that are.
func (e *OptionError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("option %q of a mongodb:// kwarg is refused: %s", e.Option, e.Reason)
	}
	return fmt.Sprintf("option %q of a mongodb:// kwarg is refused (allowed: %s; others belong into a full address in %s)",
		e.Option, strings.Join(allowedOptionNames(), ", "), SettingHosts)
}
