package worker

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"leat/config"
	"leat/connector"
	"leat/convert"
	"leat/record"
	"leat/transform"
)

// plan is what a task is made of: a connector's properties, checked and turned into parts.
type plan struct {
	plugin *connector.Plugin // nil when the class is unknown
	props  map[string]string // config providers resolved, old names translated
	cfg    any               // pointer to the plug-in's parsed config
	common *settings
	source *sourceSettings // of a source
	sink   *sinkSettings   // of a sink
	chain  transform.Chain
	key    convert.Converter
	value  convert.Converter
	header convert.HeaderConverter
	topics []topicGroup // of a source: topic.creation.*

	keyClass, valueClass, headerClass string
}

// inspection is a plan with everything that was found on the way to it. Secrets in messages are hidden by config.Parse.
type inspection struct {
	plan
	defs     []config.Def // with full keys
	values   map[string]string
	problems []config.Problem
	notes    []string
	old      map[string]bool // keys that a transform has translated
}

// inspect checks properties without going anywhere. It never stops at the first problem.
func (w *Worker) inspect(props map[string]string) *inspection {
	in := &inspection{values: props}
	in.props = in.resolve(w.opts.Resolve, props)
	class := strings.TrimSpace(in.props["connector.class"])
	in.plugin = w.opts.Plugins.connector(class)
	if in.plugin != nil && in.plugin.Prepare != nil {
		prepared, notes := in.plugin.Prepare(in.props)
		in.props, in.notes = prepared, append(in.notes, notes...)
	}
	in.framework(w, class)
	in.ownOptions()
	in.converters(w)
	in.transforms(w)
	in.overrides(w)
	if in.plugin != nil {
		in.unknown()
	}
	return in
}

func (in *inspection) fail(key, format string, args ...any) {
	in.problems = append(in.problems, config.Problemf(key, format, args...))
}

// err gives all problems as one error, nil when there are none.
func (in *inspection) err() error {
	if len(in.problems) == 0 {
		return nil
	}
	lines := make([]string, len(in.problems))
	for i, p := range in.problems {
		lines[i] = p.Message
	}
	return connector.Fatalf("Connector configuration is invalid and contains the following %d error(s):\n%s", len(lines), strings.Join(lines, "\n"))
}

// resolve replaces config provider references; the key whose reference fails is named.
func (in *inspection) resolve(by func(map[string]string) (map[string]string, error), props map[string]string) map[string]string {
	if by == nil {
		return maps.Clone(props)
	}
	if out, err := by(maps.Clone(props)); err == nil {
		return out
	}
	out := map[string]string{}
	for _, k := range slices.Sorted(maps.Keys(props)) {
		one, err := by(map[string]string{k: props[k]})
		if err != nil {
			in.fail(k, "The reference in %s can not be resolved: %v", k, err)
			out[k] = props[k]
			continue
		}
		maps.Copy(out, one)
	}
	return out
}

func (in *inspection) framework(w *Worker, class string) {
	switch {
	case in.plugin == nil:
		in.common = &settings{}
		in.defs = config.Defs(settings{}, settingsDocs)
		in.problems = append(in.problems, config.Parse(in.props, in.common)...)
		if class != "" {
			in.fail("connector.class", "%s", unknownConnector(class, w.opts.Plugins.connectorNames()))
		}
		return
	case in.plugin.NewSource != nil:
		in.source = &sourceSettings{}
		in.problems = append(in.problems, config.Parse(in.props, in.source)...)
		in.common = &in.source.settings
		in.topicCreation(w)
	default:
		in.sink = &sinkSettings{}
		in.problems = append(in.problems, config.Parse(in.props, in.sink)...)
		in.common = &in.sink.settings
	}
	in.defs = append(in.defs, frameworkDefs(in.plugin)...)
}

func unknownConnector(class string, all []named) string {
	var known []string
	for _, p := range all {
		known = append(known, first(p.classes, p.name))
	}
	msg := fmt.Sprintf("Failed to find any class that implements Connector and which name matches %s, available connectors are: %s", class, strings.Join(known, ", "))
	if near := config.Nearest(class, simpleNames(all)); near != "" {
		msg += fmt.Sprintf(". Did you mean %q?", near)
	}
	return msg
}

// ownOptions checks the plug-in's own configuration.
func (in *inspection) ownOptions() {
	if in.plugin == nil {
		return
	}
	in.cfg = config.New(in.plugin.Config)
	in.problems = append(in.problems, config.Parse(in.props, in.cfg)...)
	have := map[string]bool{}
	for _, d := range in.defs {
		have[d.Key] = true
	}
	for _, d := range config.Defs(in.plugin.Config, in.plugin.Docs) {
		if !have[d.Key] {
			in.defs = append(in.defs, d)
		}
	}
}

func (in *inspection) converters(w *Worker) {
	in.key, in.keyClass = in.converter(w, "key.converter", record.PartKey)
	in.value, in.valueClass = in.converter(w, "value.converter", record.PartValue)
	in.headerConverter(w)
}

