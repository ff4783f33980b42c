package field

import (
	"fmt"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

// ExtractConfig is the options of ExtractField.
type ExtractConfig struct {
	// Field is the name of the field, or a path in syntax V2.
	Field string `config:"field,required"`
	// Syntax is how field is read: V1 is a name, V2 a path.
	Syntax Syntax `config:"field.syntax.version" default:"V1" importance:"high"`
	// ReplaceNull gives the default of the field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks the path.
func (c *ExtractConfig) Validate() []config.Problem {
	if _, err := c.Syntax.steps(c.Field); err != nil {
		return []config.Problem{config.Problemf("field", "%v", err)}
	}
	return nil
}

// ExtractPlugin describes ExtractField.
var ExtractPlugin = transform.Plugin{
	Name: "extract-field", Classes: []string{kafkaPackage + "ExtractField"}, Parts: true, Config: ExtractConfig{}, Docs: extractConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		c := cfg.(*ExtractConfig)
		steps, err := c.Syntax.steps(c.Field)
		return &extract{cfg: *c, part: part, steps: steps}, err
	},
}

type extract struct {
	cfg   ExtractConfig
	part  record.Part
	steps []string
	plans transform.Plans[*extractPlan]
}

// extractPlan is the way to the field: indexes, and at each step what null becomes.
type extractPlan struct {
	schema   *schema.Schema
	path     []int
	defaults []record.Value
}

func (t *extract) plan(s *schema.Schema) (*extractPlan, error) {
	p := &extractPlan{schema: s}
	for i, name := range t.steps {
		if p.schema.Type() != schema.Struct {
			return nil, fmt.Errorf("unknown field %s: %s is no struct", t.cfg.Field, p.schema)
		}
		f := p.schema.Field(name)
		if f == nil {
			return nil, fmt.Errorf("unknown field %s in %s", t.cfg.Field, s)
		}
		inner := i < len(t.steps)-1
		p.path = append(p.path, f.Index)
		p.defaults = append(p.defaults, defaults([]schema.Field{*f}, inner || t.cfg.ReplaceNull)[0])
		p.schema = f.Schema
	}
	return p, nil
}

// Apply implements transform.Transform.
func (t *extract) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if s == nil {
		v, err := t.lookup(v)
		transform.SetPart(r, t.part, nil, v)
		return err == nil, err
	}
	p, err := t.plans.Of(s, t.plan)
	if err != nil {
		return false, err
	}
	for i, index := range p.path {
		if v.IsNull() || v.IsUnchanged() {
			break
		}
		if v = v.Field(index); v.IsNull() {
			v = p.defaults[i]
		}
	}
	transform.SetPart(r, t.part, p.schema, v)
	return true, nil
}

func (t *extract) lookup(v record.Value) (record.Value, error) {
	for _, name := range t.steps {
		if v.IsNull() {
			return v, nil
		}
		if err := requireMap(v); err != nil {
			return v, err
		}
		v, _ = v.Lookup(name)
	}
	return v, nil
}

// HoistConfig is the options of HoistField.
type HoistConfig struct {
	// Field is the name of the single field of the new struct or map.
	Field string `config:"field,required"`
}

// HoistPlugin describes HoistField.
var HoistPlugin = transform.Plugin{
	Name: "hoist-field", Classes: []string{kafkaPackage + "HoistField"}, Parts: true, Config: HoistConfig{}, Docs: hoistConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return &hoist{name: cfg.(*HoistConfig).Field, part: part}, nil
	},
}

type hoist struct {
	name  string
	part  record.Part
	plans transform.Plans[*schema.Schema]
}

// Apply implements transform.Transform.
func (t *hoist) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if s == nil {
		transform.SetPart(r, t.part, nil, record.Map([]record.Entry{{Key: record.String(t.name), Value: v}}))
		return true, nil
	}
	out, err := t.plans.Of(s, func(s *schema.Schema) (*schema.Schema, error) {
		return schema.NewStruct([]schema.Field{schema.F(t.name, s)}), nil
	})
	transform.SetPart(r, t.part, out, record.Struct([]record.Value{v}))
	return true, err
}
