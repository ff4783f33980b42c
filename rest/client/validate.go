package client

import (
	"context"
	"net/http"
	"net/url"
)

// Definition is an option of a plug-in.
type Definition struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	Default       *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         string   `json:"group"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

// Validation is the answer of validate.
type Validation struct {
	Name       string   `json:"name"` // the connector's class
	ErrorCount int      `json:"error_count"`
	Groups     []string `json:"groups"`
	Configs    []struct {
		Definition *Definition `json:"definition"`
		Value      struct {
			Name        string   `json:"name"`
			Value       *string  `json:"value"`
			Recommended []string `json:"recommended_values"`
			Errors      []string `json:"errors"`
			Visible     bool     `json:"visible"`
		} `json:"value"`
	} `json:"configs"`
}

// Errors gives all messages by option.
func (v Validation) Errors() map[string][]string {
	out := map[string][]string{}
	for _, c := range v.Configs {
		if len(c.Value.Errors) > 0 {
			out[c.Value.Name] = c.Value.Errors
		}
	}
	return out
}

// Validate checks a config, which names its class.
func (c *Client) Validate(ctx context.Context, config map[string]string) (out Validation, err error) {
	class := config["connector.class"]
	_, err = c.Do(ctx, http.MethodPut, "/connector-plugins/"+url.PathEscape(class)+"/config/validate", config, &out)
	return out, err
}

// PluginConfig lists the options of a plug-in.
func (c *Client) PluginConfig(ctx context.Context, class string) ([]Definition, error) {
	return get[[]Definition](ctx, c, "/connector-plugins/"+url.PathEscape(class)+"/config")
}
