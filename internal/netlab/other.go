//go:build unix && !linux

package netlab

import (
	"context"
	"errors"
)

// Missing says that this system has no network namespaces.
func Missing() error { return errors.New("network namespaces need Linux") }

// Enter does nothing here; see Missing.
func Enter() (code int, outside bool, err error) { return 0, false, Missing() }

// Network and Host cannot be made here; see Missing.
type (
	Network struct{}
	Host    struct{}
)

// New returns what Missing does.
func New(context.Context) (*Network, error) { return nil, Missing() }

// Add returns what Missing does.
func (*Network) Add(context.Context, string) (*Host, error) { return nil, Missing() }

// IP is empty here.
func (*Host) IP() string { return "" }

// Enter has no words here.
func (*Host) Enter() []string { return nil }

// Cut returns what Missing does.
func (*Host) Cut(context.Context, Way, ...*Host) error { return Missing() }

// Heal returns what Missing does.
func (*Host) Heal(context.Context) error { return Missing() }

// Remove returns what Missing does.
func (*Host) Remove(context.Context) error { return Missing() }
