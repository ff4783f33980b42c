package harness

import "time"

// Stats are what a process has used.
type Stats struct {
	CPU     time.Duration // user and system time since its start
	RSS     int64         // resident bytes now
	PeakRSS int64         // most resident bytes since its start, or since ResetPeak
}
