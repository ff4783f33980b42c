package schema

import (
	"bytes"
	"math/big"
	"reflect"
)

// Equal compares two schemas by content, documentation and parameter values included, parameter order not.
func Equal(a, b *Schema) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	if a.typ != b.typ || a.optional != b.optional || a.version != b.version || a.name != b.name || a.doc != b.doc ||
		a.hasDefault != b.hasDefault || len(a.params) != len(b.params) || len(a.fields) != len(b.fields) {
		return false
	}
	for _, p := range a.params {
		if v, ok := b.Param(p.Name); !ok || v != p.Value {
			return false
		}
	}
	for i := range a.fields {
		if a.fields[i].Name != b.fields[i].Name || !Equal(a.fields[i].Schema, b.fields[i].Schema) {
			return false
		}
	}
	return equalDefault(a.def, b.def) && Equal(a.key, b.key) && Equal(a.elem, b.elem)
}

func equalDefault(a, b any) bool {
	switch x := a.(type) {
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	default:
		return reflect.DeepEqual(a, b)
	}
}
