package json

import (
	"fmt"
	"math"

	"leat/record"
	"leat/schema"
)

var primitives = map[string]schema.Type{
	"int8": schema.Int8, "int16": schema.Int16, "int32": schema.Int32, "int64": schema.Int64, "float": schema.Float32,
	"double": schema.Float64, "boolean": schema.Boolean, "string": schema.String, "bytes": schema.Bytes,
}

// schemaReader reads a schema from its JSON. Structs of equal content within one schema, such as before and after of an
// envelope, become one pointer.
type schemaReader struct {
	replaceNull bool
	structs     []*schema.Schema
}

func (r *schemaReader) read(v record.Value) (*schema.Schema, error) {
	if v.Kind() != record.KindMap {
		return nil, fmt.Errorf("a %s where a schema object should be", v.Kind())
	}
	word, ok := textOf(v, "type")
	if !ok {
		return nil, fmt.Errorf("a schema must have a member type, a string")
	}
	opts, err := options(v)
	if err != nil {
		return nil, err
	}
	s, err := r.ofType(v, word, opts)
	if err != nil {
		return nil, err
	}
	if def, ok := v.Lookup("default"); ok && !def.IsNull() {
		if s, err = r.withDefault(s, def); err != nil {
			return nil, fmt.Errorf("default of %s: %w", s, err)
		}
	}
	if s.Type() == schema.Struct {
		return r.shared(s), nil
	}
	return s, nil
}

func (r *schemaReader) ofType(v record.Value, word string, opts []schema.Option) (*schema.Schema, error) {
	if t, ok := primitives[word]; ok {
		return schema.New(t, opts...), nil
	}
	switch word {
	case "array":
		items, err := r.member(v, "items")
		if err != nil {
			return nil, err
		}
		return schema.NewArray(items, opts...), nil
	case "map":
		keys, err := r.member(v, "keys")
		if err != nil {
			return nil, err
		}
		values, err := r.member(v, "values")
		if err != nil {
			return nil, err
		}
		return schema.NewMap(keys, values, opts...), nil
	case "struct":
		return r.structOf(v, opts)
	}
	return nil, fmt.Errorf("unknown schema type %q", word)
}

func (r *schemaReader) member(v record.Value, name string) (*schema.Schema, error) {
	m, ok := v.Lookup(name)
	if !ok || m.IsNull() {
		return nil, fmt.Errorf("the schema of an array or map must have a member %s", name)
	}
	s, err := r.read(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func (r *schemaReader) structOf(v record.Value, opts []schema.Option) (*schema.Schema, error) {
	list, ok := v.Lookup("fields")
	if !ok || list.Kind() != record.KindArray {
		return nil, fmt.Errorf("the schema of a struct must have a member fields, an array")
	}
	fields := make([]schema.Field, 0, list.Len())
	names := make(map[string]bool, list.Len())
	for _, f := range list.Elems() {
		if f.Kind() != record.KindMap {
			return nil, fmt.Errorf("a %s where the schema of a field should be", f.Kind())
		}
		name, ok := textOf(f, "field")
		if !ok {
			return nil, fmt.Errorf("the schema of a field must have a member field, its name")
		}
		if names[name] {
			return nil, fmt.Errorf("field %s occurs twice", name)
		}
		names[name] = true
		s, err := r.read(f)
		if err != nil {
			return nil, inField(name, err)
		}
		fields = append(fields, schema.F(name, s))
	}
	return schema.NewStruct(fields, opts...), nil
}

func (r *schemaReader) shared(s *schema.Schema) *schema.Schema {
	for _, have := range r.structs {
		if schema.Equal(have, s) {
			return have
		}
	}
	r.structs = append(r.structs, s)
	return s
}

func options(v record.Value) ([]schema.Option, error) {
	var opts []schema.Option
	if o, ok := v.Lookup("optional"); ok && o.Kind() == record.KindBool && o.Bool() {
		opts = append(opts, schema.Optional())
	}
	if name, ok := textOf(v, "name"); ok {
		opts = append(opts, schema.Named(name))
	}
	if n, ok := v.Lookup("version"); ok && n.Kind() == record.KindInt {
		if n.Int() < math.MinInt32 || n.Int() > math.MaxInt32 {
			return nil, fmt.Errorf("version %d is beyond 32 bits", n.Int())
		}
		opts = append(opts, schema.Version(int(n.Int())))
	}
	if doc, ok := textOf(v, "doc"); ok {
		opts = append(opts, schema.Doc(doc))
	}
	if params, ok := v.Lookup("parameters"); ok && params.Kind() == record.KindMap {
		for _, e := range params.Entries() {
			if e.Value.Kind() != record.KindString {
				return nil, fmt.Errorf("schema parameter %s must be a string", e.Key.Str())
			}
			opts = append(opts, schema.With(e.Key.Str(), e.Value.Str()))
		}
	}
	return opts, nil
}

func textOf(v record.Value, name string) (string, bool) {
	m, ok := v.Lookup(name)
	if !ok || m.Kind() != record.KindString {
		return "", false
	}
	return m.Str(), true
}

// withDefault reads the default as a value of s is read.
func (r *schemaReader) withDefault(s *schema.Schema, def record.Value) (*schema.Schema, error) {
	text, err := appendSchemaless(nil, def)
	if err != nil {
		return s, err
	}
	p := parser{data: text}
	v, err := p.typed(compileDecoder(s, r.replaceNull))
	if err != nil {
		return s, err
	}
	native, err := record.ToDefault(s, v)
	if err != nil {
		return s, err
	}
	return s.Change(schema.Default(native)), nil
}
