package sql

import (
	"bytes"
	"fmt"
	"strings"

	"leat/connector"
	"leat/record"
	"leat/schema"
	"leat/sink/sql/dialect"
)

// plan is what is done with the records of one topic and one pair of schemas; made once per schema, by pointer.
type plan struct {
	topic    string
	envelope bool
	row      *schema.Schema // of the row's struct; nil for a value that is a text
	columns  []column       // those of the key first
	keyCount int
	target   *target // nil when the table's name depends on the record
	warned   bool    // that headers of changed keys can not be read
}

// origin is where a column's value comes from.
type origin uint8

const (
	fromRow      origin = iota // field Index of the row
	fromKey                    // field Index of the record's key
	fromWholeKey               // the key itself
	fromWhole                  // the value itself
	fromHeader
	fromTopic
	fromPartition
	fromOffset
)

type column struct {
	dialect.Field
	origin origin
	index  int
	header string
}

type planKey struct {
	topic      string
	key, value *schema.Schema
}

var textSchema = schema.New(schema.String)

// newPlan reads the schemas of r. An error is a BadRecord.
func (s *settings) newPlan(r *record.Record) (*plan, error) {
	p := &plan{topic: r.Topic}
	switch vs := r.ValueSchema; {
	case vs == nil && r.Value.IsNull():
	case vs == nil:
		return nil, connector.BadRecordf("the record's value has no schema, and a table needs the types of its columns").
			WithHint("Set value.converter.schemas.enable=true at source and sink, or use a converter with a Schema Registry")
	case vs.Type() == schema.String && s.stringColumn != "":
	case vs.Type() != schema.Struct:
		return nil, connector.BadRecordf("the record's value is a %s, not a struct with a field per column", vs)
	default:
		p.row = vs
		if isEnvelope(vs) {
			if !s.envelopes {
				return nil, connector.BadRecordf("the record's value is a Debezium envelope, which this connector class does not read").
					WithHint("Add the transform io.debezium.transforms.ExtractNewRecordState, or use io.debezium.connector.jdbc.JdbcSinkConnector")
			}
			p.envelope, p.row = true, rowSchema(vs)
		}
	}
	if err := s.keyColumns(p, r); err != nil {
		return nil, err
	}
	p.keyCount = len(p.columns)
	s.valueColumns(p, r)
	if len(p.columns) == 0 && r.ValueSchema != nil {
		return nil, connector.BadRecordf("no field of the record is left to write")
	}
	return p, nil
}

// isEnvelope goes by the schema's name as Debezium's sink does, and by the fields where it has none.
func isEnvelope(s *schema.Schema) bool {
	if s.Field("op") == nil || s.Field("after") == nil && s.Field("before") == nil {
		return false
	}
	return s.Name() == "" || strings.HasSuffix(s.Name(), ".Envelope")
}

func rowSchema(envelope *schema.Schema) *schema.Schema {
	if f := envelope.Field("after"); f != nil {
		return f.Schema
	}
	return envelope.Field("before").Schema
}

func (s *settings) keyColumns(p *plan, r *record.Record) error {
	add := func(name string, sch *schema.Schema, from origin, index int) {
		p.columns = append(p.columns, column{Field: dialect.Field{Name: s.column(name), Schema: sch, Key: true}, origin: from, index: index, header: name})
	}
	switch s.pkMode {
	case PKKafka:
		names := kafkaKey
		if len(s.pkFields) == 3 {
			names = s.pkFields
		}
		add(names[0], textSchema, fromTopic, 0)
		add(names[1], schema.New(schema.Int32), fromPartition, 0)
		add(names[2], schema.New(schema.Int64), fromOffset, 0)
	case PKRecordKey:
		return s.recordKeyColumns(r, add)
	case PKRecordValue:
		if p.row == nil {
			if r.Value.IsNull() {
				return nil // a tombstone, which is skipped
			}
			return connector.BadRecordf("%s=record_value needs a value that is a struct", s.keys.pkMode)
		}
		return s.structKey(p.row, "value", fromRow, add)
	case PKRecordHeader:
		for _, name := range s.pkFields {
			sch := headerSchema(r, name)
			if sch == nil {
				return connector.BadRecordf("the record has no header %s, which %s names", name, s.keys.pkFields)
			}
			add(name, sch, fromHeader, 0)
		}
	}
	return nil
}

func headerSchema(r *record.Record, name string) *schema.Schema {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == name {
			if h.Schema == nil && h.Value.Kind() == record.KindString {
				return textSchema
			}
			return h.Schema
		}
	}
	return nil
}

func (s *settings) recordKeyColumns(r *record.Record, add func(string, *schema.Schema, origin, int)) error {
	switch ks := r.KeySchema; {
	case r.Key.IsNull():
		return connector.BadRecordf("the record has no key, and %s=record_key takes the primary key from there", s.keys.pkMode).
			WithHint("Give the source table a primary key, or set %s to none, record_value or kafka", s.keys.pkMode)
	case ks == nil:
		return connector.BadRecordf("the record's key has no schema, and a table needs the types of its columns").
			WithHint("Set key.converter.schemas.enable=true at source and sink, or use a converter with a Schema Registry")
	case ks.Type() == schema.Struct:
		return s.structKey(ks, "key", fromKey, add)
	case ks.Type() == schema.Array || ks.Type() == schema.Map:
		return connector.BadRecordf("the record's key is a %s; it must be a struct or a plain value", ks)
	case len(s.pkFields) != 1:
		return connector.BadRecordf("the record's key is a plain %s, for which %s must name exactly one column", ks, s.keys.pkFields)
	default:
		add(s.pkFields[0], ks, fromWholeKey, 0)
	}
	return nil
}

