package netlab

// Way is how packets are kept from their receiver.
type Way int

// The ways of cutting a host off.
const (
	Drop   Way = iota // without a trace, as by a cable that was pulled
	Reject            // connections are reset and refused, as by a firewall
)

// String implements fmt.Stringer.
func (w Way) String() string {
	if w == Reject {
		return "REJECT"
	}
	return "DROP"
}
