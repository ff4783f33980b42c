package field

import (
	"slices"
	"testing"

	"leat/config"
	"leat/convert/json"
	"leat/transform"
	"leat/transform/transformtest"
)

func format(t testing.TB, schemas bool) *json.Converter {
	c, err := json.New(json.Config{SchemasEnable: schemas, CacheSize: 100, DecimalFormat: json.Base64})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestScenarios runs testdata/PLUGIN*.txt for each plugin.
func TestScenarios(t *testing.T) {
	for _, p := range Plugins {
		t.Run(p.Name, func(t *testing.T) {
			transformtest.Run(t, p, transformtest.Codec{Schemas: format(t, true), Plain: format(t, false)}, p.Name+"*.txt")
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		plugin transform.Plugin
		props  map[string]string
		key    string
	}{
		{ExtractPlugin, nil, "field"},
		{ExtractPlugin, map[string]string{"field": "a", "field.syntax.version": "v3"}, "field.syntax.version"},
		{ExtractPlugin, map[string]string{"field": "`a", "field.syntax.version": "v2"}, "field"},
		{MaskPlugin, nil, "fields"},
		{MaskPlugin, map[string]string{"fields": "a", "replacement": ""}, "replacement"},
		{InsertPlugin, nil, "static.field"},
		{InsertPlugin, map[string]string{"static.field": "a"}, "static.value"},
		{ReplacePlugin, map[string]string{"renames": "a"}, "renames"},
		{ValueToKeyPlugin, nil, "fields"},
		{HeaderFromPlugin, map[string]string{"fields": "a,b", "headers": "x", "operation": "move"}, "headers"},
		{HeaderFromPlugin, map[string]string{"fields": "a", "headers": "x", "operation": "take"}, "operation"},
	} {
		problems := config.Parse(c.props, config.New(c.plugin.Config))
		if len(problems) != 1 || problems[0].Key != c.key {
			t.Errorf("%s with %v: %v, want one for %s", c.plugin.Name, c.props, problems, c.key)
		}
	}
}

func TestPathsAreThoseOfKafka(t *testing.T) {
	for path, want := range map[string][]string{
		"a": {"a"}, "a.b.c": {"a", "b", "c"}, "`a.b`.c": {"a.b", "c"}, "a.`b.c`": {"a", "b.c"}, "a.": {"a", ""},
		"a`b.c": {"a`b", "c"}, "`a`b`.c": {"a`b", "c"}, "`a\\`.b`.c": {"a`.b", "c"},
	} {
		if got, err := V2.steps(path); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for _, path := range []string{"`a", "a.`b", "`a\\`"} {
		if got, err := V2.steps(path); err == nil {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got, _ := V1.steps("a.b"); !slices.Equal(got, []string{"a.b"}) {
		t.Errorf("V1 cut the name: %q", got)
	}
}
