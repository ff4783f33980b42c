// Package field holds Kafka's transforms that work on the fields of a key or value, and on headers: ExtractField, HoistField,
// InsertField, MaskField, ReplaceField, ValueToKey, DropHeaders, HeaderFrom, InsertHeader.
//
// They do what Kafka 4.3 does, with these differences: MaskField passes a null key or value (a tombstone) where Kafka fails,
// masks a decimal with zero in the scale of its schema, and refuses a replacement that a field's type does not hold instead
// of cutting it off; maps without a schema keep their order. A column that the database did not send stays that.
package field

import (
	"fmt"
	"slices"

	"leat/record"
	"leat/schema"
	"leat/transform"
)

// Plugins are the transforms of this package.
var Plugins = []transform.Plugin{
	ExtractPlugin, HoistPlugin, InsertPlugin, MaskPlugin, ReplacePlugin, ValueToKeyPlugin, DropHeadersPlugin, HeaderFromPlugin, InsertHeaderPlugin,
}

const kafkaPackage = "org.apache.kafka.connect.transforms."

// requireStruct tells that v is no struct of s.
func requireStruct(s *schema.Schema, v record.Value) error {
	if s.Type() != schema.Struct || v.Kind() != record.KindStruct {
		return fmt.Errorf("a struct is needed here, not %s with a %s value", s, v.Kind())
	}
	return nil
}

// requireMap tells that v is no map.
func requireMap(v record.Value) error {
	if v.Kind() != record.KindMap {
		return fmt.Errorf("a map is needed here as there is no schema, not a %s", v.Kind())
	}
	return nil
}

// defaults gives for each field what null becomes: its default where it has one and replace is set.
func defaults(fields []schema.Field, replace bool) []record.Value {
	values := make([]record.Value, len(fields))
	if replace {
		for i, f := range fields {
			values[i], _ = record.DefaultOf(f.Schema)
		}
	}
	return values
}

// mover takes fields out of a struct into a new one.
type mover struct {
	schema   *schema.Schema
	from     []int
	defaults []record.Value
}

// move gives the values of the fields, with room for more.
func (m *mover) move(v record.Value, more int) []record.Value {
	out := make([]record.Value, len(m.from), len(m.from)+more)
	for i, from := range m.from {
		if out[i] = v.Field(from); out[i].IsNull() {
			out[i] = m.defaults[i]
		}
	}
	return out
}

// newMover plans to keep fields of s, which have their places in s in Index, with names changed by rename.
func newMover(s *schema.Schema, fields []schema.Field, rename map[string]string, replaceNull bool) (*mover, error) {
	m := &mover{defaults: defaults(fields, replaceNull)}
	kept := slices.Clone(fields)
	for i, f := range fields {
		m.from = append(m.from, f.Index)
		if name, ok := rename[f.Name]; ok {
			kept[i].Name = name
		}
	}
	var err error
	m.schema, err = transform.Rebuilt(s, kept)
	return m, err
}

// with gives the entries of a map with one key set, in its place or at the end.
func with(entries []record.Entry, key string, v record.Value) []record.Entry {
	for i, e := range entries {
		if e.Key.Kind() == record.KindString && e.Key.Str() == key {
			entries[i].Value = v
			return entries
		}
	}
	return append(entries, record.Entry{Key: record.String(key), Value: v})
}
