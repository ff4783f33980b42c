// Command standin runs the embedded log in a process of its own, for benchmarks and for trying clients on it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"leat/kafka/embedded"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9092", "host:port to listen on; port 0 takes a free one")
	dir := flag.String("dir", "", "directory of the log")
	flag.Parse()
	if err := run(*listen, *dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(listen, dir string) error {
	if dir == "" {
		return fmt.Errorf("give a directory with -dir")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := embedded.Start(embedded.Options{Dir: dir, Listener: listen, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	fmt.Println(s.Addr())
	<-ctx.Done()
	return s.Close()
}
