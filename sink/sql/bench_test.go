package sql

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
	"leat/record"
	"leat/schema"
	"leat/sink/sinktest"
)

const benchTable = `CREATE TABLE bench (id bigint PRIMARY KEY, customer_id int NOT NULL, name varchar(64) NOT NULL, email varchar(64) NOT NULL,
 amount numeric(12,2) NOT NULL, qty int NOT NULL, score float8 NOT NULL, active bool NOT NULL, created timestamptz NOT NULL, note text)`

var (
	benchKey = schema.NewStruct([]schema.Field{schema.F("id", schema.New(schema.Int64))}, schema.Named("bench.Key"))
	benchRow = schema.NewStruct([]schema.Field{
		schema.F("id", schema.New(schema.Int64)), schema.F("customer_id", schema.New(schema.Int32)), schema.F("name", schema.New(schema.String)),
		schema.F("email", schema.New(schema.String)), schema.F("amount", schema.NewDecimal(2, 12)), schema.F("qty", schema.New(schema.Int32)),
		schema.F("score", schema.New(schema.Float64)), schema.F("active", schema.New(schema.Boolean)),
		schema.F("created", schema.Semantic(schema.String, schema.DebeziumZonedTimestamp)), schema.F("note", schema.New(schema.String, schema.Optional())),
	}, schema.Optional())
	benchEnvelope = sinktest.Envelope(benchRow)
)

func benchRecord(op record.Op, i int64) record.Record {
	created := time.Unix(1704067200+i%1000000, 0).UTC().Format("2006-01-02T15:04:05.000000Z")
	row := record.Struct([]record.Value{
		record.Int(i), record.Int(i % 50000), record.String(fmt.Sprintf("customer name %032x", i*7919)),
		record.String(fmt.Sprintf("user%d@mail-%d.example.com", i, i%97)), record.Decimal(i%1000000, 2), record.Int(i % 100),
		record.Float(float64(i) * 0.25), record.Bool(i%2 == 0), record.String(created), record.String(fmt.Sprintf("%s%d", strings.Repeat("n", 60), i)),
	})
	return record.Record{KeySchema: benchKey, Key: record.Struct([]record.Value{record.Int(i)}), ValueSchema: benchEnvelope, Value: sinktest.Change(op, record.Null, row)}
}

const benchRows, benchBatch = 200_000, 1000

func benchBatches(op record.Op) []record.Batch {
	var out []record.Batch
	for at := int64(0); at < benchRows; at += benchBatch {
		records := make([]record.Record, benchBatch)
		for i := range records {
			records[i] = benchRecord(op, at+int64(i))
		}
		b := sinktest.Batch("bench", at, records...)
		b.Bytes = benchBatch * 260
		out = append(out, b)
	}
	return out
}

// BenchmarkPostgresUpsert measures rows per second into the table of the bench, with its primary key: what COPY writes there, then
// the sink with keys that are new (told as such by the envelope, and not), and that are there already.
func BenchmarkPostgresUpsert(b *testing.B) {
	pg := harnesstest.Postgres(b, harness.PostgresOptions{SharedBuffers: "512MB", Settings: map[string]string{"max_wal_size": "8GB", "autovacuum": "off"}})
	conn, err := pgx.Connect(b.Context(), pg.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	do := func(stmt string) {
		b.Helper()
		if _, err := conn.Exec(b.Context(), stmt); err != nil {
			b.Fatal(err)
		}
	}
	props := map[string]string{"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/postgres", pg.Host, pg.Port), "connection.username": pg.User,
		"connection.password": pg.Password, "insert.mode": "upsert", "primary.key.mode": "record_key"}
	sink := func(b *testing.B, op record.Op, fresh bool) {
		batches := benchBatches(op)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			b.StopTimer()
			if fresh {
				do("DROP TABLE IF EXISTS bench")
				do(benchTable)
			}
			do("CHECKPOINT")
			s := sinktest.Open(b, DebeziumPlugin, props)
			b.StartTimer()
			for _, batch := range batches {
				if err := sinktest.Put(b, s, batch); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := sinktest.Flush(b, s); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
	}
	b.Run("new_told", func(b *testing.B) { sink(b, record.OpCreate, true) })
	b.Run("new_untold", func(b *testing.B) { sink(b, record.OpUpdate, true) })
	b.Run("changed", func(b *testing.B) { sink(b, record.OpUpdate, false) })
	b.Run("changed_told_new", func(b *testing.B) { sink(b, record.OpCreate, false) })
	var rows bytes.Buffer
	if _, err := conn.PgConn().CopyTo(b.Context(), &rows, "COPY (SELECT * FROM bench) TO STDOUT (FORMAT binary)"); err != nil {
		b.Fatal(err)
	}
	b.Run("copy", func(b *testing.B) {
		b.ResetTimer()
		for range b.N {
			b.StopTimer()
			do("DROP TABLE bench")
			do(benchTable)
			do("CHECKPOINT")
			b.StartTimer()
			if _, err := conn.PgConn().CopyFrom(b.Context(), bytes.NewReader(rows.Bytes()), "COPY bench FROM STDIN (FORMAT binary)"); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows*b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
