// Package capture is what database sources share: options, filters, names of topics and schemas, Debezium's envelope,
// heartbeats, column masks and the memory that values live in. It knows no database.
//
// A source embeds Config, makes a Filter, Naming and ColumnRules of it, builds one Table per table of the database, and cuts
// the values of its rows from a Slab. Not here yet, in their own issue: signals, incremental snapshots, transaction metadata,
// schema history.
package capture

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"

	"leat/record"
	"leat/schema"
)

// Table is what records of one table have in common. It is immutable; a table whose shape changes gets a new one.
type Table struct {
	Topic    string
	Key      *schema.Schema // nil: no key
	Row      *schema.Schema
	Envelope *schema.Schema
}

// The fields of an envelope, in their order.
const (
	FieldBefore = iota
	FieldAfter
	FieldSource
	FieldTransaction
	FieldOp
	FieldTsMs
	FieldTsUs
	FieldTsNs
	EnvelopeFields // how many there are
)

var optionalInt64 = schema.New(schema.Int64, schema.Optional())

// TransactionBlock is the schema of an envelope's transaction field.
var TransactionBlock = schema.NewStruct([]schema.Field{
	schema.F("id", schema.New(schema.String)),
	schema.F("total_order", schema.New(schema.Int64)),
	schema.F("data_collection_order", schema.New(schema.Int64)),
}, schema.Named("event.block"), schema.Version(1), schema.Optional())

// SnapshotField is the schema of a source block's snapshot field.
var SnapshotField = schema.Semantic(schema.String, schema.DebeziumEnum,
	schema.With("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"),
	schema.Default("false"), schema.Optional())

// NewTable builds the schemas of a table from the fields of its row and of its key (none: no key).
func NewTable(topic string, row, key []schema.Field, source *schema.Schema, adjust NameAdjustment) *Table {
	t := &Table{Topic: topic}
	t.Row = schema.NewStruct(row, schema.Named(adjust.Schema(topic+".Value")), schema.Optional())
	if len(key) > 0 {
		t.Key = schema.NewStruct(key, schema.Named(adjust.Schema(topic+".Key")))
	}
	t.Envelope = schema.NewStruct([]schema.Field{
		schema.F("before", t.Row),
		schema.F("after", t.Row),
		schema.F("source", source),
		schema.F("transaction", TransactionBlock),
		schema.F("op", schema.New(schema.String)),
		schema.F("ts_ms", optionalInt64),
		schema.F("ts_us", optionalInt64),
		schema.F("ts_ns", optionalInt64),
	}, schema.Named(adjust.Schema(topic+".Envelope")), schema.Version(2))
	return t
}

// SameAs tells whether two tables write the same records, so that the older one can be kept.
func (t *Table) SameAs(o *Table) bool {
	return t.Topic == o.Topic && (t.Key == nil) == (o.Key == nil) && (t.Key == nil || schema.Equal(t.Key, o.Key)) && schema.Equal(t.Envelope, o.Envelope)
}

// Clock is the time of processing, as an envelope tells it. It is read once per batch.
type Clock struct{ Ms, Us, Ns record.Value }

// Now reads the clock.
func Now() Clock {
	ns := time.Now().UnixNano()
	return Clock{record.Int(ns / 1e6), record.Int(ns / 1e3), record.Int(ns)}
}

// The ops as values, so that no row makes its own.
var (
	OpCreate   = record.String("c")
	OpUpdate   = record.String("u")
	OpDelete   = record.String("d")
	OpRead     = record.String("r")
	OpTruncate = record.String("t")
	OpMessage  = record.String("m")
)

// NewEnvelope fills an envelope.
func NewEnvelope(s *Slab, before, after, source, op record.Value, now *Clock) record.Value {
	e := s.Values(EnvelopeFields)
	e[FieldBefore], e[FieldAfter], e[FieldSource] = before, after, source
	e[FieldOp], e[FieldTsMs], e[FieldTsUs], e[FieldTsNs] = op, now.Ms, now.Us, now.Ns
	return record.Struct(e)
}

// Removes tells whether a record is a delete, a truncate or a tombstone.
func Removes(r *record.Record) bool {
	if r.Value.IsNull() {
		return true
	}
	e := r.Value.Elems()
	if len(e) != EnvelopeFields || e[FieldOp].Kind() != record.KindString {
		return false
	}
	return e[FieldOp].Str() == OpDelete.Str() || e[FieldOp].Str() == OpTruncate.Str()
}

var headerSchema = schema.New(schema.String)

// Names of the headers of a changed key.
const (
	HeaderNewKey = "__debezium.newkey"
	HeaderOldKey = "__debezium.oldkey"
)

// ContextHeaders are the headers that every change record has; nil when extended.headers.enabled is off. The slice is shared by
// all records.
func ContextHeaders(c *Config, plugin string, task int) []record.Header {
	if !c.ExtendedHeaders {
		return nil
	}
	h := func(name, value string) record.Header {
		return record.Header{Key: "__debezium.context." + name, Schema: headerSchema, Value: record.String(value)}
	}
	headers := []record.Header{
		h("connectorLogicalName", c.TopicPrefix), h("taskId", strconv.Itoa(task)), h("connectorName", plugin), h("runId", runID()),
	}
	return headers[:len(headers):len(headers)]
}

// runID is a UUID of version 7.
func runID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	ms := time.Now().UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// Heartbeat makes heartbeat records.
type Heartbeat struct {
	topic string
	key   record.Value
}

var (
	heartbeatKey = schema.NewStruct([]schema.Field{schema.F("serverName", schema.New(schema.String))},
		schema.Named("io.debezium.connector.common.ServerNameKey"), schema.Version(1))
	heartbeatValue = schema.NewStruct([]schema.Field{schema.F("ts_ms", schema.New(schema.Int64))},
		schema.Named("io.debezium.connector.common.Heartbeat"), schema.Version(1))
)

// NewHeartbeat prepares the records of a source.
func NewHeartbeat(c *Config, n *Naming) *Heartbeat {
	return &Heartbeat{n.Heartbeat(), record.Struct([]record.Value{record.String(c.TopicPrefix)})}
}

// Record makes one heartbeat.
func (h *Heartbeat) Record(now time.Time) record.Record {
	return record.Record{
		Topic: h.topic, Partition: record.AnyPartition, Timestamp: record.NoTimestamp,
		KeySchema: heartbeatKey, Key: h.key,
		ValueSchema: heartbeatValue, Value: record.Struct([]record.Value{record.Int(now.UnixMilli())}),
	}
}
