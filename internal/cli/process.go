package cli

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func notifyStop() (signals <-chan os.Signal, release func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// Where the log is not in this process, garbage is collected seldom until the limit comes near: what is alive is bounded by budgets well
// below it. The rest of the resident size, up to 150 MiB, is what Go does not count, and what comes faster than it is collected.
const (
	memoryLimit    = 100 << 20
	seldomPercent  = 400
	withLogPercent = 75
)

// tuneMemory keeps the resident size small at the least cost. The environment variables GOGC and GOMEMLIMIT count where they are set.
func tuneMemory(embedded bool) {
	if os.Getenv("GOGC") == "" {
		percent := seldomPercent
		if embedded || os.Getenv("GOMEMLIMIT") == "off" {
			percent = withLogPercent
		}
		debug.SetGCPercent(percent)
	}
	// The stand-in for the embedded log may hold more than the limit in memory, and a limit that is below what is alive only burns CPU.
	if os.Getenv("GOMEMLIMIT") == "" && !embedded {
		debug.SetMemoryLimit(memoryLimit)
	}
}
