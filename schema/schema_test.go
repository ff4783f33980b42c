package schema_test

import (
	"fmt"
	"math/big"
	"testing"

	"leat/schema"
)

func TestFieldsAreFoundInNarrowAndWideStructs(t *testing.T) {
	for _, width := range []int{1, 8, 9, 100} {
		var fields []schema.Field
		for i := range width {
			fields = append(fields, schema.F(fmt.Sprint("f", i), schema.New(schema.Int32)))
		}
		s := schema.NewStruct(fields)
		for i := range width {
			if f := s.Field(fmt.Sprint("f", i)); f == nil || f.Index != i {
				t.Errorf("width %d: field f%d is %+v", width, i, f)
			}
		}
		if s.Field("g") != nil {
			t.Errorf("width %d: found a field that is not there", width)
		}
	}
}

func TestChangeLeavesTheOriginalAlone(t *testing.T) {
	a := schema.NewDecimal(2, 12)
	b := a.Change(schema.Optional(), schema.With("scale", "3"), schema.Default(big.NewInt(0)))
	if p, _ := a.Param("scale"); p != "2" || a.Optional() {
		t.Errorf("the original changed: scale %s, optional %v", p, a.Optional())
	}
	if p, _ := b.Param("scale"); p != "3" || !b.Optional() || b.Name() != schema.DecimalName || b.Version() != 1 {
		t.Error("the copy lacks a change")
	}
}

func TestEqualComparesEverything(t *testing.T) {
	build := func(opts ...schema.Option) *schema.Schema {
		return schema.NewStruct([]schema.Field{schema.F("a", schema.NewArray(schema.New(schema.Bytes, opts...)))})
	}
	for name, c := range map[string]struct {
		a, b *schema.Schema
		want bool
	}{
		"same content":       {build(), build(), true},
		"optional":           {build(), build(schema.Optional()), false},
		"name":               {build(schema.Named("x")), build(), false},
		"version":            {build(schema.Version(1)), build(schema.Version(2)), false},
		"doc":                {build(schema.Doc("x")), build(), false},
		"parameter order":    {build(schema.With("a", "1"), schema.With("b", "2")), build(schema.With("b", "2"), schema.With("a", "1")), true},
		"parameter value":    {build(schema.With("a", "1")), build(schema.With("a", "2")), false},
		"default and none":   {build(schema.Default(nil)), build(), false},
		"default of bytes":   {build(schema.Default([]byte{1})), build(schema.Default([]byte{1})), true},
		"default of big.Int": {build(schema.Default(big.NewInt(1))), build(schema.Default(big.NewInt(2))), false},
		"nil":                {nil, build(), false},
		"both nil":           {nil, nil, true},
	} {
		if got := schema.Equal(c.a, c.b); got != c.want {
			t.Errorf("%s: Equal is %v", name, got)
		}
	}
}
