package sinktest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"leat/record"
	"leat/schema"
)

// Message is a record as the scenario files write it: Kafka Connect's JSON with schemas. A part without a schema is null.
type Message struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
	Headers   []struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
	} `json:"headers"`
}

// Decoder reads messages; equal schemas give the same pointer, as a converter does.
type Decoder struct{ schemas map[string]*schema.Schema }

type jsonSchema struct {
	Type       string            `json:"type"`
	Optional   bool              `json:"optional"`
	Name       string            `json:"name"`
	Version    int               `json:"version"`
	Field      string            `json:"field"`
	Fields     []*jsonSchema     `json:"fields"`
	Items      *jsonSchema       `json:"items"`
	Keys       *jsonSchema       `json:"keys"`
	Values     *jsonSchema       `json:"values"`
	Default    json.RawMessage   `json:"default"`
	Parameters map[string]string `json:"parameters"`
}

// Record reads a message.
func (d *Decoder) Record(m Message) (r record.Record, err error) {
	r = record.Record{Topic: m.Topic, Origin: record.Partition{Topic: m.Topic, ID: m.Partition}, Offset: record.Offset(m.Offset)}
	if r.KeySchema, r.Key, err = d.part(m.Key); err != nil {
		return r, fmt.Errorf("key: %w", err)
	}
	if r.ValueSchema, r.Value, err = d.part(m.Value); err != nil {
		return r, fmt.Errorf("value: %w", err)
	}
	for _, h := range m.Headers {
		if text, ok := h.Value.(string); ok {
			r.Headers = append(r.Headers, record.Header{Key: h.Key, Value: record.String(text)})
		}
	}
	return r, nil
}

func (d *Decoder) part(raw json.RawMessage) (*schema.Schema, record.Value, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, record.Null, nil
	}
	var env struct {
		Schema  json.RawMessage `json:"schema"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(raw, &env); err != nil || env.Schema == nil {
		var v record.Value
		return nil, v, v.UnmarshalJSON(raw)
	}
	s := d.schemas[string(env.Schema)]
	if s == nil {
		var js jsonSchema
		if err := json.Unmarshal(env.Schema, &js); err != nil {
			return nil, record.Null, err
		}
		var err error
		if s, err = js.build(); err != nil {
			return nil, record.Null, err
		}
		if d.schemas == nil {
			d.schemas = map[string]*schema.Schema{}
		}
		d.schemas[string(env.Schema)] = s
	}
	v, err := decode(s, env.Payload)
	return s, v, err
}

var jsonTypes = map[string]schema.Type{
	"int8": schema.Int8, "int16": schema.Int16, "int32": schema.Int32, "int64": schema.Int64, "float": schema.Float32, "double": schema.Float64,
	"boolean": schema.Boolean, "string": schema.String, "bytes": schema.Bytes,
}

func (js *jsonSchema) build() (*schema.Schema, error) {
	var opts []schema.Option
	if js.Optional {
		opts = append(opts, schema.Optional())
	}
	if js.Name != "" {
		opts = append(opts, schema.Named(js.Name))
	}
	if js.Version > 0 {
		opts = append(opts, schema.Version(js.Version))
	}
	for k, v := range js.Parameters {
		opts = append(opts, schema.With(k, v))
	}
	var s *schema.Schema
	switch js.Type {
	case "struct":
		var fields []schema.Field
		for _, f := range js.Fields {
			fs, err := f.build()
			if err != nil {
				return nil, err
			}
			fields = append(fields, schema.F(f.Field, fs))
		}
		s = schema.NewStruct(fields, opts...)
	case "array":
		elem, err := js.Items.build()
		if err != nil {
			return nil, err
		}
		s = schema.NewArray(elem, opts...)
	case "map":
		key, err := js.Keys.build()
		if err != nil {
			return nil, err
		}
		elem, err := js.Values.build()
		if err != nil {
			return nil, err
		}
		s = schema.NewMap(key, elem, opts...)
	default:
		t, ok := jsonTypes[js.Type]
		if !ok {
			return nil, fmt.Errorf("type %q", js.Type)
		}
		s = schema.New(t, opts...)
	}
	return withDefault(s, js.Default)
}

// withDefault reads a plain default; those of structs, arrays and maps are left out.
func withDefault(s *schema.Schema, raw json.RawMessage) (*schema.Schema, error) {
	if raw == nil {
		return s, nil
	}
	v, err := decode(s, raw)
	if err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	var def any
	switch v.Kind() {
	case record.KindInt:
		def = v.Int()
	case record.KindFloat:
		def = v.Float()
	case record.KindBool:
		def = v.Bool()
	case record.KindString:
		def = v.Str()
	case record.KindBytes:
		def = v.Bytes()
	case record.KindDecimal:
		n, _ := v.DecimalParts()
		def = new(big.Int).Set(n)
	default:
		return s, nil
	}
	return s.Change(schema.Default(def)), nil
}

func decode(s *schema.Schema, raw json.RawMessage) (record.Value, error) {
	if string(raw) == "null" || len(raw) == 0 {
		return record.Null, nil
	}
	switch s.Type() {
	case schema.Struct:
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return record.Null, err
		}
		fields := make([]record.Value, len(s.Fields()))
		for i, f := range s.Fields() {
			var err error
			if fields[i], err = decode(f.Schema, m[f.Name]); err != nil {
				return record.Null, fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return record.Struct(fields), nil
	case schema.Array:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return record.Null, err
		}
		elems := make([]record.Value, len(list))
		for i := range list {
			var err error
			if elems[i], err = decode(s.Elem(), list[i]); err != nil {
				return record.Null, err
			}
		}
		return record.Array(elems), nil
	case schema.Map:
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return record.Null, err
		}
		var entries []record.Entry
		for k, one := range m {
			v, err := decode(s.Elem(), one)
			if err != nil {
				return record.Null, err
			}
			entries = append(entries, record.Entry{Key: record.String(k), Value: v})
		}
		return record.Map(entries), nil
	}
	return decodePlain(s, raw)
}

func decodePlain(s *schema.Schema, raw json.RawMessage) (record.Value, error) {
	switch s.Type() {
	case schema.Boolean:
		var b bool
		err := json.Unmarshal(raw, &b)
		return record.Bool(b), err
	case schema.String:
		var text string
		err := json.Unmarshal(raw, &text)
		return record.String(text), err
	case schema.Bytes:
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return record.Null, err
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err == nil && s.Name() == schema.DecimalName {
			p, _ := s.Param("scale")
			scale, _ := strconv.Atoi(p)
			return record.DecimalBytes(b, int32(scale)), nil
		}
		return record.Bytes(b), err
	case schema.Float32, schema.Float64:
		switch string(raw) {
		case `"NaN"`:
			return record.Float(math.NaN()), nil
		case `"Infinity"`:
			return record.Float(math.Inf(1)), nil
		case `"-Infinity"`:
			return record.Float(math.Inf(-1)), nil
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if s.Type() == schema.Float32 {
			f = float64(float32(f))
		}
		return record.Float(f), err
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return record.Int(n), err
}
