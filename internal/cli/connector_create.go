package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorCreate() *cobra.Command {
	var r restFlags
	var f configFlags
	var replace bool
	var state string
	c := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Make a connector, or with --replace change one",
		Long: `Make a connector. Its configuration comes from a file (JSON as Kafka Connect's REST takes it, a flat JSON object, or Java
properties), from standard input, or from -D pairs; wrong values are all reported at once and nothing is made.`,
		Example: `  leat connector create inventory -f source.json
  cat sink.properties | leat connector create -f -
  leat connector create inventory -f source.json -D database.password=secret --replace
  leat connector create inventory -f source.json --state STOPPED`,
		Args: cobra.MaximumNArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			conn, err := f.read(cmd, name)
			if err != nil {
				return err
			}
			if state == "" {
				state = conn.InitialState
			}
			if replace && state != "" {
				return usagef("--replace does not go with a state: use pause, resume or stop")
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				done := "made"
				if replace {
					var created bool
					if _, created, err = c.Configure(ctx, conn.Name, conn.Config); !created {
						done = "changed"
					}
				} else {
					_, err = c.Create(ctx, conn.Name, conn.Config, state)
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is %s; 'leat connector status %s' tells how it does\n", conn.Name, done, conn.Name)
				return err
			})
		}),
	}
	r.add(c)
	f.add(c)
	c.Flags().BoolVar(&replace, "replace", false, "change the configuration where the connector is there already")
	c.Flags().StringVar(&state, "state", "", "the `state` to begin in: RUNNING, PAUSED or STOPPED")
	return c
}
