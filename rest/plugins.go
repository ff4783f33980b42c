package rest

import (
	"net/http"
	"strings"

	"leat/config"
	"leat/worker"
)

func (a *API) pluginRoutes() []route {
	return []route{
		{method: "GET", pattern: "/connector-plugins", handle: a.listPlugins},
		{method: "GET", pattern: "/connector-plugins/{plugin}/config", handle: a.pluginConfig},
		{method: "PUT", pattern: "/connector-plugins/{plugin}/config/validate", handle: a.validate, body: true},
	}
}

func (a *API) listPlugins(r *request) (*response, error) {
	plugins, err := a.herder.Plugins(r.ctx())
	if err != nil {
		return nil, err
	}
	if q := r.URL.Query(); q.Has("connectorsOnly") && !r.flag("connectorsOnly") {
		return ok(plugins)
	}
	connectors := plugins[:0:0]
	for _, p := range plugins {
		if p.Type == "sink" || p.Type == "source" {
			connectors = append(connectors, p)
		}
	}
	return ok(append(plugins[:0:0], connectors...))
}

// definition is one option in Connect's words. Order is there twice: clients of Connect before 4.2 read order.
type definition struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	Default       *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	Order         int      `json:"order"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

type value struct {
	Name        string   `json:"name"`
	Value       *string  `json:"value"`
	Recommended []string `json:"recommended_values"`
	Errors      []string `json:"errors"`
	Visible     bool     `json:"visible"`
}

type configInfo struct {
	Definition *definition `json:"definition"`
	Value      value       `json:"value"`
}

type validation struct {
	Name       string       `json:"name"`
	ErrorCount int          `json:"error_count"`
	Groups     []string     `json:"groups"`
	Configs    []configInfo `json:"configs"`
}

func define(d config.Def) *definition {
	out := &definition{
		Name: d.Key, Type: string(d.Type), Required: d.Required, Importance: d.Importance, Documentation: d.Doc,
		Order: d.Order, OrderInGroup: d.Order, Width: d.Width, DisplayName: d.DisplayName, Dependents: strs(d.Dependents),
	}
	if d.HasDefault {
		out.Default = &d.Default
	}
	if d.Group != "" {
		out.Group = &d.Group
	}
	return out
}

// strs is never null in JSON.
func strs(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *API) pluginConfig(r *request) (*response, error) {
	defs, err := a.herder.PluginConfig(r.ctx(), r.param("plugin"))
	if err != nil {
		return nil, err
	}
	out := []*definition{}
	for _, d := range defs {
		if !d.Hidden && !d.Prefix {
			out = append(out, define(d))
		}
	}
	return ok(out)
}

func (a *API) validate(r *request) (*response, error) {
	props, err := change(r.data)
	if err != nil {
		return nil, err
	}
	plugin := r.param("plugin")
	if class := props["connector.class"]; class != nil && !strings.HasSuffix(alias(*class), alias(plugin)) {
		return nil, failf(http.StatusBadRequest, "Included connector type %s does not match request type %s", *class, plugin)
	}
	v, err := a.herder.Validate(r.ctx(), props)
	if err != nil {
		return nil, err
	}
	return ok(showValidation(v))
}

// alias is a class without its suffix.
func alias(class string) string {
	if s := strings.TrimSuffix(class, "Connector"); s != "" {
		return s
	}
	return class
}

func showValidation(v worker.Validation) validation {
	out := validation{Name: v.Class, ErrorCount: len(v.Errors()), Groups: strs(v.Groups), Configs: []configInfo{}}
	for _, c := range v.Values {
		info := configInfo{Value: value{c.Key, c.Value, strs(c.Recommended), strs(c.Errors), c.Visible}}
		if c.Def != nil {
			info.Definition = define(*c.Def)
		}
		out.Configs = append(out.Configs, info)
	}
	return out
}
