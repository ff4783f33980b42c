package record

import (
	"math/big"
	"strconv"

	"leat/schema"
)

// DefaultOf gives the default of s as a value, false where it has none or a default of null.
func DefaultOf(s *schema.Schema) (Value, bool) {
	def, ok := s.Default()
	if !ok || def == nil {
		return Null, false
	}
	return FromDefault(s, def), true
}

// FromDefault gives a default in the Go types of schema.Schema.Default as a value.
func FromDefault(s *schema.Schema, def any) Value {
	switch d := def.(type) {
	case bool:
		return Bool(d)
	case int64:
		return Int(d)
	case float64:
		return Float(d)
	case string:
		return String(d)
	case []byte:
		return Bytes(d)
	case *big.Int:
		scale, _ := s.Param("scale")
		n, _ := strconv.Atoi(scale)
		return DecimalBig(d, int32(n))
	case []any:
		elems := make([]Value, len(d))
		for i := range d {
			elems[i] = FromDefault(s.Elem(), d[i])
		}
		return Array(elems)
	case map[string]any:
		return mapDefault(s, d)
	}
	return Null
}

func mapDefault(s *schema.Schema, def map[string]any) Value {
	if s.Type() == schema.Struct {
		fields := make([]Value, len(s.Fields()))
		for i, f := range s.Fields() {
			fields[i] = FromDefault(f.Schema, def[f.Name])
		}
		return Struct(fields)
	}
	entries := make([]Entry, 0, len(def))
	for k, e := range def {
		entries = append(entries, Entry{String(k), FromDefault(s.Elem(), e)})
	}
	return Map(entries)
}
