// Package shape holds Kafka's transforms that change the shape of a key or value as a whole: Cast, Flatten,
// SetSchemaMetadata.
//
// Cast cuts a fraction off, as Kafka does, but a number out of the range of the new type is an error, where Kafka wraps it;
// without a schema, fields that are not there are not added as null.
package shape

import (
	"fmt"

	"leat/record"
	"leat/schema"
	"leat/transform"
)

// Plugins are the transforms of this package.
var Plugins = []transform.Plugin{CastPlugin, FlattenPlugin, MetadataPlugin}

const kafkaPackage = "org.apache.kafka.connect.transforms."

// FlattenConfig is the options of Flatten.
type FlattenConfig struct {
	// Delimiter stands between the names of a struct and of its field.
	Delimiter string `config:"delimiter" default:"."`
}

// FlattenPlugin describes Flatten.
var FlattenPlugin = transform.Plugin{
	Name: "flatten", Classes: []string{kafkaPackage + "Flatten"}, Parts: true, Config: FlattenConfig{}, Docs: flattenConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return &flatten{delimiter: cfg.(*FlattenConfig).Delimiter, part: part}, nil
	},
}

type flatten struct {
	delimiter string
	part      record.Part
	plans     transform.Plans[*flatPlan]
}

type flatPlan struct {
	schema *schema.Schema
	leaves []leaf
}

// leaf is a field of the flat struct: where it comes from, and what null becomes there.
type leaf struct {
	path []int
	null record.Value
}

func (t *flatten) plan(s *schema.Schema) (*flatPlan, error) {
	p := &flatPlan{}
	def, _ := record.DefaultOf(s)
	fields, err := t.collect(p, nil, s, "", nil, s.Optional(), def)
	if err != nil {
		return nil, err
	}
	p.schema, err = transform.Rebuilt(s, fields)
	return p, err
}

// collect adds the fields of s. They are optional where a struct around them is, and take defaults from it.
func (t *flatten) collect(p *flatPlan, fields []schema.Field, s *schema.Schema, prefix string, path []int, optional bool, def record.Value) ([]schema.Field, error) {
	for i, f := range s.Fields() {
		name := prefix + f.Name
		at := append(path[:len(path):len(path)], i)
		own, hasOwn := record.DefaultOf(f.Schema)
		inherited := own
		if !hasOwn && def.Kind() == record.KindStruct {
			inherited = def.Field(i)
		}
		opt := optional || f.Schema.Optional()
		var err error
		switch f.Schema.Type() {
		case schema.Struct:
			fields, err = t.collect(p, fields, f.Schema, name+t.delimiter, at, opt, inherited)
		case schema.Map:
			err = fmt.Errorf("field %s is a map, which has no flat form with a schema", name)
		default:
			var flat *schema.Schema
			if flat, err = flatField(f.Schema, opt, inherited); err == nil {
				fields = append(fields, schema.F(name, flat))
				p.leaves = append(p.leaves, leaf{at, own})
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func flatField(s *schema.Schema, optional bool, def record.Value) (*schema.Schema, error) {
	var opts []schema.Option
	if optional {
		opts = append(opts, schema.Optional())
	}
	if _, has := record.DefaultOf(s); !has && !def.IsNull() {
		native, err := record.ToDefault(s, def)
		if err != nil {
			return nil, err
		}
		opts = append(opts, schema.Default(native))
	}
	if len(opts) == 0 {
		return s, nil
	}
	return s.Change(opts...), nil
}

// Apply implements transform.Transform.
func (t *flatten) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		if v.Kind() != record.KindMap {
			return false, fmt.Errorf("a map is needed here as there is no schema, not a %s", v.Kind())
		}
		transform.SetPart(r, t.part, nil, record.Map(t.entries(nil, v, "")))
		return true, nil
	}
	if s.Type() != schema.Struct || v.Kind() != record.KindStruct {
		return false, fmt.Errorf("a struct is needed here, not %s with a %s value", s, v.Kind())
	}
	p, err := t.plans.Of(s, t.plan)
	if err != nil {
		return false, err
	}
	out := make([]record.Value, len(p.leaves))
	for i, l := range p.leaves {
		out[i] = l.value(v)
	}
	transform.SetPart(r, t.part, p.schema, record.Struct(out))
	return true, nil
}

// value goes the way to the leaf. Below a null struct there is null; below one that the database did not send, neither.
func (l leaf) value(v record.Value) record.Value {
	for _, i := range l.path {
		if v.Kind() != record.KindStruct {
			return v
		}
		v = v.Field(i)
	}
	if v.IsNull() {
		return l.null
	}
	return v
}

func (t *flatten) entries(out []record.Entry, v record.Value, prefix string) []record.Entry {
	for _, e := range v.Entries() {
		if e.Key.Kind() != record.KindString {
			continue
		}
		name := prefix + e.Key.Str()
		if e.Value.Kind() == record.KindMap {
			out = t.entries(out, e.Value, name+t.delimiter)
		} else {
			out = append(out, record.Entry{Key: record.String(name), Value: e.Value})
		}
	}
	return out
}

// MetadataConfig is the options of SetSchemaMetadata.
type MetadataConfig struct {
	// Name is the new name of the schema.
	Name *string `config:"schema.name" importance:"high"`
	// Version is the new version of the schema.
	Version *int `config:"schema.version" importance:"high"`
	// ReplaceNull is accepted for Kafka's sake: null stays null here, and defaults stay with the schema.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// MetadataPlugin describes SetSchemaMetadata.
var MetadataPlugin = transform.Plugin{
	Name: "set-schema-metadata", Classes: []string{kafkaPackage + "SetSchemaMetadata"}, Parts: true, Config: MetadataConfig{}, Docs: metadataConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return &metadata{cfg: *cfg.(*MetadataConfig), part: part}, nil
	},
}

type metadata struct {
	cfg   MetadataConfig
	part  record.Part
	plans transform.Plans[*schema.Schema]
}

func (t *metadata) plan(s *schema.Schema) (*schema.Schema, error) {
	var opts []schema.Option
	if t.cfg.Name != nil {
		opts = append(opts, schema.Named(*t.cfg.Name))
	}
	if t.cfg.Version != nil {
		opts = append(opts, schema.Version(*t.cfg.Version))
	}
	return s.Change(opts...), nil
}

// Apply implements transform.Transform.
func (t *metadata) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if s == nil {
		if v.IsNull() {
			return true, nil
		}
		return false, fmt.Errorf("there is no schema whose name or version could be set")
	}
	named, err := t.plans.Of(s, t.plan)
	transform.SetPart(r, t.part, named, v)
	return err == nil, err
}
