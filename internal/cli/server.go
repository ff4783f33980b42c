package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"leat/connector/all"
	"leat/internal/cli/node"
	"leat/internal/cli/workerconfig"
)

func newServer() *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use:   "server [worker.properties]",
		Short: "Run leat as a server",
		Long: `Run leat as a server: connectors are made and managed over REST, as with Kafka Connect's distributed worker, whose
configuration file it takes. Without a file it runs with defaults: REST on http://127.0.0.1:8083, and a Kafka log of its own in
./leat-data, which any Kafka client reaches on 127.0.0.1:9092. With bootstrap.servers the log is that Kafka cluster.

Ctrl-C (or SIGTERM) stops it in order: connectors finish what they hold. A second one stops it at once.`,
		Example: `  leat server
  leat server worker.properties
  leat server -D data.dir=/var/lib/leat -D listeners=http://127.0.0.1:8084
  leat server -D bootstrap.servers=kafka-1:9092,kafka-2:9092 -D group.id=connect-cluster`,
		Args: cobra.MaximumNArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			file := ""
			if len(args) > 0 {
				file = args[0]
			}
			return serve(cmd, file, set, nil)
		}),
	}
	addSet(c, &set, "a worker property, over the file's")
	return c
}

func addSet(c *cobra.Command, set *[]string, what string) {
	c.Flags().StringArrayVarP(set, "define", "D", nil, what+", as `key=value` (may be given several times)")
}

// pairs reads key=value arguments.
func pairs(set []string) (map[string]string, error) {
	props := map[string]string{}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if key = strings.TrimSpace(key); !ok || key == "" {
			return nil, usagef("-D %s: want key=value", s)
		}
		props[key] = value
	}
	return props, nil
}

// serve runs a worker until it is told to stop. connectors is nil for a server, else those of standalone.
func serve(cmd *cobra.Command, file string, set []string, connectors []node.Connector) error {
	overrides, err := pairs(set)
	if err != nil {
		return err
	}
	w, err := loadWorker(file, overrides, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	tuneMemory(w.Embedded())
	drain, now, done := stopSignals(cmd.Context())
	defer done()
	opts := node.Options{
		Worker: w, Plugins: all.Plugins(), Logs: logHandler(cmd.ErrOrStderr(), string(w.LogFormat)), Version: version, Commit: commit(),
		Standalone: connectors != nil, Connectors: connectors,
	}
	n, err := node.Open(opts)
	if err != nil {
		return err
	}
	banner(cmd.ErrOrStderr(), w, n)
	return n.Run(drain, now)
}

func loadWorker(file string, overrides map[string]string, stderr io.Writer) (*workerconfig.Worker, error) {
	// Providers may warn before the log's own settings are read.
	early := slog.New(logHandler(stderr, "text"))
	w, problems, err := workerconfig.Load(file, overrides, early)
	if err != nil {
		return nil, fmt.Errorf("worker configuration: %w", err)
	}
	if len(problems) > 0 {
		return nil, problemsError(problems)
	}
	return w, nil
}

func logHandler(out io.Writer, format string) slog.Handler {
	// Levels are kept by the loggers above the handler, which lets everything pass.
	opts := &slog.HandlerOptions{Level: slog.Level(-100)}
	if format == "json" {
		return slog.NewJSONHandler(out, opts)
	}
	return slog.NewTextHandler(out, opts)
}

func banner(out io.Writer, w *workerconfig.Worker, n *node.Node) {
	log := "Kafka at " + strings.Join(w.BootstrapServers, ",")
	if w.Embedded() {
		log = fmt.Sprintf("embedded in %s, for Kafka clients at %s", w.DataDir, n.Bootstrap())
	}
	fmt.Fprintf(out, "leat %s\n  REST  %s  (metrics at %s/metrics)\n  log   %s\n", version, n.URL(), n.URL(), log)
}

// stopSignals gives a context that ends at the first SIGINT or SIGTERM, and one that ends at the second.
func stopSignals(ctx context.Context) (drain, now context.Context, done func()) {
	drain, cancelDrain := context.WithCancelCause(ctx)
	now, cancelNow := context.WithCancelCause(ctx)
	signals, release := notifyStop()
	watched := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-watched:
				return
			case s := <-signals:
				cancelDrain(fmt.Errorf("signal %s", s))
				if n > 0 {
					cancelNow(fmt.Errorf("second signal %s", s))
				}
			}
		}
	}()
	return drain, now, func() { release(); close(watched); cancelDrain(nil); cancelNow(nil) }
}
