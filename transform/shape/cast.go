package shape

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

// CastConfig is the options of Cast.
type CastConfig struct {
	// Spec is field:type pairs, or one type for the whole value: int8, int16, int32, int64, float32, float64, boolean, string.
	Spec []string `config:"spec,required" importance:"high"`
	// ReplaceNull writes the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks the pairs.
func (c *CastConfig) Validate() []config.Problem {
	if _, _, err := c.casts(); err != nil {
		return []config.Problem{config.Problemf("spec", "%v", err)}
	}
	return nil
}

var castTypes = map[string]schema.Type{
	"int8": schema.Int8, "int16": schema.Int16, "int32": schema.Int32, "int64": schema.Int64, "float32": schema.Float32,
	"float64": schema.Float64, "boolean": schema.Boolean, "string": schema.String,
}

// casts gives the type for each field, or for the whole.
func (c *CastConfig) casts() (fields map[string]schema.Type, whole schema.Type, err error) {
	fields = map[string]schema.Type{}
	for _, pair := range c.Spec {
		field, word, isPair := strings.Cut(pair, ":")
		if !isPair {
			word = pair
		}
		typ, known := castTypes[strings.ToLower(strings.TrimSpace(word))]
		switch {
		case !known:
			return nil, 0, fmt.Errorf("%q names no type to cast to: use int8, int16, int32, int64, float32, float64, boolean or string", pair)
		case isPair:
			fields[strings.TrimSpace(field)] = typ
		default:
			whole = typ
		}
	}
	if whole != 0 && len(c.Spec) > 1 || len(c.Spec) == 0 {
		return nil, 0, fmt.Errorf("write field:type pairs, or a single type for the whole value")
	}
	return fields, whole, nil
}

// CastPlugin describes Cast.
var CastPlugin = transform.Plugin{
	Name: "cast", Classes: []string{kafkaPackage + "Cast"}, Parts: true, Config: CastConfig{}, Docs: castConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		c := cfg.(*CastConfig)
		fields, whole, err := c.casts()
		return &caster{cfg: *c, part: part, fields: fields, whole: whole}, err
	},
}

type caster struct {
	cfg    CastConfig
	part   record.Part
	fields map[string]schema.Type
	whole  schema.Type
	plans  transform.Plans[*castPlan]
}

type castPlan struct {
	schema   *schema.Schema
	fields   []schema.Field // of the input
	to       []schema.Type  // by field; 0: as it is
	defaults []record.Value
}

func (t *caster) plan(s *schema.Schema) (*castPlan, error) {
	if t.whole != 0 {
		to, err := castSchema(s, t.whole)
		return &castPlan{schema: to}, err
	}
	if s.Type() != schema.Struct {
		return nil, fmt.Errorf("a struct is needed here, not %s", s)
	}
	p := &castPlan{fields: s.Fields()}
	fields := slices.Clone(s.Fields())
	for i, f := range fields {
		to := t.fields[f.Name]
		def := record.Null
		if t.cfg.ReplaceNull {
			def, _ = record.DefaultOf(f.Schema)
		}
		p.to, p.defaults = append(p.to, to), append(p.defaults, def)
		if to == 0 {
			continue
		}
		var err error
		if fields[i].Schema, err = castSchema(f.Schema, to); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	var err error
	if p.schema, err = transform.Rebuilt(s, fields); err == nil && s.Optional() {
		p.schema = p.schema.Change(schema.Optional())
	}
	return p, err
}

// castSchema is a bare schema of the new type, with the default cast.
func castSchema(s *schema.Schema, to schema.Type) (*schema.Schema, error) {
	if t := s.Type(); t > schema.Bytes {
		return nil, fmt.Errorf("a %s cannot be cast", s)
	}
	var opts []schema.Option
	if s.Optional() {
		opts = append(opts, schema.Optional())
	}
	if def, ok := record.DefaultOf(s); ok {
		v, err := cast(s, def, to)
		if err != nil {
			return nil, fmt.Errorf("default: %w", err)
		}
		native, err := record.ToDefault(schema.New(to), v)
		if err != nil {
			return nil, err
		}
		opts = append(opts, schema.Default(native))
	}
	return schema.New(to, opts...), nil
}

// Apply implements transform.Transform.
func (t *caster) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if v.IsNull() {
		return true, nil
	}
	out, to, err := t.apply(s, v)
	if err != nil {
		return false, err
	}
	transform.SetPart(r, t.part, to, out)
	return true, nil
}

func (t *caster) apply(s *schema.Schema, v record.Value) (out record.Value, to *schema.Schema, err error) {
	if s == nil {
		out, err = t.schemaless(v)
		return out, nil, err
	}
	p, err := t.plans.Of(s, t.plan)
	if err != nil {
		return out, nil, err
	}
	if t.whole != 0 {
		out, err = cast(s, v, t.whole)
		return out, p.schema, err
	}
	if v.Kind() != record.KindStruct {
		return out, nil, fmt.Errorf("a struct is needed here, not a %s", v.Kind())
	}
	values := slices.Clone(v.Elems())
	for i, to := range p.to {
		if values[i].IsNull() {
			values[i] = p.defaults[i]
		}
		if to == 0 {
			continue
		}
		if values[i], err = cast(p.fields[i].Schema, values[i], to); err != nil {
			return out, nil, fmt.Errorf("field %s: %w", p.fields[i].Name, err)
		}
	}
	return record.Struct(values), p.schema, nil
}

