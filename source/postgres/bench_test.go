package postgres

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"testing"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
	"leat/source/postgres/pgoutput"
	"leat/source/postgres/types"
)

// wideTypes are the columns of the workload `wide`: 10 columns, about 200 bytes a row.
var wideTypes = []struct {
	name string
	oid  uint32
	mod  int32
}{
	{"id", 20, -1}, {"customer_id", 23, -1}, {"name", 1043, 68}, {"email", 1043, 68}, {"amount", 1700, 12<<16 | 2 + 4},
	{"qty", 23, -1}, {"score", 701, -1}, {"active", 16, -1}, {"created", 1184, -1}, {"note", 25, -1},
}

var wideRow = []string{"1234567", "34567", "customer name c4ca4238a0b923820dcc509a6f75849b", "user1234567@mail-33.example.com", "2345.67",
	"67", "308641.75", "f", "2024-01-15 06:56:07+00", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn1234567"}

func benchConfig() *Config {
	cfg := &Config{}
	cfg.TopicPrefix, cfg.Database, cfg.MaxBatch = "b", "src", 2048
	cfg.DecimalMode, cfg.TimeMode, cfg.BinaryMode, cfg.Placeholder = capture.DecimalPrecise, capture.TimeAdaptive, capture.BinaryBytes, defaultPlaceholder
	cfg.NamingStrategy, cfg.TopicDelimiter, cfg.ExtendedHeaders, cfg.Tombstones = "io.debezium.schema.SchemaTopicNamingStrategy", ".", true, true
	return cfg
}

// wideTable compiles the table without a server.
func wideTable(tb testing.TB, s *source, copy bool) *table {
	tb.Helper()
	meta := &tableMeta{Schema: "public", Name: "bench", Key: []string{"id"}}
	for _, c := range wideTypes {
		meta.Columns = append(meta.Columns, columnMeta{Name: c.name, Type: c.oid, Mod: c.mod, NotNull: true})
		if s.cat.types == nil {
			s.cat.types = map[uint32]*types.Info{}
		}
		s.cat.types[c.oid] = &types.Info{OID: c.oid, Kind: 'b'}
	}
	t, err := s.tables.build(context.Background(), meta, copy)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func benchSource(tb testing.TB) *source {
	tb.Helper()
	src, err := open(context.Background(), benchConfig(), connector.Task{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		tb.Fatal(err)
	}
	return src.(*source)
}

// BenchmarkStreamRow is decode and envelope of one row of a one-row transaction: the messages B, I and C.
func BenchmarkStreamRow(b *testing.B) {
	src := benchSource(b)
	st := &stream{src: src, tables: map[uint32]*table{7: wideTable(b, src, false)}, pos: position{lsn: 1}}
	begin := append([]byte{'B'}, make([]byte, 20)...)
	commit := append([]byte{'C'}, make([]byte, 25)...)
	insert := binary.BigEndian.AppendUint32([]byte{'I'}, 7)
	insert = binary.BigEndian.AppendUint16(append(insert, 'N'), uint16(len(wideRow)))
	for _, v := range wideRow {
		insert = append(binary.BigEndian.AppendUint32(append(insert, pgoutput.ColumnText), uint32(len(v))), v...)
	}
	ctx := context.Background()
	bt := newBatch(&st.slab, 2048, batchBytes, 2048)
	b.ReportAllocs()
	lsn := LSN(30_000_000)
	for b.Loop() {
		for _, m := range [][]byte{begin, insert, commit} {
			lsn += 100
			if err := st.message(ctx, bt, m, lsn); err != nil {
				b.Fatal(err)
			}
		}
		if bt.full() {
			bt = newBatch(&st.slab, 2048, batchBytes, len(bt.records))
		}
	}
}

// BenchmarkSnapshotRow is decode and envelope of one row of COPY.
func BenchmarkSnapshotRow(b *testing.B) {
	src := benchSource(b)
	t := wideTable(b, src, true)
	sn := &snapshot{src: src, pos: position{lsn: 30_000_000, txID: 1, tsUsec: 1}}
	st := &snapTable{table: t, sources: sn.sourcesOf(t)}
	w := &snapWorker{sn: sn, expect: 2048}
	data := copyRow()
	bt := newBatch(&w.slab, 2048, batchBytes, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := w.row(st, bt, data, len(wideTypes)); err != nil {
			b.Fatal(err)
		}
		if bt.full() {
			bt = newBatch(&w.slab, 2048, batchBytes, len(bt.records))
		}
	}
}

func copyRow() []byte {
	var data []byte
	put := func(b []byte) { data = append(binary.BigEndian.AppendUint32(data, uint32(len(b))), b...) }
	put(binary.BigEndian.AppendUint64(nil, 1234567))
	put(binary.BigEndian.AppendUint32(nil, 34567))
	put([]byte(wideRow[2]))
	put([]byte(wideRow[3]))
	put([]byte{0, 2, 0, 0, 0, 0, 0, 2, 0x09, 0x29, 0x1a, 0x2c}) // 2345.67
	put(binary.BigEndian.AppendUint32(nil, 67))
	put(binary.BigEndian.AppendUint64(nil, 0x4112d68700000000))
	put([]byte{0})
	put(binary.BigEndian.AppendUint64(nil, 758_617_000_000_000))
	put([]byte(wideRow[9]))
	return data
}

func TestBothPathsDecodeTheWideRowToTheSameValues(t *testing.T) {
	src := benchSource(t)
	w := &snapWorker{sn: &snapshot{src: src}}
	copied := wideTable(t, src, true)
	st := &snapTable{table: copied, sources: map[string]record.Value{}}
	bt := newBatch(&w.slab, 10, batchBytes, 10)
	if _, _, err := w.row(st, bt, copyRow(), len(wideTypes)); err != nil {
		t.Fatal(err)
	}
	streamed := wideTable(t, src, false)
	var cols []pgoutput.Column
	for _, v := range wideRow {
		cols = append(cols, pgoutput.Column{Kind: pgoutput.ColumnText, Data: []byte(v)})
	}
	row, err := streamed.row(&capture.Slab{}, cols, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := bt.records[0].Value.Field(capture.FieldAfter).Elems()
	for i := range row {
		if wideTypes[i].name == "score" || wideTypes[i].name == "created" {
			continue // the samples are not of the same row
		}
		if !record.Equal(row[i], after[i]) {
			t.Errorf("column %s: stream %v, COPY %v", wideTypes[i].name, jsonValue(streamed.Row.Fields()[i].Schema, row[i]), jsonValue(copied.Row.Fields()[i].Schema, after[i]))
		}
	}
	if copied.Table != streamed.Table {
		t.Error("the snapshot and the stream do not share their schemas")
	}
}
