package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Fields of /proc/<pid>/stat counted from the state, and their unit: Linux
// shows times to programs in hundredths of a second.
const (
	statUser, statSystem             = 11, 12
	statReapedUser, statReapedSystem = 13, 14
	tick                             = 10 * time.Millisecond
)

// ProcStats gives what the process pid has used.
func ProcStats(pid int) (Stats, error) {
	cpu, err := cpuTime(pid, statUser, statSystem)
	if err != nil {
		return Stats{}, err
	}
	rss, peak, err := residentBytes(pid)
	return Stats{CPU: cpu, RSS: rss, PeakRSS: peak}, err
}

// TreeCPU gives the CPU time of pid and all its descendants, ended ones that
// were waited for included: what a PostgreSQL server with its backends used.
func TreeCPU(pid int) (time.Duration, error) {
	total, err := cpuTime(pid, statUser, statSystem, statReapedUser, statReapedSystem)
	if err != nil {
		return 0, err
	}
	for _, child := range descendants(pid) {
		// A child that ended meanwhile is in its parent's sum the next time.
		if cpu, err := cpuTime(child, statUser, statSystem, statReapedUser, statReapedSystem); err == nil {
			total += cpu
		}
	}
	return total, nil
}

// ResetPeak makes PeakRSS count from now.
func ResetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

func cpuTime(pid int, fields ...int) (time.Duration, error) {
	stat, err := statFields(pid)
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, i := range fields {
		n, err := strconv.ParseInt(stat[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

func residentBytes(pid int) (rss, peak int64, err error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		var into *int64
		switch key {
		case "VmRSS":
			into = &rss
		case "VmHWM":
			into = &peak
		default:
			continue
		}
		if _, err := fmt.Sscan(value, into); err != nil {
			return 0, 0, fmt.Errorf("%s: %s: %w", path, key, err)
		}
		*into *= 1024
	}
	return rss, peak, nil
}