func (t *caster) schemaless(v record.Value) (record.Value, error) {
	if t.whole != 0 {
		return castSchemaless(v, t.whole)
	}
	if v.Kind() != record.KindMap {
		return v, fmt.Errorf("a map is needed here as there is no schema, not a %s", v.Kind())
	}
	entries := slices.Clone(v.Entries())
	for i, e := range entries {
		if e.Key.Kind() != record.KindString || t.fields[e.Key.Str()] == 0 {
			continue
		}
		var err error
		if entries[i].Value, err = castSchemaless(e.Value, t.fields[e.Key.Str()]); err != nil {
			return v, fmt.Errorf("field %s: %w", e.Key.Str(), err)
		}
	}
	return record.Map(entries), nil
}

// castSchemaless casts to float32 by its digits, since nothing tells later that the number is one: 1.1 stays 1.1.
func castSchemaless(v record.Value, to schema.Type) (record.Value, error) {
	out, err := cast(nil, v, to)
	if to == schema.Float32 && out.Kind() == record.KindFloat {
		f, _ := strconv.ParseFloat(strconv.FormatFloat(out.Float(), 'g', -1, 32), 64)
		out = record.Float(f)
	}
	return out, err
}

// cast gives v, of the schema s or schemaless, as the type to. Null stays null, and Unchanged stays that.
func cast(s *schema.Schema, v record.Value, to schema.Type) (record.Value, error) {
	if v.IsNull() || v.IsUnchanged() {
		return v, nil
	}
	switch to {
	case schema.String:
		return toText(s, v)
	case schema.Boolean:
		return toBoolean(v)
	case schema.Float32, schema.Float64:
		return toFloat(v, 32<<(to-schema.Float32))
	}
	return toInt(v, 8<<(to-schema.Int8))
}

func noCast(v record.Value) error { return fmt.Errorf("a %s cannot be cast", v.Kind()) }

func toInt(v record.Value, bits int) (record.Value, error) {
	var n int64
	switch v.Kind() {
	case record.KindInt:
		n = v.Int()
	case record.KindBool:
		if v.Bool() {
			n = 1
		}
	case record.KindFloat:
		f := math.Trunc(v.Float())
		if !(f >= -(1<<63) && f < 1<<63) {
			return v, fmt.Errorf("%v is out of the range of int%d", v.Float(), bits)
		}
		n = int64(f)
	case record.KindDecimal:
		digits, _, _ := strings.Cut(string(v.AppendDecimal(nil)), ".")
		return textToInt(digits, bits)
	case record.KindString:
		return textToInt(v.Str(), bits)
	default:
		return v, noCast(v)
	}
	if n < math.MinInt64>>(64-bits) || n > math.MaxInt64>>(64-bits) {
		return v, fmt.Errorf("%d is out of the range of int%d", n, bits)
	}
	return record.Int(n), nil
}

func textToInt(text string, bits int) (record.Value, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return record.Null, fmt.Errorf("%q is no int%d", text, bits)
	}
	return record.Int(n), nil
}

func toFloat(v record.Value, bits int) (record.Value, error) {
	var text string
	switch v.Kind() {
	case record.KindBool:
		if v.Bool() {
			return record.Float(1), nil
		}
		return record.Float(0), nil
	case record.KindInt:
		text = strconv.FormatInt(v.Int(), 10)
	case record.KindFloat:
		f := v.Float()
		if bits == 32 {
			narrow := float64(float32(f))
			if math.IsInf(narrow, 0) && !math.IsInf(f, 0) {
				return v, fmt.Errorf("%v is out of the range of float32", f)
			}
			f = narrow
		}
		return record.Float(f), nil
	case record.KindDecimal:
		text = string(v.AppendBigDecimal(nil))
	case record.KindString:
		text = strings.TrimSpace(v.Str())
	default:
		return v, noCast(v)
	}
	f, err := strconv.ParseFloat(text, bits)
	if err != nil {
		return v, fmt.Errorf("%q is no float%d", text, bits)
	}
	return record.Float(f), nil
}

func toBoolean(v record.Value) (record.Value, error) {
	switch v.Kind() {
	case record.KindBool:
		return v, nil
	case record.KindInt:
		return record.Bool(v.Int() != 0), nil
	case record.KindFloat:
		return record.Bool(math.Trunc(v.Float()) != 0 && !math.IsNaN(v.Float())), nil
	case record.KindDecimal:
		whole, _, _ := strings.Cut(string(v.AppendDecimal(nil)), ".")
		return record.Bool(strings.Trim(whole, "-0") != ""), nil
	case record.KindString:
		return record.Bool(strings.EqualFold(v.Str(), "true")), nil
	}
	return v, noCast(v)
}

func toText(s *schema.Schema, v record.Value) (record.Value, error) {
	if t, ok := record.Instant(s, v); ok {
		return record.StringBytes(record.AppendInstant(nil, t)), nil
	}
	switch v.Kind() {
	case record.KindString:
		return v, nil
	case record.KindBool:
		return record.String(strconv.FormatBool(v.Bool())), nil
	case record.KindInt:
		return record.String(strconv.FormatInt(v.Int(), 10)), nil
	case record.KindFloat:
		bits := 64
		if s != nil && s.Type() == schema.Float32 {
			bits = 32
		}
		return record.StringBytes(record.AppendFloat(nil, v.Float(), bits)), nil
	case record.KindDecimal:
		return record.StringBytes(v.AppendBigDecimal(nil)), nil
	case record.KindBytes:
		return record.String(base64.StdEncoding.EncodeToString(v.Bytes())), nil
	}
	return v, noCast(v)
}
