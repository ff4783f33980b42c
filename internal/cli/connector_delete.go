package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorDelete() *cobra.Command {
	var r restFlags
	c := named("delete", "Delete a connector; its offsets and topics stay", `  leat connector delete inventory`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			if err := c.Delete(ctx, name); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is deleted\n", name)
			return err
		})
	c.Aliases = []string{"rm"}
	return c
}
