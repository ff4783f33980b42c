package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorRestart() *cobra.Command {
	var r restFlags
	var onlyFailed bool
	task := -1
	c := named("restart", "Restart a connector and its tasks", `  leat connector restart inventory
  leat connector restart inventory --only-failed
  leat connector restart inventory --task 0`, &r,
		func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error {
			if task >= 0 {
				if onlyFailed {
					return usagef("--task and --only-failed do not go together")
				}
				if err := c.RestartTask(ctx, name, task); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "task %d of %s is restarting\n", task, name)
				return err
			}
			status, err := c.RestartAll(ctx, name, onlyFailed)
			if err != nil {
				return err
			}
			return printStatus(cmd.OutOrStdout(), status)
		})
	c.Flags().BoolVar(&onlyFailed, "only-failed", false, "restart only what has failed")
	c.Flags().IntVar(&task, "task", -1, "restart only this task")
	return c
}
