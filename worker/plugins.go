package worker

import (
	"fmt"
	"slices"
	"strings"

	"leat/config"
	"leat/connector"
	"leat/convert"
	"leat/record"
	"leat/transform"
)

// This file finds plug-ins by what a user may write for a class: the full Java name, the simple name with or without the suffix of its
// kind, as Kafka Connect allows, or leat's short name.

// named is what finding needs of any plug-in.
type named struct {
	name    string
	classes []string
}

// find gives the index of the plug-in that class means, -1 when there is none or when a simple name means several.
func find(all []named, class, suffix string) int {
	for i, p := range all {
		if slices.Contains(p.classes, class) || p.name == class {
			return i
		}
	}
	found := -1
	for i, p := range all {
		if !slices.ContainsFunc(p.classes, func(c string) bool { return isAlias(c, class, suffix) }) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

func isAlias(class, alias, suffix string) bool {
	simple := class[strings.LastIndexByte(class, '.')+1:]
	return alias == simple || alias != "" && alias == strings.TrimSuffix(simple, suffix)
}

func simpleNames(all []named) []string {
	var out []string
	for _, p := range all {
		out = append(out, p.name)
		for _, c := range p.classes {
			out = append(out, c, c[strings.LastIndexByte(c, '.')+1:])
		}
	}
	return out
}

func (p Plugins) connector(class string) *connector.Plugin {
	i := find(p.connectorNames(), class, "Connector")
	if i < 0 {
		return nil
	}
	return &p.Connectors[i]
}

func (p Plugins) connectorNames() []named {
	out := make([]named, len(p.Connectors))
	for i, c := range p.Connectors {
		out[i] = named{c.Name, c.Classes}
	}
	return out
}

func (p Plugins) converter(class string) *convert.Plugin {
	i := find(p.converterNames(), class, "Converter")
	if i < 0 {
		return nil
	}
	return &p.Converters[i]
}

func (p Plugins) converterNames() []named {
	out := make([]named, len(p.Converters))
	for i, c := range p.Converters {
		out[i] = named{c.Name, c.Classes}
	}
	return out
}

// transform finds a transform and the part that a class name with $Key or $Value is about.
func (p Plugins) transform(class string) (*transform.Plugin, record.Part, error) {
	base, part, hasPart := strings.Cut(class, "$")
	i := find(p.transformNames(), base, "Transformation")
	if i < 0 {
		return nil, 0, notFound(class, simpleNames(p.transformNames()))
	}
	t := &p.Transforms[i]
	full := base
	if len(t.Classes) > 0 {
		full = t.Classes[0]
	}
	switch {
	case t.Parts && part == "Key":
		return t, record.PartKey, nil
	case t.Parts && part == "Value":
		return t, record.PartValue, nil
	case t.Parts && !hasPart:
		//lint:ignore ST1005 Kafka's wording
		return nil, 0, fmt.Errorf("Transformation is abstract and cannot be created. Did you mean %s$Key, %s$Value?", full, full)
	case hasPart:
		return nil, 0, notFound(class, []string{full, full + "$Key", full + "$Value"})
	}
	return t, record.PartValue, nil
}

func (p Plugins) transformNames() []named {
	out := make([]named, len(p.Transforms))
	for i, c := range p.Transforms {
		out[i] = named{c.Name, c.Classes}
	}
	return out
}

func (p Plugins) predicate(class string) (*transform.PredicatePlugin, error) {
	i := find(p.predicateNames(), class, "Predicate")
	if i < 0 {
		return nil, notFound(class, simpleNames(p.predicateNames()))
	}
	return &p.Predicates[i], nil
}

func (p Plugins) predicateNames() []named {
	out := make([]named, len(p.Predicates))
	for i, c := range p.Predicates {
		out[i] = named{c.Name, c.Classes}
	}
	return out
}

// notFound is Kafka's message for a class that is not there, with the nearest name that is.
func notFound(class string, known []string) error {
	if near := config.Nearest(class, known); near != "" {
		//lint:ignore ST1005 Kafka's wording
		return fmt.Errorf("Class %s could not be found. Did you mean %q?", class, near)
	}
	//lint:ignore ST1005 Kafka's wording
	return fmt.Errorf("Class %s could not be found.", class)
}

// Plugin finds a connector plug-in by class, alias or short name.
func (w *Worker) Plugin(class string) (*connector.Plugin, bool) {
	p := w.opts.Plugins.connector(class)
	return p, p != nil
}

// Descriptions lists every plug-in by its full class name.
func (w *Worker) Descriptions() []PluginDescription {
	var out []PluginDescription
	p := w.opts.Plugins
	for _, c := range p.Connectors {
		out = append(out, PluginDescription{first(c.Classes, c.Name), kindOf(&c), c.Version})
	}
	for _, c := range p.Converters {
		if c.New != nil {
			out = append(out, PluginDescription{Class: first(c.Classes, c.Name), Type: "converter"})
		}
		if c.NewHeader != nil {
			out = append(out, PluginDescription{Class: first(c.Classes, c.Name), Type: "header_converter"})
		}
	}
	for _, t := range p.Transforms {
		class := first(t.Classes, t.Name)
		if !t.Parts {
			out = append(out, PluginDescription{Class: class, Type: "transformation"})
			continue
		}
		out = append(out, PluginDescription{Class: class + "$Key", Type: "transformation"}, PluginDescription{Class: class + "$Value", Type: "transformation"})
	}
	for _, c := range p.Predicates {
		out = append(out, PluginDescription{Class: first(c.Classes, c.Name), Type: "predicate"})
	}
	return out
}

// Definitions gives the options of any plug-in.
func (w *Worker) Definitions(class string) ([]config.Def, bool) {
	p := w.opts.Plugins
	if c := p.connector(class); c != nil {
		return append(frameworkDefs(c), config.Defs(c.Config, c.Docs)...), true
	}
	if c := p.converter(class); c != nil {
		return config.Defs(c.Config, c.Docs), true
	}
	if t, _, err := p.transform(class); err == nil {
		return config.Defs(t.Config, t.Docs), true
	}
	if c, err := p.predicate(class); err == nil {
		return config.Defs(c.Config, c.Docs), true
	}
	return nil, false
}

func frameworkDefs(p *connector.Plugin) []config.Def {
	if p.NewSource != nil {
		return config.Defs(sourceSettings{}, sourceSettingsDocs)
	}
	return config.Defs(sinkSettings{}, sinkSettingsDocs)
}

func kindOf(p *connector.Plugin) string {
	if p.NewSource != nil {
		return "source"
	}
	return "sink"
}

func first(classes []string, name string) string {
	if len(classes) > 0 {
		return classes[0]
	}
	return name
}
