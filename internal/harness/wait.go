package harness

import (
	"context"
	"fmt"
	"time"
)

// WaitFor calls check until it gives nil or ctx ends; then the error names what
// was waited for and the last answer of check. It pauses a little longer after
// each try, up to 200 ms.
func WaitFor(ctx context.Context, what string, check func() error) error {
	start := time.Now()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s for %s: %w (%w)", time.Since(start).Round(time.Millisecond), what, err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}
