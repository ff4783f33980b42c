package json

import (
	"strings"
	"testing"

	"leat/record"
	"leat/schema"
)

// benchEnvelope is Debezium's envelope of a row of ten columns, as Kafka wrote it.
func benchEnvelope(b *testing.B) (withSchema, plain string) {
	for _, c := range readGolden(b) {
		if strings.HasPrefix(c.name, "pg-bench") && strings.HasSuffix(c.name, "value") {
			return c.schemas, c.plain
		}
	}
	b.Fatal("no envelope in testdata/kafka.txt")
	return "", ""
}

func decodeEnvelope(b *testing.B, text string) (*schema.Schema, record.Value) {
	s, v, err := newConverter(b, Config{SchemasEnable: true, CacheSize: 10, ReplaceNull: true}).Decode(at, nil, []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	return s, v
}

// fresh copies the struct and its inner structs, so that no memory is that of the record before.
func fresh(v record.Value) record.Value {
	elems := append([]record.Value(nil), v.Elems()...)
	for i, e := range elems {
		if e.Kind() == record.KindStruct {
			elems[i] = fresh(e)
		}
	}
	return record.Struct(elems)
}

func BenchmarkEncodeEnvelope(b *testing.B) {
	withSchema, plain := benchEnvelope(b)
	s, v := decodeEnvelope(b, withSchema)
	snapshot := make([]record.Value, 64) // the source block is shared
	stream := make([]record.Value, 64)
	source := s.Field("source").Index
	for i := range stream {
		stream[i] = fresh(v)
		elems := append([]record.Value(nil), fresh(v).Elems()...)
		elems[source] = v.Field(source)
		snapshot[i] = record.Struct(elems)
	}
	for _, c := range []struct {
		name    string
		schemas bool
		rows    []record.Value
		size    int
	}{
		{"snapshot", false, snapshot, len(plain)}, {"stream", false, stream, len(plain)}, {"stream with schemas", true, stream, len(withSchema)},
	} {
		b.Run(c.name, func(b *testing.B) {
			conv := newConverter(b, Config{SchemasEnable: c.schemas, CacheSize: 10, ReplaceNull: true, DecimalFormat: Base64})
			dst := make([]byte, 0, 1<<14)
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			for i := range b.N {
				var err error
				if dst, err = conv.Encode(dst[:0], at, nil, s, c.rows[i%64]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeEnvelope(b *testing.B) {
	withSchema, plain := benchEnvelope(b)
	for _, c := range []struct {
		name, text string
		schemas    bool
	}{{"with schemas", withSchema, true}, {"schemaless", plain, false}} {
		b.Run(c.name, func(b *testing.B) {
			conv := newConverter(b, Config{SchemasEnable: c.schemas, CacheSize: 10, ReplaceNull: true, DecimalFormat: Base64})
			data := []byte(c.text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for range b.N {
				if _, _, err := conv.Decode(at, nil, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
