// Package provider replaces references such as ${file:/run/secrets/db.properties:password} in properties by what a config
// provider gives: FileConfigProvider, EnvVarConfigProvider and DirectoryConfigProvider, with their parameters, as Kafka's
// ConfigTransformer does.
//
// A reference is ${alias:key} or ${alias:path:key}; alias is one of config.providers. A reference whose alias is not configured, or
// whose key the provider does not have, stays as it is, as in Kafka; for the latter the log has a warning. What a provider gives
// is not looked at for further references.
//
// Guarantees: values are read anew at each call, and never logged (Invariant 10). Safe for use by several goroutines.
package provider

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"leat/config"
)

// Transformer replaces references.
type Transformer struct {
	providers map[string]source
	log       *slog.Logger
}

// source is one configured provider.
type source interface {
	// get gives the values of path by key; keys tells which are wanted.
	get(path string, keys []string) (map[string]string, error)
}

// classes are the providers by their class names and Kafka's aliases for them; params are those after config.providers.ALIAS.param.
var classes = map[string]func(params map[string]string) (source, error){
	"FileConfigProvider":      newFile,
	"EnvVarConfigProvider":    newEnv,
	"DirectoryConfigProvider": newDirectory,
}

const classPackage = "org.apache.kafka.common.config.provider."

// New reads config.providers and what belongs to it from a worker's properties, and gives every problem at once.
func New(props map[string]string, log *slog.Logger) (*Transformer, []config.Problem) {
	t := &Transformer{providers: map[string]source{}, log: log}
	var problems []config.Problem
	for _, alias := range aliases(props["config.providers"]) {
		prefix := "config.providers." + alias + "."
		p, problem := open(props, prefix)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		t.providers[alias] = p
	}
	return t, problems
}

func open(props map[string]string, prefix string) (source, *config.Problem) {
	key := prefix + "class"
	class := strings.TrimSpace(props[key])
	if class == "" {
		p := config.Problemf(key, "missing: config.providers names %q, so its class must be given, one of %s", strings.Split(prefix, ".")[2], known())
		return nil, &p
	}
	name := strings.TrimPrefix(class, classPackage)
	make, ok := classes[name]
	if !ok {
		make, ok = classes[name+"ConfigProvider"]
	}
	if !ok {
		p := config.Problemf(key, "%q is not a config provider of leat; it has %s", class, known())
		return nil, &p
	}
	params := map[string]string{}
	for k, v := range props {
		if param, ok := strings.CutPrefix(k, prefix+"param."); ok {
			params[param] = v
		}
	}
	p, err := make(params)
	if err != nil {
		problem := config.Problemf(strings.TrimSuffix(prefix, "."), "%v", err)
		return nil, &problem
	}
	return p, nil
}

func aliases(list string) []string {
	var out []string
	for a := range strings.SplitSeq(list, ",") {
		if a = strings.TrimSpace(a); a != "" && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func known() string {
	var names []string
	for name := range classes {
		names = append(names, classPackage+name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// reference is Kafka's own pattern.
var reference = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

type place struct{ alias, path string }

// Transform gives a copy of props with references replaced.
func (t *Transformer) Transform(props map[string]string) (map[string]string, error) {
	values, err := t.lookup(wanted(props))
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(props))
	for k, v := range props {
		out[k] = reference.ReplaceAllStringFunc(v, func(ref string) string {
			at, key := parse(ref)
			if _, ok := t.providers[at.alias]; !ok {
				return ref
			}
			value, ok := values[at][key]
			if !ok {
				t.log.Warn("a config provider does not have what a property refers to; the reference stays as it is", "property", k, "reference", ref)
				return ref
			}
			return value
		})
	}
	return out, nil
}

// wanted collects the references of all values, so that each path is read once.
func wanted(props map[string]string) map[place][]string {
	out := map[place][]string{}
	for _, v := range props {
		for _, ref := range reference.FindAllString(v, -1) {
			at, key := parse(ref)
			if !slices.Contains(out[at], key) {
				out[at] = append(out[at], key)
			}
		}
	}
	return out
}

func parse(ref string) (at place, key string) {
	m := reference.FindStringSubmatch(ref)
	return place{alias: m[1], path: m[3]}, m[4]
}

func (t *Transformer) lookup(refs map[place][]string) (map[place]map[string]string, error) {
	out := map[place]map[string]string{}
	for at, keys := range refs {
		p, ok := t.providers[at.alias]
		if !ok {
			continue
		}
		values, err := p.get(at.path, keys)
		if err != nil {
			return nil, fmt.Errorf("config provider %q: %w", at.alias, err)
		}
		out[at] = values
	}
	return out, nil
}