func (s *settings) structKey(from *schema.Schema, what string, o origin, add func(string, *schema.Schema, origin, int)) error {
	if len(s.pkFields) == 0 {
		for _, f := range from.Fields() {
			add(f.Name, f.Schema, o, f.Index)
		}
		return nil
	}
	for _, name := range s.pkFields {
		f := from.Field(name)
		if f == nil {
			return connector.BadRecordf("the record's %s has no field %s, which %s names", what, name, s.keys.pkFields)
		}
		add(name, f.Schema, o, f.Index)
	}
	return nil
}

func (s *settings) valueColumns(p *plan, r *record.Record) {
	isKey := map[string]bool{}
	for _, c := range p.columns {
		isKey[c.Name] = true
	}
	if p.row == nil {
		if r.ValueSchema != nil {
			p.columns = append(p.columns, column{Field: dialect.Field{Name: s.column(s.stringColumn), Schema: r.ValueSchema.Change(schema.Optional())}, origin: fromWhole})
		}
		return
	}
	for _, f := range p.row.Fields() {
		name := s.column(f.Name)
		if isKey[name] || !s.keep(r.Topic, f.Name) {
			continue
		}
		p.columns = append(p.columns, column{Field: dialect.Field{Name: name, Schema: s.asTimestamp(f)}, origin: fromRow, index: f.Index})
	}
}

// asTimestamp gives an integer that the options call a timestamp the schema of one.
func (s *settings) asTimestamp(f schema.Field) *schema.Schema {
	if !s.style.TimestampFields[f.Name] || f.Schema.Type() != schema.Int64 {
		return f.Schema
	}
	name := schema.DebeziumMicroTimestamp
	if s.style.NanoTimestamps {
		name = schema.DebeziumNanoTimestamp
	}
	return f.Schema.Change(schema.Named(name))
}

// fill writes the row of r into dst, which has a place per column; of a delete only the key. row is the struct with the row's values.
func (s *settings) fill(dst []record.Value, p *plan, r *record.Record, row record.Value, keyOnly bool) error {
	for i := range p.columns {
		if keyOnly && i >= p.keyCount {
			break
		}
		c := &p.columns[i]
		v, err := pick(c, r, row)
		if err != nil {
			return err
		}
		switch {
		case v.IsNull() && c.Key:
			return connector.BadRecordf("field %s of the primary key is null", c.Name)
		case v.IsNull() && s.nullDefaults:
			if def, ok := dialect.DefaultValue(c.Schema); ok {
				v = def
			}
		case c.Key && v.IsUnchanged():
			return connector.BadRecordf("field %s of the primary key was not sent by the source database", c.Name)
		case !c.Key && s.placeholder != "" && s.isPlaceholder(v):
			v = record.Unchanged
		}
		dst[i] = v
	}
	return nil
}

func pick(c *column, r *record.Record, row record.Value) (record.Value, error) {
	switch c.origin {
	case fromRow:
		if row.Kind() != record.KindStruct {
			return record.Null, connector.BadRecordf("the record holds no row to take %s from", c.Name)
		}
		return row.Field(c.index), nil
	case fromKey:
		if r.Key.Kind() != record.KindStruct {
			return record.Null, connector.BadRecordf("the record's key is no struct")
		}
		return r.Key.Field(c.index), nil
	case fromWholeKey:
		return r.Key, nil
	case fromWhole:
		return r.Value, nil
	case fromTopic:
		return record.String(r.Origin.Topic), nil
	case fromPartition:
		return record.Int(int64(r.Origin.ID)), nil
	case fromOffset:
		return record.Int(int64(r.Offset)), nil
	}
	for i := range r.Headers {
		if r.Headers[i].Key == c.header {
			return r.Headers[i].Value, nil
		}
	}
	return record.Null, nil
}

// isPlaceholder tells Debezium's placeholder for a column that the database did not send, in its forms: text, bytes, an array or a map of it.
func (s *settings) isPlaceholder(v record.Value) bool {
	switch v.Kind() {
	case record.KindString, record.KindBytes:
		return v.Len() == len(s.placeholder) && bytes.Equal(v.Bytes(), []byte(s.placeholder))
	case record.KindArray:
		return v.Len() == 1 && s.isPlaceholder(v.Elems()[0])
	case record.KindMap:
		return v.Len() == 1 && s.isPlaceholder(v.Entries()[0].Key) && s.isPlaceholder(v.Entries()[0].Value)
	}
	return false
}

// appendKey writes a key so that equal keys, and no others, are equal as bytes.
func appendKey(dst []byte, key []record.Value) ([]byte, error) {
	for _, v := range key {
		dst = append(dst, byte(v.Kind()))
		switch v.Kind() {
		case record.KindInt:
			n := uint64(v.Int())
			dst = append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), byte(n>>32), byte(n>>40), byte(n>>48), byte(n>>56))
		case record.KindString, record.KindBytes:
			n := v.Len()
			dst = append(append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), v.Bytes()...)
		case record.KindBool, record.KindFloat, record.KindDecimal:
			dst = fmt.Appendf(dst, "%s|", plain(v))
		case record.KindStruct:
			var err error
			if dst, err = appendKey(dst, v.Elems()); err != nil {
				return nil, err
			}
		default:
			return nil, connector.BadRecordf("a value of kind %s can not be part of a primary key", v.Kind())
		}
	}
	return dst, nil
}

func plain(v record.Value) string {
	b, err := v.MarshalJSON()
	if err != nil {
		return ""
	}
	return string(b)
}
