package sinktest

import (
	"fmt"

	"leat/record"
	"leat/schema"
)

var (
	keySchema = schema.NewStruct([]schema.Field{schema.F("id", schema.New(schema.Int64))}, schema.Named("sinktest.Key"))
	rowSchema = schema.NewStruct([]schema.Field{
		schema.F("id", schema.New(schema.Int64)), schema.F("text", schema.New(schema.String, schema.Optional())),
	}, schema.Named("sinktest.Value"), schema.Optional())
	envelopeSchema = Envelope(rowSchema)
)

// Envelope is Debezium's envelope around rows of s.
func Envelope(s *schema.Schema) *schema.Schema {
	return schema.NewStruct([]schema.Field{
		schema.F("before", s), schema.F("after", s), schema.F("op", schema.New(schema.String)),
	}, schema.Named("sinktest.Envelope"), schema.Version(2))
}

// Change is an envelope's value.
func Change(op record.Op, before, after record.Value) record.Value {
	return record.Struct([]record.Value{before, after, record.String(string(op))})
}

func row(id int64, text record.Value) record.Value {
	return record.Struct([]record.Value{record.Int(id), text})
}

func key(id int64) record.Value { return record.Struct([]record.Value{record.Int(id)}) }

// Upsert is an update of the suite's row; Delete its delete, Tombstone what follows one.
func Upsert(op record.Op, id int64, text record.Value) record.Record {
	return record.Record{KeySchema: keySchema, Key: key(id), ValueSchema: envelopeSchema, Value: Change(op, record.Null, row(id, text))}
}

// Delete is the envelope of a delete.
func Delete(id int64) record.Record {
	return record.Record{KeySchema: keySchema, Key: key(id), ValueSchema: envelopeSchema, Value: Change(record.OpDelete, row(id, record.Null), record.Null)}
}

// ChangedKey is a key's change as Debezium tells it: delete, tombstone and create.
func ChangedKey(from, to int64, text record.Value) []record.Record {
	header := func(name string, id int64) []record.Header {
		return []record.Header{{Key: name, Value: record.String(fmt.Sprintf(`{"id":%d}`, id))}}
	}
	out := []record.Record{Delete(from), Tombstone(from), Upsert(record.OpCreate, to, text)}
	out[0].Headers, out[1].Headers, out[2].Headers = header("__debezium.newkey", to), header("__debezium.newkey", to), header("__debezium.oldkey", from)
	return out
}

// Tombstone is a null value.
func Tombstone(id int64) record.Record { return record.Record{KeySchema: keySchema, Key: key(id)} }
