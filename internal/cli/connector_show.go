package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorShow() *cobra.Command {
	var r restFlags
	c := named("show", "Show a connector's configuration", `  leat connector show inventory
  leat connector show inventory --json > inventory.json`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			info, err := c.Connector(ctx, name)
			if err != nil {
				return err
			}
			if r.json {
				return printJSON(cmd.OutOrStdout(), info)
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: a %s with %d task(s)\n", info.Name, info.Type, len(info.Tasks)); err != nil {
				return err
			}
			rows := make([][]string, 0, len(info.Config))
			for _, key := range slices.Sorted(maps.Keys(info.Config)) {
				rows = append(rows, []string{key, info.Config[key]})
			}
			return printTable(cmd.OutOrStdout(), []string{"PROPERTY", "VALUE"}, rows)
		})
	r.addJSON(c)
	return c
}
