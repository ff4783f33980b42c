//go:build !linux

package harness

import (
	"errors"
	"time"
)

var errNoStats = errors.New("figures of a process are read from /proc, which only Linux has")

// ProcStats is known on Linux only.
func ProcStats(int) (Stats, error) { return Stats{}, errNoStats }

// TreeCPU is known on Linux only.
func TreeCPU(int) (time.Duration, error) { return 0, errNoStats }

// ResetPeak is known on Linux only.
func ResetPeak(int) error { return errNoStats }
