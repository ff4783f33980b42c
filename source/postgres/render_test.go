package postgres

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"

	"leat/record"
	"leat/schema"
	"leat/source/postgres/types"
)

// schemaJSON writes a schema as Kafka Connect's JSON converter does: an independent, slow writing, to compare with what
// Debezium wrote.
func schemaJSON(s *schema.Schema) map[string]any {
	names := map[schema.Type]string{schema.Float32: "float", schema.Float64: "double"}
	name := names[s.Type()]
	if name == "" {
		name = s.Type().String()
	}
	out := map[string]any{"type": name, "optional": s.Optional()}
	if s.Name() != "" {
		out["name"] = s.Name()
	}
	if s.Version() != 0 {
		out["version"] = float64(s.Version())
	}
	if s.Doc() != "" {
		out["doc"] = s.Doc()
	}
	if len(s.Params()) > 0 {
		params := map[string]any{}
		for _, p := range s.Params() {
			params[p.Name] = p.Value
		}
		out["parameters"] = params
	}
	if d, ok := s.Default(); ok {
		out["default"] = jsonValue(s, types.ValueOf(d, s))
	}
	switch s.Type() {
	case schema.Struct:
		fields := []any{}
		for _, f := range s.Fields() {
			j := schemaJSON(f.Schema)
			j["field"] = f.Name
			fields = append(fields, j)
		}
		out["fields"] = fields
	case schema.Array:
		out["items"] = schemaJSON(s.Elem())
	case schema.Map:
		out["keys"], out["values"] = schemaJSON(s.Key()), schemaJSON(s.Elem())
	}
	return out
}

// jsonValue writes a value as the JSON converter does, as encoding/json would read it back.
func jsonValue(s *schema.Schema, v record.Value) any {
	switch v.Kind() {
	case record.KindNull:
		return nil
	case record.KindUnchanged:
		return defaultPlaceholder
	case record.KindBool:
		return v.Bool()
	case record.KindInt:
		return json.Number(fmt.Sprint(v.Int()))
	case record.KindFloat:
		switch f := v.Float(); {
		case f != f:
			return "NaN"
		case math.IsInf(f, 1):
			return "Infinity"
		case math.IsInf(f, -1):
			return "-Infinity"
		default:
			return f
		}
	case record.KindString:
		return v.Str()
	case record.KindBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case record.KindDecimal:
		return base64.StdEncoding.EncodeToString(v.AppendDecimalBytes(nil))
	case record.KindArray:
		out := []any{}
		for _, e := range v.Elems() {
			out = append(out, jsonValue(s.Elem(), e))
		}
		return out
	case record.KindStruct:
		out := map[string]any{}
		for i, e := range v.Elems() {
			f := s.Fields()[i]
			out[f.Name] = jsonValue(f.Schema, e)
		}
		return out
	case record.KindMap:
		out := map[string]any{}
		for _, e := range v.Entries() {
			out[e.Key.Str()] = jsonValue(s.Elem(), e.Value)
		}
		return out
	}
	panic("unknown kind " + v.Kind().String())
}

// normal brings parsed JSON and jsonValue to one form: numbers as text.
func normal(v any) any {
	switch x := v.(type) {
	case json.Number:
		if f, err := x.Float64(); err == nil && f != math.Trunc(f) {
			return fmt.Sprint(float32(f))
		}
		if i, err := x.Int64(); err == nil {
			return fmt.Sprint(i)
		}
		f, _ := x.Float64()
		return normal(f)
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1e15 {
			return fmt.Sprint(int64(x))
		}
		return fmt.Sprint(float32(x))
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = normal(x[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			out[k] = normal(e)
		}
		return out
	}
	return v
}
