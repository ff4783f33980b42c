package worker

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"leat/config"
)

// Validate answers PUT …/config/validate: everything that is wrong at once. The external systems are asked only when nothing else is.
func (w *Worker) Validate(ctx context.Context, props map[string]string, live bool) Validation {
	in := w.inspect(props)
	v := Validation{Class: props["connector.class"], Notes: in.notes}
	if in.plugin != nil {
		v.Type = kindOf(in.plugin)
	}
	if live && len(in.problems) == 0 && in.plugin.Check != nil {
		in.problems = append(in.problems, in.live(ctx)...)
	}
	in.answer(&v)
	return v
}

// live asks the external systems, no longer than ctx.
func (in *inspection) live(ctx context.Context) []config.Problem {
	found := make(chan []config.Problem, 1)
	go func() {
		var out []config.Problem
		err := guarded(func() error { out = in.plugin.Check(ctx, in.cfg); return nil })
		if err != nil {
			out = []config.Problem{config.Problemf("connector.class", "The check of the connector broke: %v", err)}
		}
		found <- out
	}()
	select {
	case out := <-found:
		return out
	case <-ctx.Done():
		return []config.Problem{config.Problemf("connector.class", "The external systems did not answer in time: %v", context.Cause(ctx))}
	}
}

// answer fills the values: one per definition, in order, then those without one.
func (in *inspection) answer(v *Validation) {
	errors := map[string][]string{}
	for _, p := range in.problems {
		errors[p.Key] = append(errors[p.Key], p.Message)
	}
	given := maps.Clone(in.values)
	for i := range in.defs {
		d := &in.defs[i]
		if d.Prefix {
			continue
		}
		if !slices.Contains(v.Groups, d.Group) {
			v.Groups = append(v.Groups, d.Group)
		}
		c := ConfigValue{Def: d, Key: d.Key, Recommended: d.Words, Errors: errors[d.Key], Visible: !d.Hidden}
		c.Value = in.shown(d)
		for _, alias := range d.Aliases {
			c.Errors = append(c.Errors, errors[alias]...)
			delete(errors, alias)
			delete(given, alias)
		}
		delete(errors, d.Key)
		delete(given, d.Key)
		v.Values = append(v.Values, c)
	}
	for _, k := range slices.Sorted(maps.Keys(given)) {
		value := given[k]
		if in.secret(k) {
			value = config.Hidden
		}
		value = hidePasswords(value)
		v.Values = append(v.Values, ConfigValue{Key: k, Value: &value, Errors: errors[k], Visible: true})
		delete(errors, k)
	}
	for _, k := range slices.Sorted(maps.Keys(errors)) {
		v.Values = append(v.Values, ConfigValue{Key: k, Errors: errors[k], Visible: true})
	}
}

// shown is the value of an option as given, or its default; nil when there is neither.
func (in *inspection) shown(d *config.Def) *string {
	value, ok := in.values[d.Key]
	for _, alias := range d.Aliases {
		if !ok {
			value, ok = in.values[alias]
		}
	}
	switch {
	case !ok && !d.HasDefault:
		return nil
	case !ok:
		value = d.Default
	// Invariant 10.
	case d.Type == config.TypePassword:
		value = config.Hidden
	default:
		value = hidePasswords(value)
	}
	return &value
}

// inlinePassword is a password within a value, as JDBC URLs carry it.
var inlinePassword = regexp.MustCompile(`(?i)([?&;]\w*passw(?:or)?d=)[^&;]*`)

func hidePasswords(value string) string {
	return inlinePassword.ReplaceAllString(value, "${1}"+config.Hidden)
}

// secret tells whether a key without a definition of its own holds a secret: under a prefix of passwords, or by its name.
func (in *inspection) secret(key string) bool {
	for _, d := range in.defs {
		if d.Prefix && d.Type == config.TypePassword && strings.HasPrefix(key, d.Key) {
			return true
		}
	}
	return secretName.MatchString(key)
}
