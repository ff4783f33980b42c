package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"leat/connector/all"
	"leat/internal/demo"
)

func newDemo() *cobra.Command {
	var postgres string
	var duration time.Duration
	var keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it at work: PostgreSQL to a Kafka log to SQLite, with nothing to set up",
		Long: `See it at work. The demo starts a PostgreSQL (one that is on this machine, else one that it fetches), loads a few hundred rows, starts a
leat server with its own log, registers a source and a sink over REST, and keeps writing: what is committed in PostgreSQL shows up in a
SQLite file moments later. It prints the addresses and commands to look at it from another terminal.

Ctrl-C ends it: SQLite is compared with PostgreSQL once more, and everything it made is removed.`,
		Example: `  leat demo
  leat demo --duration 30s
  leat demo --postgres postgres://me:secret@db.example/test    # wal_level=logical; uses and drops schema leat_demo`,
		Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			tuneMemory(true)
			ctx, now, done := stopSignals(cmd.Context())
			defer done()
			return demo.Run(ctx, now, demo.Options{
				Postgres: postgres, Duration: duration, Keep: keep, Out: cmd.OutOrStdout(), Terminal: terminal(cmd.OutOrStdout()),
				Command: ownCommand(), Plugins: all.Plugins(), Version: version,
			})
		}),
	}
	c.Flags().StringVar(&postgres, "postgres", "", "`URL` of a database to use instead of starting one")
	c.Flags().DurationVar(&duration, "duration", 0, "end after this time, such as 30s (0: with Ctrl-C)")
	c.Flags().BoolVar(&keep, "keep", false, "keep the log, the SQLite file and, with --postgres, the tables")
	return c
}

func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ownCommand is how the user called us: `go run` builds into a temporary folder that is not to be shown.
func ownCommand() string {
	exe, err := os.Executable()
	switch {
	case err == nil && strings.Contains(exe, "go-build"):
		return "go run ./cmd/leat"
	case filepath.Base(os.Args[0]) == os.Args[0]:
		return "leat"
	}
	return os.Args[0]
}
