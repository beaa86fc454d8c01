//go:build !linux && !darwin

package board

import (
	"errors"
	"os"
)

func mapFile(*os.File, int) ([]byte, error) {
	return nil, errors.New("the benchmark runs on Linux and macOS only")
}

func unmap([]byte) error { return nil }
