package field

import (
	"fmt"
	"slices"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

// DropHeadersConfig is the options of DropHeaders.
type DropHeadersConfig struct {
	// Headers are the names of the headers to take away.
	Headers []string `config:"headers,required" importance:"high"`
}

// DropHeadersPlugin describes DropHeaders.
var DropHeadersPlugin = transform.Plugin{
	Name: "drop-headers", Classes: []string{kafkaPackage + "DropHeaders"}, Config: DropHeadersConfig{}, Docs: dropHeadersConfigDocs,
	New: func(cfg any, _ record.Part) (transform.Transform, error) {
		return dropHeaders(cfg.(*DropHeadersConfig).Headers), nil
	},
}

type dropHeaders []string

// Apply implements transform.Transform.
func (t dropHeaders) Apply(r *record.Record) (bool, error) {
	var kept []record.Header
	for _, h := range r.Headers {
		if !slices.Contains(t, h.Key) {
			kept = append(kept, h)
		}
	}
	r.Headers = kept
	return true, nil
}

// InsertHeaderConfig is the options of InsertHeader.
type InsertHeaderConfig struct {
	// Header is the name of the header.
	Header string `config:"header,required" importance:"high"`
	// Value is its value, whose type is inferred as from the text of a header.
	Value string `config:"value.literal,required" importance:"high"`
}

// InsertHeaderPlugin describes InsertHeader.
var InsertHeaderPlugin = transform.Plugin{
	Name: "insert-header", Classes: []string{kafkaPackage + "InsertHeader"}, Config: InsertHeaderConfig{}, Docs: insertHeaderConfigDocs,
	New: func(cfg any, _ record.Part) (transform.Transform, error) {
		c := cfg.(*InsertHeaderConfig)
		s, v := record.Infer(c.Value)
		return insertHeader{Key: c.Header, Schema: s, Value: v}, nil
	},
}

type insertHeader record.Header

// Apply implements transform.Transform.
func (t insertHeader) Apply(r *record.Record) (bool, error) {
	r.Headers = append(slices.Clip(r.Headers), record.Header(t))
	return true, nil
}

// Operation is what HeaderFrom does.
type Operation string

// The operations.
const (
	Move Operation = "move"
	Copy Operation = "copy"
)

// UnmarshalText accepts the two words.
func (o *Operation) UnmarshalText(b []byte) error {
	switch w := Operation(b); w {
	case Move, Copy:
		*o = w
		return nil
	}
	return fmt.Errorf("%q is no operation: write move or copy", b)
}

// Words are the operations.
func (Operation) Words() []string { return []string{string(Move), string(Copy)} }

// HeaderFromConfig is the options of HeaderFrom.
type HeaderFromConfig struct {
	// Fields are the fields that become headers.
	Fields []string `config:"fields,required" importance:"high"`
	// Headers are the names of these headers, in the same order.
	Headers []string `config:"headers,required" importance:"high"`
	// Operation moves the fields or copies them.
	Operation Operation `config:"operation,required" importance:"high"`
	// ReplaceNull gives the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks that each field has its header.
func (c *HeaderFromConfig) Validate() []config.Problem {
	if len(c.Fields) != len(c.Headers) || len(c.Fields) == 0 {
		return []config.Problem{config.Problemf("headers", "%d headers for %d fields: name one for each", len(c.Headers), len(c.Fields))}
	}
	return nil
}

// HeaderFromPlugin describes HeaderFrom.
var HeaderFromPlugin = transform.Plugin{
	Name: "header-from", Classes: []string{kafkaPackage + "HeaderFrom"}, Parts: true, Config: HeaderFromConfig{}, Docs: headerFromConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return &headerFrom{cfg: *cfg.(*HeaderFromConfig), part: part}, nil
	},
}

type headerFrom struct {
	cfg   HeaderFromConfig
	part  record.Part
	plans transform.Plans[*headerPlan]
}

// headerPlan is the fields that become headers, and what is left.
type headerPlan struct {
	headers  []schema.Field
	defaults []record.Value
	rest     *mover // nil: copied
}

func (t *headerFrom) plan(s *schema.Schema) (*headerPlan, error) {
	p := &headerPlan{}
	for _, name := range t.cfg.Fields {
		f := s.Field(name)
		if f == nil {
			return nil, fmt.Errorf("%s has no field %s for a header", s, name)
		}
		p.headers = append(p.headers, *f)
	}
	p.defaults = defaults(p.headers, t.cfg.ReplaceNull)
	if t.cfg.Operation == Copy {
		return p, nil
	}
	var rest []schema.Field
	for _, f := range s.Fields() {
		if !slices.Contains(t.cfg.Fields, f.Name) {
			rest = append(rest, f)
		}
	}
	var err error
	p.rest, err = newMover(s, rest, nil, t.cfg.ReplaceNull)
	return p, err
}

// Apply implements transform.Transform.
func (t *headerFrom) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if s == nil {
		return t.schemaless(r, v)
	}
	if err := requireStruct(s, v); err != nil {
		return false, err
	}
	p, err := t.plans.Of(s, t.plan)
	if err != nil {
		return false, err
	}
	r.Headers = slices.Clip(r.Headers)
	for i, f := range p.headers {
		x := v.Field(f.Index)
		if x.IsNull() {
			x = p.defaults[i]
		}
		r.Headers = append(r.Headers, record.Header{Key: t.cfg.Headers[i], Schema: f.Schema, Value: x})
	}
	if p.rest != nil {
		transform.SetPart(r, t.part, p.rest.schema, record.Struct(p.rest.move(v, 0)))
	}
	return true, nil
}

func (t *headerFrom) schemaless(r *record.Record, v record.Value) (bool, error) {
	if err := requireMap(v); err != nil {
		return false, err
	}
	r.Headers = slices.Clip(r.Headers)
	for i, name := range t.cfg.Fields {
		x, _ := v.Lookup(name)
		r.Headers = append(r.Headers, record.Header{Key: t.cfg.Headers[i], Value: x})
	}
	if t.cfg.Operation == Move {
		var kept []record.Entry
		for _, e := range v.Entries() {
			if e.Key.Kind() != record.KindString || !slices.Contains(t.cfg.Fields, e.Key.Str()) {
				kept = append(kept, e)
			}
		}
		transform.SetPart(r, t.part, nil, record.Map(kept))
	}
	return true, nil
}
