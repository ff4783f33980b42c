package postgres

import (
	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

var (
	messageKey = schema.NewStruct([]schema.Field{schema.F("prefix", schema.New(schema.String, schema.Optional()))},
		schema.Named("io.debezium.connector.postgresql.MessageKey"), schema.Version(1))
	messageBlock = schema.NewStruct([]schema.Field{
		schema.F("prefix", schema.New(schema.String, schema.Optional())), schema.F("content", schema.New(schema.Bytes, schema.Optional())),
	}, schema.Named("io.debezium.connector.postgresql.Message"), schema.Version(1))
	messageValue = schema.NewStruct([]schema.Field{
		schema.F("op", schema.New(schema.String)), schema.F("ts_ms", schema.New(schema.Int64, schema.Optional())),
		schema.F("source", sourceSchema), schema.F("transaction", capture.TransactionBlock), schema.F("message", messageBlock),
	}, schema.Named("io.debezium.connector.postgresql.MessageValue"), schema.Version(1))
)

// logical makes the record of a message of pg_logical_emit_message.
func (st *stream) logical(b *batch, lsn LSN) error {
	m := &st.dec.Message
	stored := st.resume.storedMessage(lsn)
	if m.Transactional {
		stored = st.resume.stored(lsn)
	}
	tx := int64(st.xid)
	if !m.Transactional {
		tx = 0
		st.sequenceOf(lsn)
	}
	if stored {
		return nil
	}
	st.advance(lsn, kindMessage, tx)
	if !m.Transactional {
		st.lastSeq, st.pos.commit = lsn, lsn
	}
	if !st.captures(m.Prefix) {
		return nil
	}
	t := st.src.tables.sourceOf("", "")
	src := st.sourceBlock(&t, lsn)
	if !m.Transactional {
		src.Elems()[sourceTxID] = record.Null
	}
	prefix := record.String(m.Prefix)
	value := record.Struct([]record.Value{
		capture.OpMessage, b.now.Ms, src, record.Null, record.Struct([]record.Value{prefix, record.Bytes(m.Content)}),
	})
	b.add(record.Record{
		Topic: st.src.tables.naming.Message(), Partition: record.AnyPartition, Timestamp: record.NoTimestamp,
		KeySchema: messageKey, Key: record.Struct([]record.Value{prefix}), ValueSchema: messageValue, Value: value,
	}, len(m.Content), 0)
	return nil
}

// sequenceOf is the sequence of a message outside of transactions, which is its own last commit.
func (st *stream) sequenceOf(lsn LSN) {
	st.lastSeq = lsn
	st.sequence()
}