const (
	defaultConverter       = "org.apache.kafka.connect.json.JsonConverter"
	defaultHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
)

// converterProps says which converter of a kind counts, and with which options: the connector's, with the connector's options only,
// or else the worker's with the worker's only, as in Kafka Connect.
func (in *inspection) converterProps(w *Worker, key, fallback string) (class string, options map[string]string, own bool) {
	if class = strings.TrimSpace(in.props[key]); class != "" {
		return class, stripped(in.props, key+"."), true
	}
	for k := range in.props {
		if strings.HasPrefix(k, key+".") && !strings.HasSuffix(k, ".plugin.version") {
			in.notes = append(in.notes, fmt.Sprintf("%s has no effect, because %s is not set in the connector: the worker's converter is used with the worker's options", k, key))
		}
	}
	if class = strings.TrimSpace(w.opts.Props[key]); class == "" {
		return fallback, map[string]string{}, false
	}
	return class, stripped(w.opts.Props, key+"."), false
}

func (in *inspection) converter(w *Worker, key string, part record.Part) (convert.Converter, string) {
	class, options, own := in.converterProps(w, key, defaultConverter)
	p := w.opts.Plugins.converter(class)
	if p == nil || p.New == nil {
		in.fail(key, "Invalid value %s for configuration %s: %v", class, key, notFound(class, simpleNames(w.opts.Plugins.converterNames())))
		return nil, class
	}
	cfg, ok := in.part(key+".", own, config.Defs(p.Config, p.Docs), p.Config, options)
	if !ok {
		return nil, class
	}
	if p.Check != nil {
		for _, problem := range p.Check(cfg) {
			in.fail(key+"."+problem.Key, "%s", problem.Message)
			ok = false
		}
	}
	if !ok {
		return nil, class
	}
	c, err := p.New(cfg, part)
	if err != nil {
		in.fail(key, "Invalid value %s for configuration %s: %v", class, key, err)
	}
	return c, first(p.Classes, p.Name)
}

func (in *inspection) headerConverter(w *Worker) {
	const key = "header.converter"
	class, options, own := in.converterProps(w, key, defaultHeaderConverter)
	in.headerClass = class
	p := w.opts.Plugins.converter(class)
	if p == nil || p.NewHeader == nil {
		in.fail(key, "Invalid value %s for configuration %s: %v", class, key, notFound(class, simpleNames(w.opts.Plugins.converterNames())))
		return
	}
	cfg, ok := in.part(key+".", own, config.Defs(p.Config, p.Docs), p.Config, options)
	if !ok {
		return
	}
	h, err := p.NewHeader(cfg)
	if err != nil {
		in.fail(key, "Invalid value %s for configuration %s: %v", class, key, err)
	}
	in.header, in.headerClass = h, first(p.Classes, p.Name)
}

// part parses the options of a part whose keys begin with prefix. own tells that they are in the connector's properties, and so in
// the answer of validate.
func (in *inspection) part(prefix string, own bool, defs []config.Def, zero any, options map[string]string) (cfg any, ok bool) {
	cfg = config.New(zero)
	problems := config.Parse(options, cfg)
	for _, p := range problems {
		// Messages name the key as the part knows it; the user knows it with the prefix.
		p.Message = strings.Replace(p.Message, "configuration "+p.Key, "configuration "+prefix+p.Key, 1)
		p.Message = strings.Replace(p.Message, `configuration "`+p.Key, `configuration "`+prefix+p.Key, 1)
		p.Key = prefix + p.Key
		in.problems = append(in.problems, p)
	}
	if own {
		for _, d := range defs {
			d.Key = prefix + d.Key
			in.defs = append(in.defs, d)
		}
	}
	return cfg, len(problems) == 0
}

// transformOptions are the keys that every transform has.
type transformOptions struct {
	// Class, with $Key or $Value where it has both: the full Java name, its simple name, or leat's short name.
	Type string `config:"type,required" type:"CLASS" importance:"high"`
	// Version of the class; accepted, this build has one.
	Version string `config:"plugin.version"`
	// Predicate that decides whether the transform applies to a record; without one it always does.
	Predicate string `config:"predicate"`
	// Whether the transform applies where the predicate does not.
	Negate bool `config:"negate" default:"false"`
}

// predicateOptions are the keys that every predicate has.
type predicateOptions struct {
	// Class: the full Java name, its simple name, or leat's short name.
	Type string `config:"type,required" type:"CLASS" importance:"high"`
	// Version of the class; accepted, this build has one.
	Version string `config:"plugin.version"`
}

func (in *inspection) transforms(w *Worker) {
	predicates := map[string]transform.Predicate{}
	for _, alias := range unique(in.common.Predicates) {
		predicates[alias] = in.predicate(w, alias)
	}
	for _, alias := range unique(in.common.Transforms) {
		if step, ok := in.step(w, alias, predicates); ok {
			in.chain = append(in.chain, step)
		}
	}
}

