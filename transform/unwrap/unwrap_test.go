package unwrap

import (
	"maps"
	"os"
	"strings"
	"testing"

	"leat/config"
	"leat/convert"
	"leat/convert/json"
	"leat/record"
	"leat/transform/transformtest"
)

func converter(t testing.TB, schemas bool) *json.Converter {
	c, err := json.New(json.Config{SchemasEnable: schemas, CacheSize: 100, DecimalFormat: json.Base64})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestScenarios(t *testing.T) {
	transformtest.Run(t, Plugin, transformtest.Codec{Schemas: converter(t, true), Plain: converter(t, false)}, "*.txt")
}

func TestOldOptionsAreTranslated(t *testing.T) {
	for _, c := range []struct {
		props map[string]string
		mode  string
	}{
		{map[string]string{"add.fields": "op"}, ""},
		{map[string]string{"drop.tombstones": "true"}, "drop"},
		{map[string]string{"delete.handling.mode": "drop"}, "drop"},
		{map[string]string{"drop.tombstones": "false"}, "tombstone"},
		{map[string]string{"drop.tombstones": "true", "delete.handling.mode": "none"}, "tombstone"},
		{map[string]string{"drop.tombstones": "false", "delete.handling.mode": "none"}, "tombstone"},
		{map[string]string{"delete.handling.mode": "rewrite"}, "rewrite"},
		{map[string]string{"drop.tombstones": "false", "delete.handling.mode": "Rewrite"}, "rewrite-with-tombstone"},
		{map[string]string{"drop.tombstones": "true", "delete.tombstone.handling.mode": "rewrite"}, "rewrite"},
		{map[string]string{"delete.handling.mode": "wrong"}, "wrong"},
	} {
		before := maps.Clone(c.props)
		got, notes := Prepare(c.props)
		if got["delete.tombstone.handling.mode"] != c.mode || (len(notes) > 0) != (c.mode != "") {
			t.Errorf("%v became %v, %q", before, got, notes)
		}
		if !maps.Equal(before, c.props) {
			t.Errorf("%v was changed to %v", before, c.props)
		}
		if _, old := got["drop.tombstones"]; old {
			t.Errorf("%v kept the old option", before)
		}
		if problems := config.Parse(got, config.New(Config{})); (len(problems) > 0) != (c.mode == "wrong") {
			t.Errorf("%v: %v", before, problems)
		}
	}
}

func TestWrongNamesAreReported(t *testing.T) {
	for _, name := range []string{"a:b:c", "", ".x", "x."} {
		if problems := (&Config{AddFields: []string{name}, AddHeaders: []string{"op"}}).Validate(); len(problems) != 1 {
			t.Errorf("%q: %v", name, problems)
		}
	}
}

// BenchmarkUnwrap is the envelope of ten columns in the default mode, and rewritten with two fields added.
func BenchmarkUnwrap(b *testing.B) {
	data, err := os.ReadFile("testdata/bench.json")
	if err != nil {
		b.Fatal(err)
	}
	s, v, err := converter(b, true).Decode(convert.At{Topic: "t"}, nil, []byte(strings.TrimSpace(string(data))))
	if err != nil {
		b.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"default": {Mode: Tombstone, ReadPlaceholder: true, Placeholder: record.UnavailableValue},
		"rewrite": {Mode: Rewrite, ReadPlaceholder: true, Placeholder: record.UnavailableValue, AddFields: []string{"op", "source.lsn"}},
	} {
		b.Run(name, func(b *testing.B) {
			tr, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for range b.N {
				r := record.Record{ValueSchema: s, Value: v}
				if _, err := tr.Apply(&r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
