package schema

// Option changes a schema while it is built.
type Option func(*Schema)

// Optional allows null.
func Optional() Option { return func(s *Schema) { s.optional = true } }

// Named gives the logical or record name.
func Named(name string) Option { return func(s *Schema) { s.name = name } }

// Version gives the schema's version; 0 takes it away.
func Version(v int) Option { return func(s *Schema) { s.version = int32(v) } }

// Doc gives the documentation.
func Doc(doc string) Option { return func(s *Schema) { s.doc = doc } }

// With adds or replaces a parameter.
func With(name, value string) Option {
	return func(s *Schema) {
		params := make([]Param, 0, len(s.params)+1)
		replaced := false
		for _, p := range s.params {
			if p.Name == name {
				p.Value, replaced = value, true
			}
			params = append(params, p)
		}
		if !replaced {
			params = append(params, Param{name, value})
		}
		s.params = params
	}
}

// Default gives the default value; see Schema.Default for the Go types.
func Default(v any) Option { return func(s *Schema) { s.def, s.hasDefault = v, true } }

// NoDefault takes the default away.
func NoDefault() Option { return func(s *Schema) { s.def, s.hasDefault = nil, false } }

// Required forbids null again.
func Required() Option { return func(s *Schema) { s.optional = false } }

// New builds a schema of a primitive type.
func New(t Type, opts ...Option) *Schema { return finish(&Schema{typ: t}, opts) }

// NewArray builds the schema of an array.
func NewArray(elem *Schema, opts ...Option) *Schema {
	return finish(&Schema{typ: Array, elem: elem}, opts)
}

// NewMap builds the schema of a map.
func NewMap(key, elem *Schema, opts ...Option) *Schema {
	return finish(&Schema{typ: Map, key: key, elem: elem}, opts)
}

// NewStruct builds the schema of a struct. Indexes are set from the order of the fields; the slice is kept.
func NewStruct(fields []Field, opts ...Option) *Schema {
	s := &Schema{typ: Struct, fields: fields}
	for i := range fields {
		fields[i].Index = i
	}
	if len(fields) > 8 {
		s.index = make(map[string]int, len(fields))
		for i := range fields {
			s.index[fields[i].Name] = i
		}
	}
	return finish(s, opts)
}

// F is a field for NewStruct.
func F(name string, s *Schema) Field { return Field{Name: name, Schema: s} }

// Change gives a copy of s with opts applied; s stays as it is.
func (s *Schema) Change(opts ...Option) *Schema {
	c := *s
	return finish(&c, opts)
}

func finish(s *Schema, opts []Option) *Schema {
	for _, o := range opts {
		o(s)
	}
	return s
}
