package record

import (
	"bytes"
	"fmt"
	"maps"
	"math/big"
	"slices"
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
	for _, k := range slices.Sorted(maps.Keys(def)) {
		entries = append(entries, Entry{String(k), FromDefault(s.Elem(), def[k])})
	}
	return Map(entries)
}

// ToDefault gives a value of s in the Go types of schema.Schema.Default.
func ToDefault(s *schema.Schema, v Value) (any, error) {
	switch v.kind {
	case KindNull:
		return nil, nil
	case KindBool:
		return v.Bool(), nil
	case KindInt:
		return v.Int(), nil
	case KindFloat:
		return v.Float(), nil
	case KindString:
		return string(v.Bytes()), nil
	case KindBytes:
		return bytes.Clone(v.Bytes()), nil
	case KindDecimal:
		return decimalDefault(s, v)
	case KindArray:
		return arrayDefault(s, v)
	case KindMap, KindStruct:
		return toMapDefault(s, v)
	}
	return nil, fmt.Errorf("record: a %s is no default", v.kind)
}

// decimalDefault keeps the unscaled value alone, so the scale must be the schema's.
func decimalDefault(s *schema.Schema, v Value) (any, error) {
	n, scale := v.DecimalParts()
	if want, _ := s.Param("scale"); want != strconv.Itoa(int(scale)) {
		return nil, fmt.Errorf("record: the default %s has not the scale %s of its schema", v.AppendDecimal(nil), want)
	}
	return n, nil
}

func arrayDefault(s *schema.Schema, v Value) (any, error) {
	out := make([]any, v.Len())
	for i, e := range v.Elems() {
		var err error
		if out[i], err = ToDefault(s.Elem(), e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func toMapDefault(s *schema.Schema, v Value) (_ any, err error) {
	out := map[string]any{}
	if v.kind == KindStruct {
		for i, f := range s.Fields() {
			if out[f.Name], err = ToDefault(f.Schema, v.Field(i)); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	for _, e := range v.Entries() {
		if e.Key.kind != KindString {
			return nil, fmt.Errorf("record: a map with %s keys is no default", e.Key.kind)
		}
		if out[string(e.Key.Bytes())], err = ToDefault(s.Elem(), e.Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}
