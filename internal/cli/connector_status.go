package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"leat/herder"
	"leat/rest/client"
)

func newConnectorStatus() *cobra.Command {
	var r restFlags
	c := named("status", "Show the states of a connector and its tasks", `  leat connector status inventory`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			status, err := c.Status(ctx, name)
			if err != nil {
				return err
			}
			if r.json {
				return printJSON(cmd.OutOrStdout(), status)
			}
			return printStatus(cmd.OutOrStdout(), status)
		})
	r.addJSON(c)
	return c
}

// printStatus prints states as a table, and below it the traces in full.
func printStatus(out io.Writer, s herder.ConnectorStatus) error {
	rows := [][]string{{"connector", string(s.Connector.State), s.Connector.WorkerID, firstLine(s.Connector.Trace)}}
	traces := []string{}
	keep := func(what, trace string) {
		if strings.TrimSpace(trace) != firstLine(trace) {
			traces = append(traces, fmt.Sprintf("\n%s:\n%s\n", what, strings.TrimSpace(trace)))
		}
	}
	keep("connector", s.Connector.Trace)
	for _, t := range s.Tasks {
		what := fmt.Sprintf("task %d", t.ID)
		rows = append(rows, []string{what, string(t.State), t.WorkerID, firstLine(t.Trace)})
		keep(what, t.Trace)
	}
	if err := printTable(out, []string{"", "STATE", "WORKER", "TRACE"}, rows); err != nil {
		return err
	}
	_, err := io.WriteString(out, strings.Join(traces, ""))
	return err
}
