// Command prefetch fetches every server that tests need into the cache, with a
// few tries each, so that the tests after it run without a network. It ends with
// code 1 when one could not be had.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"leat/internal/harness"
)

const tries = 4

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed := false
	for _, version := range harness.PostgresVersions() {
		failed = !fetch(ctx, "PostgreSQL "+version, func() error {
			_, _, err := harness.PostgresBinaries(ctx, version)
			return err
		}) || failed
	}
	failed = !fetch(ctx, "Kafka and Connect with Debezium", func() error {
		return harness.FetchKafka(ctx, harness.DebeziumPostgres, harness.DebeziumJDBC)
	}) || failed
	if failed {
		os.Exit(1)
	}
}

// fetch tells whether get came to an end without error in a few tries.
func fetch(ctx context.Context, what string, get func() error) bool {
	start := time.Now()
	for try := 1; ; try++ {
		err := get()
		if err == nil {
			fmt.Printf("%s: there after %s\n", what, time.Since(start).Round(100*time.Millisecond))
			return true
		}
		fmt.Fprintf(os.Stderr, "try %d: %v\n", try, err)
		if try == tries || ctx.Err() != nil {
			return false
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try) * 5 * time.Second):
		}
	}
}
