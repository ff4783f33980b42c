package field

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

// MaskConfig is the options of MaskField.
type MaskConfig struct {
	// Fields are the names of the fields to mask.
	Fields []string `config:"fields,required" importance:"high"`
	// Replacement is what numbers and texts become; without it 0, false or empty.
	Replacement *string `config:"replacement" importance:"low"`
	// ReplaceNull writes the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks what tags do not say.
func (c *MaskConfig) Validate() (problems []config.Problem) {
	if len(c.Fields) == 0 {
		problems = append(problems, config.Problemf("fields", "the list is empty: name the fields to mask"))
	}
	if c.Replacement != nil && *c.Replacement == "" {
		problems = append(problems, config.Problemf("replacement", "an empty replacement is none: leave the option away to mask with empty values"))
	}
	return problems
}

// MaskPlugin describes MaskField.
var MaskPlugin = transform.Plugin{
	Name: "mask-field", Classes: []string{kafkaPackage + "MaskField"}, Parts: true, Config: MaskConfig{}, Docs: maskConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return &mask{cfg: *cfg.(*MaskConfig), part: part}, nil
	},
}

type mask struct {
	cfg   MaskConfig
	part  record.Part
	plans transform.Plans[*maskPlan]
}

type maskPlan struct {
	fields   []schema.Field
	defaults []record.Value
	masks    []record.Value // by field, null where it is not masked
	errors   []error        // by field, where it cannot be
}

func (t *mask) plan(s *schema.Schema) (*maskPlan, error) {
	p := &maskPlan{fields: s.Fields(), defaults: defaults(s.Fields(), t.cfg.ReplaceNull)}
	p.masks, p.errors = make([]record.Value, len(p.fields)), make([]error, len(p.fields))
	for i, f := range p.fields {
		if !slices.Contains(t.cfg.Fields, f.Name) {
			continue
		}
		var err error
		if t.cfg.Replacement == nil {
			p.masks[i], err = emptyOf(f.Schema)
		} else {
			p.masks[i], err = replacementOf(f.Schema, *t.cfg.Replacement)
		}
		if err != nil {
			p.errors[i] = fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return p, nil
}

// Apply implements transform.Transform.
func (t *mask) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		v, err := t.schemaless(v)
		if err == nil {
			transform.SetPart(r, t.part, nil, v)
		}
		return err == nil, err
	}
	if err := requireStruct(s, v); err != nil {
		return false, err
	}
	p, err := t.plans.Of(s, t.plan)
	if err != nil {
		return false, err
	}
	out := slices.Clone(v.Elems())
	for i := range out {
		if out[i].IsNull() {
			out[i] = p.defaults[i]
		}
		if out[i].IsNull() || out[i].IsUnchanged() {
			continue
		}
		if p.errors[i] != nil {
			return false, p.errors[i]
		}
		if !p.masks[i].IsNull() {
			out[i] = p.masks[i]
		}
	}
	transform.SetPart(r, t.part, s, record.Struct(out))
	return true, nil
}

func (t *mask) schemaless(v record.Value) (record.Value, error) {
	if err := requireMap(v); err != nil {
		return v, err
	}
	entries := slices.Clone(v.Entries())
	for _, name := range t.cfg.Fields {
		old, _ := v.Lookup(name)
		masked, err := t.schemalessMask(old)
		if err != nil {
			return v, fmt.Errorf("field %s: %w", name, err)
		}
		entries = with(entries, name, masked)
	}
	return record.Map(entries), nil
}

// likeKind are schemas that say what a schemaless value is.
var likeKind = map[record.Kind]*schema.Schema{
	record.KindBool: schema.New(schema.Boolean), record.KindInt: schema.New(schema.Int64), record.KindFloat: schema.New(schema.Float64),
	record.KindString: schema.New(schema.String), record.KindArray: schema.NewArray(nil), record.KindMap: schema.NewMap(nil, nil),
	record.KindDecimal: schema.New(schema.Bytes, schema.Named(schema.DecimalName)), record.KindBytes: schema.New(schema.Bytes),
}

func (t *mask) schemalessMask(v record.Value) (record.Value, error) {
	s := likeKind[v.Kind()]
	switch {
	case s == nil: // null, Unchanged
		return v, nil
	case t.cfg.Replacement == nil:
		return emptyOf(s)
	}
	return replacementOf(s, *t.cfg.Replacement)
}

// emptyOf is the mask without a replacement.
func emptyOf(s *schema.Schema) (record.Value, error) {
	switch s.Type() {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		return record.Int(0), nil
	case schema.Float32, schema.Float64:
		return record.Float(0), nil
	case schema.Boolean:
		return record.Bool(false), nil
	case schema.String:
		return record.String(""), nil
	case schema.Array:
		return record.Array(nil), nil
	case schema.Map:
		return record.Map(nil), nil
	case schema.Bytes:
		if s.Name() == schema.DecimalName {
			return record.Decimal(0, scaleOf(s)), nil
		}
	}
	return record.Null, fmt.Errorf("a %s cannot be masked", s)
}

func scaleOf(s *schema.Schema) int32 {
	text, _ := s.Param("scale")
	scale, _ := strconv.ParseInt(text, 10, 32)
	return int32(scale)
}

// replacementOf reads text as a value of s.
func replacementOf(s *schema.Schema, text string) (record.Value, error) {
	switch s.Name() {
	case schema.DateName, schema.TimeName, schema.TimestampName:
		return record.Null, fmt.Errorf("a %s cannot be masked with a replacement", s)
	}
	switch s.Type() {
	case schema.String:
		return record.String(text), nil
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		width := 8 << (s.Type() - schema.Int8)
		n, err := strconv.ParseInt(text, 10, width)
		if err != nil {
			return record.Null, fmt.Errorf("the replacement %q is no %s", text, s)
		}
		return record.Int(n), nil
	case schema.Float32, schema.Float64:
		f, err := strconv.ParseFloat(text, 32<<(s.Type()-schema.Float32))
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return record.Null, fmt.Errorf("the replacement %q is no %s", text, s)
		}
		return record.Float(f), nil
	case schema.Bytes:
		if s.Name() == schema.DecimalName {
			return decimalReplacement(s, text)
		}
	}
	return record.Null, fmt.Errorf("a %s cannot be masked with a replacement: only numbers and texts can", s)
}

func decimalReplacement(s *schema.Schema, text string) (record.Value, error) {
	d, err := record.ParseDecimal([]byte(text))
	if err == nil {
		if _, scaled := s.Param("scale"); scaled {
			d, err = d.Rescale(scaleOf(s))
		}
	}
	if err != nil {
		return record.Null, fmt.Errorf("the replacement %q is no %s: %w", text, s, err)
	}
	return d, nil
}
