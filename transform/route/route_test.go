package route

import (
	"testing"

	"leat/config"
	"leat/convert/json"
	"leat/transform/transformtest"
)

func TestScenarios(t *testing.T) {
	plain, err := json.New(json.Config{CacheSize: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Plugins {
		t.Run(p.Name, func(t *testing.T) {
			transformtest.Run(t, p, transformtest.Codec{Schemas: plain, Plain: plain}, p.Name+"*.txt")
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	if problems := config.Parse(map[string]string{"regex": "(", "replacement": "x"}, config.New(RegexConfig{})); len(problems) != 1 || problems[0].Key != "regex" {
		t.Errorf("a wrong regex: %v", problems)
	}
}
