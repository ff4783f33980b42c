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

const memoryLimit = 112 << 20

// tuneMemory keeps the resident size small: garbage is collected early, and, where the log is not in this process, hard towards a
// limit. The environment variables GOGC and GOMEMLIMIT count where they are set.
func tuneMemory(embedded bool) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(75)
	}
	// The stand-in for the embedded log may hold more than the limit in memory, and a limit that is below what is alive only burns CPU.
	if os.Getenv("GOMEMLIMIT") == "" && !embedded {
		debug.SetMemoryLimit(memoryLimit)
	}
}
