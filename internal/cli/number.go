package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

// number is a whole number that an option gives.
type number struct {
	name      string
	value     int
	low, high int
	given     bool
}

// withNumber gives a command an option with a number from low to high.
func withNumber(cmd *cobra.Command, name string, low, high int, usage string) *number {
	n := &number{name: name, low: low, high: high}
	cmd.Flags().Var(n, name, usage)
	return n
}

// Set is called with the option's text.
func (n *number) Set(text string) error {
	v, err := strconv.Atoi(text)
	if err != nil || v < n.low || v > n.high {
		return &usageError{fmt.Sprintf("--%s is %s", n.name, quote(text)), fmt.Sprintf("give a whole number from %d to %d", n.low, n.high)}
	}
	n.value, n.given = v, true
	return nil
}

// String returns the number, or "" if there is none.
func (n *number) String() string {
	if !n.given {
		return ""
	}
	return strconv.Itoa(n.value)
}

// Type is how the help calls the value.
func (n *number) Type() string { return "N" }

// pointer returns the number, or nil if it was not given.
func (n *number) pointer() *int {
	if !n.given {
		return nil
	}
	return &n.value
}
