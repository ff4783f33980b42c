package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"leat/internal/cli/node"
	"leat/rest/client"
)

func newConnector() *cobra.Command {
	return group("connector", "Make, look at and change connectors",
		`Make, look at and change connectors over REST, of leat or of a Kafka Connect worker: --url, else the environment variable LEAT_URL,
else http://127.0.0.1:8083. A name and password in the URL are sent as basic authentication.`,
		newConnectorList(), newConnectorShow(), newConnectorStatus(), newConnectorCreate(), newConnectorValidate(), newConnectorPause(),
		newConnectorResume(), newConnectorStop(), newConnectorRestart(), newConnectorDelete())
}

const defaultURL = "http://127.0.0.1:8083"

// restFlags are how commands reach a worker, and how they print.
type restFlags struct {
	url  string
	json bool
}

func (r *restFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&r.url, "url", "", "`address` of the worker's REST (default $LEAT_URL or "+defaultURL+")")
}

func (r *restFlags) addJSON(c *cobra.Command) {
	c.Flags().BoolVar(&r.json, "json", false, "print JSON")
}

func (r *restFlags) address() string {
	for _, address := range []string{r.url, os.Getenv("LEAT_URL")} {
		if address != "" {
			return address
		}
	}
	return defaultURL
}

// call runs f with a client, and explains an address where nothing answers.
func (r *restFlags) call(ctx context.Context, f func(ctx context.Context, c *client.Client) error) error {
	u, err := url.Parse(r.address())
	if err != nil || u.Host == "" {
		return usagef("--url %q: want an address such as %s", r.address(), defaultURL)
	}
	user := u.User
	u.User = nil
	c := client.New(u.String(), nil)
	if user != nil {
		password, _ := user.Password()
		c = c.WithBasicAuth(user.Username(), password)
	}
	err = f(ctx, c)
	var network *url.Error
	if errors.As(err, &network) {
		return fmt.Errorf("no worker answers at %s: is 'leat server' running there? (give another address with --url): %w", u, network.Err)
	}
	return err
}

// named makes a command for one connector.
func named(use, short, example string, r *restFlags, f func(ctx context.Context, c *client.Client, cmd *cobra.Command, name string) error) *cobra.Command {
	c := &cobra.Command{
		Use: use + " NAME", Short: short, Example: example, Args: cobra.ExactArgs(1), ValidArgsFunction: r.completeNames,
		RunE: run(func(cmd *cobra.Command, args []string) error {
			return r.call(cmd.Context(), func(ctx context.Context, c *client.Client) error { return f(ctx, c, cmd, args[0]) })
		}),
	}
	r.add(c)
	return c
}

// completeNames offers the connectors that there are.
func (r *restFlags) completeNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	_ = r.call(cmd.Context(), func(ctx context.Context, c *client.Client) (err error) { // no worker, no names to offer
		names, err = c.Connectors(ctx)
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func printJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// configFlags are where a connector's configuration comes from.
type configFlags struct {
	file string
	set  []string
}

func (f *configFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.file, "file", "f", "", "`file` with the configuration, JSON or properties (-: standard input)")
	addSet(c, &f.set, "a property of the connector, over the file's")
}

// read gives the connector that file and -D describe; name, when not "", wins over the file's.
func (f *configFlags) read(cmd *cobra.Command, name string) (node.Connector, error) {
	overrides, err := pairs(f.set)
	if err != nil {
		return node.Connector{}, err
	}
	if f.file == "" && len(overrides) == 0 {
		return node.Connector{}, usagef("no configuration is given: name a file with -f, or properties with -D key=value")
	}
	c := node.Connector{Config: map[string]string{}}
	if f.file != "" {
		if c, err = readConnector(cmd.InOrStdin(), f.file); err != nil {
			return c, err
		}
	}
	for k, v := range overrides {
		c.Config[k] = v
	}
	switch {
	case name != "":
		c.Name = name
	case overrides["name"] != "":
		c.Name = overrides["name"]
	}
	if c.Name == "" {
		return c, usagef("the connector has no name: give it as an argument, or as the property name")
	}
	c.Config["name"] = c.Name
	return c, nil
}

func readConnector(stdin io.Reader, file string) (node.Connector, error) {
	data, err := readInput(stdin, file)
	if err != nil {
		return node.Connector{}, fmt.Errorf("connector file: %w", err)
	}
	c, err := parseConnector(data, filepath.Ext(file))
	if err != nil {
		return c, fmt.Errorf("connector file %s: %w", file, err)
	}
	return c, nil
}

// firstLine shortens a trace for a table.
func firstLine(s string) string {
	const most = 100
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
