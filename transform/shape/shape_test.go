package shape

import (
	"testing"

	"leat/config"
	"leat/convert/json"
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

func TestCastsAreChecked(t *testing.T) {
	for _, spec := range []string{"a:int128", "int8,a:int8", "a:bytes", "a"} {
		if problems := config.Parse(map[string]string{"spec": spec}, config.New(CastConfig{})); len(problems) != 1 || problems[0].Key != "spec" {
			t.Errorf("%s: %v", spec, problems)
		}
	}
}
