package mongouri

// Error says why an address was refused. It never contains a piece of the
// address that could be a secret.
type Error struct {
	// Option is the canonical name of the option at fault, empty if the fault
	// is elsewhere.
	Option string
	// Reason says what is wrong, without a full stop.
	Reason string
	// Remedy says what to write instead.
	Remedy string
}

// Error returns the reason and the remedy on one line.
func (e *Error) Error() string {
	return "MongoDB address: " + e.Reason + ": " + e.Remedy
}

func refuse(reason, remedy string) *Error {
	return &Error{Reason: reason, Remedy: remedy}
}

func refuseOption(name, reason, remedy string) *Error {
	return &Error{Option: name, Reason: "option " + name + " " + reason, Remedy: remedy}
}
