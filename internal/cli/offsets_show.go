package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"leat/herder"
	"leat/rest/client"
)

// offsetsBody is the shape of offsets in REST, which show --json prints and set reads.
type offsetsBody struct {
	Offsets []herder.Offset `json:"offsets"`
}

func newOffsetsShow() *cobra.Command {
	var r restFlags
	c := named("show", "Show a connector's offsets", `  leat offsets show inventory
  leat offsets show inventory --json > offsets.json`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			all, err := c.Offsets(ctx, name)
			if err != nil {
				return err
			}
			if r.json {
				return printJSON(cmd.OutOrStdout(), offsetsBody{all})
			}
			rows := make([][]string, len(all))
			for i, o := range all {
				partition, err := json.Marshal(o.Partition)
				if err != nil {
					return err
				}
				offset, err := json.Marshal(o.Offset)
				if err != nil {
					return err
				}
				rows[i] = []string{string(partition), string(offset)}
			}
			return printTable(cmd.OutOrStdout(), []string{"PARTITION", "OFFSET"}, rows)
		})
	r.addJSON(c)
	return c
}
