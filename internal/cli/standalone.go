package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"leat/config/properties"
	"leat/internal/cli/node"
)

func newStandalone() *cobra.Command {
	var set []string
	c := &cobra.Command{
		Use:   "standalone worker.properties [connector.properties | connector.json]...",
		Short: "Run leat with connectors from files, as connect-standalone does",
		Long: `Run leat with connectors from files, as Kafka Connect's connect-standalone does: connectors and their states live in this
process only, and source offsets in the file offset.storage.file.filename. A connector's file is Java properties, or JSON: a flat
object of properties, or {"name": …, "config": {…}}. REST works here too.`,
		Example: `  leat standalone worker.properties source.properties sink.json`,
		Args:    cobra.MinimumNArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			connectors := make([]node.Connector, 0, len(args)-1)
			for _, file := range args[1:] {
				c, err := connectorFile(file)
				if err != nil {
					return err
				}
				connectors = append(connectors, c)
			}
			return serve(cmd, args[0], set, connectors)
		}),
	}
	addSet(c, &set, "a worker property, over the file's")
	return c
}

// connectorFile reads a connector's file by what it holds.
func connectorFile(path string) (node.Connector, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return node.Connector{}, fmt.Errorf("connector file: %w", err)
	}
	c, err := parseConnector(data, filepath.Ext(path))
	if err != nil {
		return c, fmt.Errorf("connector file %s: %w", path, err)
	}
	if c.Name == "" {
		return c, fmt.Errorf("connector file %s: no name is given; add the property name", path)
	}
	return c, nil
}

// parseConnector reads properties or JSON; the name is "" where there is none.
func parseConnector(data []byte, extension string) (node.Connector, error) {
	if extension != ".json" && !strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		props, err := properties.Parse(data)
		return node.Connector{Name: props["name"], Config: props}, err
	}
	return parseConnectorJSON(data)
}

// parseConnectorJSON reads what POST /connectors takes, or a flat object of properties.
func parseConnectorJSON(data []byte) (node.Connector, error) {
	var request struct {
		Name         string          `json:"name"`
		Config       json.RawMessage `json:"config"`
		InitialState string          `json:"initial_state"`
	}
	var flat map[string]json.RawMessage
	if err := json.Unmarshal(data, &flat); err != nil {
		return node.Connector{}, fmt.Errorf("not a JSON object: %w", err)
	}
	props := flat
	if raw, ok := flat["config"]; ok && strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		if err := json.Unmarshal(data, &request); err != nil {
			return node.Connector{}, err
		}
		props = nil
		if err := json.Unmarshal(request.Config, &props); err != nil {
			return node.Connector{}, fmt.Errorf("config: %w", err)
		}
	}
	c := node.Connector{Name: request.Name, InitialState: request.InitialState, Config: map[string]string{}}
	for key, raw := range props {
		value, err := propertyText(raw)
		if err != nil {
			return c, fmt.Errorf("property %s: %w", key, err)
		}
		c.Config[key] = value
	}
	if c.Name == "" {
		c.Name = c.Config["name"]
	}
	return c, nil
}

// propertyText reads a JSON string, number or boolean as the text of a property.
func propertyText(raw json.RawMessage) (string, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case float64, bool:
		return string(raw), nil
	}
	return "", fmt.Errorf("%s is not a text, a number or a boolean", raw)
}
