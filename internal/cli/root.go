// Package cli is leat's command line: one file per subcommand. Commands that look at a running server speak REST to it, or Kafka to its
// log; server, standalone and demo run one in this process.
//
// Exit codes: 0 when all went well, 1 when something failed, 2 when the command line itself is wrong. Errors are one line each on
// standard error; results go to standard output.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"leat/config"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// Main runs a command line and gives the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	for _, line := range errorLines(err) {
		fmt.Fprintln(stderr, "leat: "+line)
	}
	var failed *failure
	if errors.As(err, &failed) {
		return exitFailed
	}
	fmt.Fprintln(stderr, "Run 'leat --help', or 'leat COMMAND --help', for what there is.")
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "leat",
		Short: "Carry the changes of databases through a Kafka log into other systems",
		Long: `leat carries every change of databases through a Kafka log into other systems. It does the work of Kafka Connect with
Debezium's connectors, takes the same configurations, and answers the same REST calls.

New here? 'leat demo' shows all of it at work in a minute, with a PostgreSQL of its own.`,
		Example: `  leat demo                                    # see it at work
  leat server                                  # run it: REST on http://127.0.0.1:8083, Kafka on 127.0.0.1:9092
  leat connector create inventory -f source.json
  leat connector status inventory
  leat topic tail inventory.public.customers`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run leat:"}, &cobra.Group{ID: "look", Title: "Work with a running leat (or Kafka Connect):"})
	for _, c := range []*cobra.Command{newDemo(), newServer(), newStandalone()} {
		c.GroupID = "run"
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{newConnector(), newOffsets(), newTopic()} {
		c.GroupID = "look"
		root.AddCommand(c)
	}
	root.AddCommand(newVersion())
	return root
}

// failure marks an error of what a command did, as opposed to one of how it was called.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// run makes a RunE whose errors are failures.
func run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		var usage *usageError
		if err == nil || errors.As(err, &usage) {
			return err
		}
		return &failure{err}
	}
}

// usageError is an error of how a command was called, found while it ran.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// problemsError is several things that are wrong with a configuration.
type problemsError []config.Problem

func (e problemsError) Error() string { return strings.Join(errorLines(e), "; ") }

// errorLines gives one line per problem, else the error as one line.
func errorLines(err error) []string {
	var problems problemsError
	if !errors.As(err, &problems) {
		return []string{strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " | ")}
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return lines
}

// group makes a command that only has subcommands.
func group(use, short, long string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return usagef("%s needs a subcommand: %s", cmd.CommandPath(), subcommandNames(cmd))
	}}
	c.AddCommand(subs...)
	return c
}

func subcommandNames(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return strings.Join(names, ", ")
}
