package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorPause() *cobra.Command {
	return stateCommand("pause", "Pause a connector: its tasks stay and hold still", "pausing", (*client.Client).Pause)
}

func newConnectorResume() *cobra.Command {
	return stateCommand("resume", "Let a paused or stopped connector run on", "resuming", (*client.Client).Resume)
}

func newConnectorStop() *cobra.Command {
	return stateCommand("stop", "Stop a connector: its tasks end, its configuration and offsets stay", "stopping", (*client.Client).Stop)
}

func stateCommand(use, short, doing string, set func(*client.Client, context.Context, string) error) *cobra.Command {
	var r restFlags
	return named(use, short, "  leat connector "+use+" inventory", &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			if err := set(c, ctx, name); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", name, doing)
			return err
		})
}
