//go:build !unix

package child

import "errors"

// Freeze returns an error: this system cannot stop a process where it is.
func (c *Child) Freeze() error {
	return errors.New("a process cannot be stopped where it is on this system")
}
