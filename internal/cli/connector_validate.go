package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"leat/rest/client"
)

func newConnectorValidate() *cobra.Command {
	var r restFlags
	var f configFlags
	c := &cobra.Command{
		Use:   "validate [NAME]",
		Short: "Check a connector's configuration without making it",
		Long: `Check a connector's configuration without making it: its values, and whether the systems it names can be reached and are set up
for it. The exit code is 1 when something is wrong.`,
		Example: `  leat connector validate inventory -f source.json`,
		Args:    cobra.MaximumNArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			conn, err := f.read(cmd, name)
			if err != nil {
				return err
			}
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error {
				v, err := c.Validate(ctx, conn.Config)
				if err != nil {
					return err
				}
				if r.json {
					err = printJSON(cmd.OutOrStdout(), v)
				} else {
					err = printValidation(cmd.OutOrStdout(), conn.Name, v)
				}
				if err == nil && v.ErrorCount > 0 {
					err = fmt.Errorf("the configuration of %s has %d error(s)", conn.Name, v.ErrorCount)
				}
				return err
			})
		}),
	}
	r.add(c)
	r.addJSON(c)
	f.add(c)
	return c
}

func printValidation(out io.Writer, name string, v client.Validation) error {
	if v.ErrorCount == 0 {
		_, err := fmt.Fprintf(out, "%s: the configuration is right\n", name)
		return err
	}
	for _, c := range v.Configs {
		for _, message := range c.Value.Errors {
			if _, err := fmt.Fprintf(out, "%s: %s\n", c.Value.Name, message); err != nil {
				return err
			}
		}
	}
	return nil
}
