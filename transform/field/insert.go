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

// InsertConfig is the options of InsertField. A name may end in ! (a required field) or ? (optional, as without).
type InsertConfig struct {
	// Topic is the field for the topic.
	Topic string `config:"topic.field"`
	// Partition is the field for the partition.
	Partition string `config:"partition.field"`
	// Offset is the field for the offset, at sinks.
	Offset string `config:"offset.field"`
	// Timestamp is the field for the timestamp of the record.
	Timestamp string `config:"timestamp.field"`
	// Static is the field for static.value.
	Static string `config:"static.field"`
	// StaticValue is the text of static.field.
	StaticValue *string `config:"static.value"`
	// ReplaceNull writes the default of a field in place of null.
	ReplaceNull bool `config:"replace.null.with.default" default:"true"`
}

// Validate checks that something is inserted.
func (c *InsertConfig) Validate() []config.Problem {
	if c.Topic == "" && c.Partition == "" && c.Offset == "" && c.Timestamp == "" && c.Static == "" {
		return []config.Problem{config.Problemf("static.field", "no field is inserted: set topic.field, partition.field, offset.field, timestamp.field or static.field")}
	}
	if c.Static != "" && c.StaticValue == nil {
		return []config.Problem{config.Problemf("static.value", "static.field has no value: set static.value")}
	}
	return nil
}

// InsertPlugin describes InsertField.
var InsertPlugin = transform.Plugin{
	Name: "insert-field", Classes: []string{kafkaPackage + "InsertField"}, Parts: true, Config: InsertConfig{}, Docs: insertConfigDocs,
	New: func(cfg any, part record.Part) (transform.Transform, error) {
		return newInsert(*cfg.(*InsertConfig), part), nil
	},
}

type insert struct {
	cfg        InsertConfig
	part       record.Part
	insertions []insertion
	plans      transform.Plans[*mover]
}

// insertion is one field to insert; value tells false where the record has none.
type insertion struct {
	name     string
	required bool
	schema   *schema.Schema
	value    func(r *record.Record) (record.Value, bool, error)
}

func newInsert(cfg InsertConfig, part record.Part) *insert {
	t := &insert{cfg: cfg, part: part}
	t.add(cfg.Topic, schema.New(schema.String), func(r *record.Record) (record.Value, bool, error) {
		return record.String(r.Topic), true, nil
	})
	t.add(cfg.Partition, schema.New(schema.Int32), func(r *record.Record) (record.Value, bool, error) {
		return record.Int(int64(r.Partition)), r.Partition != record.AnyPartition, nil
	})
	t.add(cfg.Offset, schema.New(schema.Int64), offsetOf)
	t.add(cfg.Timestamp, schema.New(schema.Int64, schema.Named(schema.TimestampName), schema.Version(1)), func(r *record.Record) (record.Value, bool, error) {
		return record.Int(r.Timestamp), r.Timestamp != record.NoTimestamp, nil
	})
	t.add(cfg.Static, schema.New(schema.String), func(*record.Record) (record.Value, bool, error) {
		return record.String(*cfg.StaticValue), true, nil
	})
	return t
}

func offsetOf(r *record.Record) (record.Value, bool, error) {
	if r.Origin.Topic == "" {
		return record.Null, false, fmt.Errorf("offset.field is for sinks: a record of a source has no offset yet")
	}
	return record.Int(int64(r.Offset)), true, nil
}

func (t *insert) add(spec string, s *schema.Schema, value func(*record.Record) (record.Value, bool, error)) {
	if spec == "" {
		return
	}
	name, required := strings.CutSuffix(spec, "!")
	if !required {
		name = strings.TrimSuffix(spec, "?")
		s = s.Change(schema.Optional())
	}
	t.insertions = append(t.insertions, insertion{name, required, s, value})
}

func (t *insert) plan(s *schema.Schema) (*mover, error) {
	m, err := newMover(s, s.Fields(), nil, t.cfg.ReplaceNull)
	if err != nil {
		return nil, err
	}
	fields := slices.Clone(s.Fields())
	for _, i := range t.insertions {
		fields = append(fields, schema.F(i.name, i.schema))
	}
	m.schema, err = transform.Rebuilt(s, fields)
	return m, err
}

// Apply implements transform.Transform.
func (t *insert) Apply(r *record.Record) (bool, error) {
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
	values := m.move(v, len(t.insertions))
	for _, i := range t.insertions {
		x, ok, err := i.value(r)
		if err != nil {
			return false, err
		}
		if !ok {
			if x = record.Null; i.required {
				return false, fmt.Errorf("the required field %s has no value: the record has none", i.name)
			}
		}
		values = append(values, x)
	}
	transform.SetPart(r, t.part, m.schema, record.Struct(values))
	return true, nil
}

func (t *insert) schemaless(r *record.Record, v record.Value) (bool, error) {
	if err := requireMap(v); err != nil {
		return false, err
	}
	entries := slices.Clone(v.Entries())
	for _, i := range t.insertions {
		x, ok, err := i.value(r)
		if err != nil {
			return false, err
		}
		if ok {
			entries = with(entries, i.name, x)
		}
	}
	transform.SetPart(r, t.part, nil, record.Map(entries))
	return true, nil
}