func (in *inspection) predicate(w *Worker, alias string) transform.Predicate {
	prefix := "predicates." + alias + "."
	options := stripped(in.props, prefix)
	from := len(in.defs)
	cfg, ok := in.part(prefix, true, config.Defs(predicateOptions{}, predicateOptionsDocs), predicateOptions{}, options)
	defer in.group("Predicates: "+alias, from)
	if !ok {
		return nil
	}
	class := cfg.(*predicateOptions).Type
	p, err := w.opts.Plugins.predicate(class)
	if err != nil {
		in.fail(prefix+"type", "Invalid value %s for configuration %stype: %v", class, prefix, err)
		return nil
	}
	own, ok := in.part(prefix, true, config.Defs(p.Config, p.Docs), p.Config, without(options, "type", "plugin.version"))
	if !ok {
		return nil
	}
	out, err := p.New(own)
	if err != nil {
		in.fail(prefix+"type", "Predicate %s can not be used: %v", alias, err)
	}
	return out
}

func (in *inspection) step(w *Worker, alias string, predicates map[string]transform.Predicate) (transform.Step, bool) {
	prefix := "transforms." + alias + "."
	options := stripped(in.props, prefix)
	from := len(in.defs)
	cfg, ok := in.part(prefix, true, config.Defs(transformOptions{}, transformOptionsDocs), transformOptions{}, options)
	defer in.group("Transforms: "+alias, from)
	if !ok {
		return transform.Step{}, false
	}
	o := cfg.(*transformOptions)
	p, part, err := w.opts.Plugins.transform(o.Type)
	if err != nil {
		in.fail(prefix+"type", "Invalid value %s for configuration %stype: %v", o.Type, prefix, err)
		return transform.Step{}, false
	}
	options = without(options, "type", "plugin.version", "predicate", "negate")
	if p.Prepare != nil {
		prepared, notes := p.Prepare(options)
		in.translated(prefix, options, prepared)
		options, in.notes = prepared, append(in.notes, notes...)
	}
	own, ok := in.part(prefix, true, config.Defs(p.Config, p.Docs), p.Config, options)
	guard, guarded := in.guard(prefix, o, predicates)
	if !ok || !guarded {
		return transform.Step{}, false
	}
	t, err := p.New(own, part)
	if err != nil {
		in.fail(prefix+"type", "Transform %s can not be used: %v", alias, err)
		return transform.Step{}, false
	}
	return transform.Step{Alias: alias, Class: o.Type, Transform: t, Predicate: guard, Negate: o.Negate}, true
}

func (in *inspection) guard(prefix string, o *transformOptions, predicates map[string]transform.Predicate) (transform.Predicate, bool) {
	if o.Predicate == "" {
		if _, negated := in.props[prefix+"negate"]; negated {
			in.fail(prefix+"negate", "Config '%snegate' was provided but there is no config '%spredicate' defining a predicate to be negated.", prefix, prefix)
			return nil, false
		}
		return nil, true
	}
	p, ok := predicates[o.Predicate]
	if !ok {
		in.fail(prefix+"predicate", "Invalid value %s for configuration %spredicate: there is no predicate of this alias in predicates=%s", o.Predicate, prefix, strings.Join(in.common.Predicates, ","))
	}
	return p, ok
}

// translated remembers the keys that a part has read under an old name: they are not unknown.
func (in *inspection) translated(prefix string, given, prepared map[string]string) {
	for k := range given {
		if _, kept := prepared[k]; !kept {
			if in.old == nil {
				in.old = map[string]bool{}
			}
			in.old[prefix+k] = true
		}
	}
}

// group puts the definitions from an index on into a group of validate's answer.
func (in *inspection) group(name string, from int) {
	for i := from; i < len(in.defs); i++ {
		in.defs[i].Group, in.defs[i].Order = name, i-from
	}
}

// unknown notes keys that nothing reads, with the nearest name that is read: Kafka Connect ignores them without a word.
func (in *inspection) unknown() {
	known := slices.Clone(in.defs)
	for _, p := range prefixes {
		if p != "transforms." && p != "predicates." {
			known = append(known, config.Def{Key: p, Prefix: true})
		}
	}
	found := config.Unknown(in.props, known)
	for _, k := range slices.Sorted(maps.Keys(found)) {
		if in.old[k] {
			continue
		}
		note := fmt.Sprintf("Unknown option %s is kept and ignored.", k)
		if found[k] != "" {
			note = fmt.Sprintf("Unknown option %s is kept and ignored. Did you mean %s?", k, found[k])
		}
		in.notes = append(in.notes, note)
	}
}

func stripped(props map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for k, v := range props {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

func without(m map[string]string, keys ...string) map[string]string {
	out := maps.Clone(m)
	for _, k := range keys {
		delete(out, k)
	}
	return out
}

func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
