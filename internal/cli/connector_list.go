package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"leat/herder"
	"leat/rest/client"
	"leat/worker"
)

func newConnectorList() *cobra.Command {
	var r restFlags
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List connectors and their states", Args: cobra.NoArgs,
		Example: `  leat connector list
  leat connector list --json --url http://connect.example:8083`,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				all, err := c.Expanded(ctx)
				if err != nil {
					return err
				}
				if r.json {
					return printJSON(cmd.OutOrStdout(), all)
				}
				rows := make([][]string, 0, len(all))
				for _, name := range slices.Sorted(maps.Keys(all)) {
					e := all[name]
					rows = append(rows, []string{name, e.Info.Type, string(e.Status.Connector.State), taskSummary(e.Status.Tasks), e.Info.Config["connector.class"]})
				}
				return printTable(cmd.OutOrStdout(), []string{"NAME", "TYPE", "STATE", "TASKS", "CLASS"}, rows)
			})
		}),
	}
	r.add(c)
	r.addJSON(c)
	return c
}

// taskSummary counts tasks by state, such as "2 RUNNING, 1 FAILED".
func taskSummary(tasks []herder.TaskStatus) string {
	counts := map[worker.State]int{}
	for _, t := range tasks {
		counts[t.State]++
	}
	text := ""
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", counts[state], state)
	}
	if text == "" {
		return "none"
	}
	return text
}
