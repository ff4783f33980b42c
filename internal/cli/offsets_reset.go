package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newOffsetsReset() *cobra.Command {
	var r restFlags
	return named("reset", "Forget all offsets of a stopped connector: it begins anew", `  leat connector stop inventory
  leat offsets reset inventory`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			message, err := c.ResetOffsets(ctx, name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), message)
			return err
		})
}
