//go:build !linux && !darwin

package roles

import "errors"

func usage() (Usage, error) { return Usage{}, errors.New("not counted on this system") }
