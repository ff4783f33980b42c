package field

import (
	"fmt"
	"slices"
	"strings"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

// ValueToKeyConfig is the options of ValueToKey.
type ValueToKeyConfig struct {
	// Fields are the fields of the value that make the key.
	Fields []string `config:"fields,required" importance:"high"`
	// ReplaceNull writes the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks what tags do not say.
func (c *ValueToKeyConfig) Validate() []config.Problem {
	if len(c.Fields) == 0 {
		return []config.Problem{config.Problemf("fields", "the list is empty: name the fields of the key")}
	}
	return nil
}

// ValueToKeyPlugin describes ValueToKey.
var ValueToKeyPlugin = transform.Plugin{
	Name: "value-to-key", Classes: []string{kafkaPackage + "ValueToKey"}, Config: ValueToKeyConfig{}, Docs: valueToKeyConfigDocs,
	New: func(cfg any, _ record.Part) (transform.Transform, error) {
		return &valueToKey{cfg: *cfg.(*ValueToKeyConfig)}, nil
	},
}

type valueToKey struct {
	cfg   ValueToKeyConfig
	plans transform.Plans[*mover]
}

func (t *valueToKey) plan(s *schema.Schema) (*mover, error) {
	var fields []schema.Field
	for _, name := range t.cfg.Fields {
		f := s.Field(name)
		if f == nil {
			return nil, fmt.Errorf("the value has no field %s for the key", name)
		}
		fields = append(fields, *f)
	}
	return newMover(schema.NewStruct(nil), fields, nil, t.cfg.ReplaceNull)
}

// Apply implements transform.Transform.
func (t *valueToKey) Apply(r *record.Record) (bool, error) {
	if r.ValueSchema == nil {
		if err := requireMap(r.Value); err != nil {
			return false, err
		}
		var entries []record.Entry
		for _, name := range t.cfg.Fields {
			v, _ := r.Value.Lookup(name)
			entries = with(entries, name, v)
		}
		r.KeySchema, r.Key = nil, record.Map(entries)
		return true, nil
	}
	if err := requireStruct(r.ValueSchema, r.Value); err != nil {
		return false, err
	}
	m, err := t.plans.Of(r.ValueSchema, t.plan)
	if err != nil {
		return false, err
	}
	r.KeySchema, r.Key = m.schema, record.Struct(m.move(r.Value, 0))
	return true, nil
}

// ReplaceConfig is the options of ReplaceField.
type ReplaceConfig struct {
	// Exclude are fields to leave out; they win over include.
	Exclude []string `config:"exclude"`
	// Include are the fields to keep; all when empty.
	Include []string `config:"include"`
	// Renames are old:new pairs.
	Renames []string `config:"renames"`
	// ReplaceNull writes the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks the pairs.
func (c *ReplaceConfig) Validate() []config.Problem {
	if _, err := c.renames(); err != nil {
		return []config.Problem{config.Problemf("renames", "%v", err)}
	}
	return nil
}

func (c *ReplaceConfig) renames() (map[string]string, error) {
	names := map[string]string{}
	for _, pair := range c.Renames {
		from, to, ok := strings.Cut(pair, ":")
		if !ok || from == "" || to == "" || strings.Contains(to, ":") {
			return nil, fmt.Errorf("%q is no pair old:new", pair)
		}
		names[strings.TrimSpace(from)] = strings.TrimSpace(to)
	}
	return names, nil
}

// ReplacePlugin describes ReplaceField.
var ReplacePlugin = transform.Plugin{
	Name: "replace-field", Classes: []string{kafkaPackage + "ReplaceField"}, Parts: true, Config: ReplaceConfig{}, Docs: replaceConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		c := cfg.(*ReplaceConfig)
		names, err := c.renames()
		return &replace{cfg: *c, part: part, renames: names}, err
	},
}

type replace struct {
	cfg     ReplaceConfig
	part    record.Part
	renames map[string]string
	plans   transform.Plans[*mover]
}

func (t *replace) keeps(name string) bool {
	return !slices.Contains(t.cfg.Exclude, name) && (len(t.cfg.Include) == 0 || slices.Contains(t.cfg.Include, name))
}

func (t *replace) plan(s *schema.Schema) (*mover, error) {
	var fields []schema.Field
	for _, f := range s.Fields() {
		if t.keeps(f.Name) {
			fields = append(fields, f)
		}
	}
	return newMover(s, fields, t.renames, t.cfg.ReplaceNull)
}

// Apply implements transform.Transform.
func (t *replace) Apply(r *record.Record) (bool, error) {
	s, v := transform.PartOf(r, t.part)
	if v.IsNull() {
		return true, nil
	}
	if s == nil {
		return t.schemaless(r, v)
	}
	if err := requireStruct(s, v); err != nil {
		return false, err
	}
	m, err := t.plans.Of(s, t.plan)
	if err != nil {
		return false, err
	}
	transform.SetPart(r, t.part, m.schema, record.Struct(m.move(v, 0)))
	return true, nil
}

func (t *replace) schemaless(r *record.Record, v record.Value) (bool, error) {
	if err := requireMap(v); err != nil {
		return false, err
	}
	entries := make([]record.Entry, 0, v.Len())
	for _, e := range v.Entries() {
		if e.Key.Kind() != record.KindString || !t.keeps(e.Key.Str()) {
			continue
		}
		name := e.Key.Str()
		if to, ok := t.renames[name]; ok {
			name = to
		}
		entries = with(entries, name, e.Value)
	}
	transform.SetPart(r, t.part, nil, record.Map(entries))
	return true, nil
}
