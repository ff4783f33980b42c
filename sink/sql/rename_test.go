package sql

import (
	"fmt"
	"slices"
	"testing"

	"leat/record"
	"leat/schema"
	"leat/sink/sinktest"
	"leat/sink/sql/dialect"
)

func TestNewKeysAreReadInEveryFormOfHeaders(t *testing.T) {
	keySchema := schema.NewStruct([]schema.Field{schema.F("id", schema.New(schema.Int64)), schema.F("name", schema.New(schema.String))})
	field := func(name string, typ schema.Type) column {
		return column{Field: dialect.Field{Name: name, Schema: schema.New(typ), Key: true}, origin: fromKey, header: name}
	}
	two := &plan{keyCount: 2, columns: []column{field("id", schema.Int64), field("name", schema.String)}}
	one := &plan{keyCount: 1, columns: []column{field("ident", schema.Int32)}}
	bin := &plan{keyCount: 1, columns: []column{field("b", schema.Bytes)}}
	whole := []record.Value{record.Int(7), record.String("a,\"b")}
	for _, c := range []struct {
		name   string
		plan   *plan
		value  record.Value
		schema *schema.Schema
		want   []record.Value
	}{
		{"struct", two, record.Struct(whole), keySchema, whole},
		{"map", two, record.Map([]record.Entry{{Key: record.String("name"), Value: whole[1]}, {Key: record.String("id"), Value: whole[0]}}), nil, whole},
		{"text", two, record.String(`{"id":7,"name":"a,\"b"}`), nil, whole},
		{"text with line feed", two, record.String("{\"id\":7,\"name\":\"a\nb\"}"), nil, []record.Value{record.Int(7), record.String("a\nb")}},
		{"number widened by its neighbours", two, record.String(`{"id":7.0,"name":"x"}`), nil, []record.Value{record.Int(7), record.String("x")}},
		{"bytes", bin, record.String(`{"b":"AQI="}`), nil, []record.Value{record.Bytes([]byte{1, 2})}},
		{"only field under another name", one, record.String(`{"id":7}`), nil, []record.Value{record.Int(7)}},
		{"fields lacking", two, record.String(`{"id":7}`), nil, nil},
		{"null", two, record.String(`{"id":7,"name":null}`), nil, nil},
		{"of another type", two, record.String(`{"id":"7","name":"x"}`), nil, nil},
		{"no key", two, record.String(`7`), nil, nil},
		{"nothing", two, record.Null, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := keyOfHeader(c.plan, c.value, c.schema)
			if ok != (c.want != nil) || ok && !record.Equal(record.Array(got), record.Array(c.want)) {
				t.Errorf("got %v, %v; want %v", record.Array(got), ok, record.Array(c.want))
			}
		})
	}
}

// Whatever of a changed key was written before, and in whichever batches it comes again, the row keeps what was not sent.
func TestChangedKeysConvergeWhenTheyComeAgain(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		sink := sinktest.Open(t, DebeziumPlugin, d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "delete.enabled", "true", "schema.evolution", "basic"))
		records := func() []record.Record { return sinktest.ChangedKey(1, 2, record.Unchanged) }
		offset := int64(1)
		write := func(r ...record.Record) {
			sinktest.Write(t, sink, sinktest.Batch("again", offset, r...))
			offset += int64(len(r))
		}
		write(sinktest.Upsert(record.OpRead, 1, record.String("kept")))
		for cut := range 4 { // whole, then each record by itself, then from each on
			write(records()[cut%3:]...)
			for _, r := range records() {
				write(r)
			}
		}
		rows := d.rows(t, `SELECT id, text FROM again`)
		if len(rows) != 1 || rows[0][0] != int64(2) || rows[0][1] != "kept" {
			t.Errorf("rows %v", rows)
		}
	})
}

// A key that was left and taken by another row keeps that row when both changes come again.
func TestChainsOfChangedKeysConvergeWhenTheyComeAgain(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		sink := sinktest.Open(t, DebeziumPlugin, d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "delete.enabled", "true", "schema.evolution", "basic"))
		sinktest.Write(t, sink, sinktest.Batch("chain", 0, sinktest.Upsert(record.OpRead, 1, record.String("first")), sinktest.Upsert(record.OpRead, 7, record.String("second")),
			sinktest.Upsert(record.OpRead, 8, record.String("third"))))
		chain := func() []record.Record {
			return slices.Concat(sinktest.ChangedKey(1, 2, record.Unchanged), sinktest.ChangedKey(7, 1, record.Unchanged), sinktest.ChangedKey(8, 7, record.Unchanged))
		}
		sinktest.Write(t, sink, sinktest.Batch("chain", 3, chain()...))
		sinktest.Write(t, sink, sinktest.Batch("chain", 12, slices.Concat(chain(), chain()[3:], chain())...))
		if got, want := fmt.Sprint(d.rows(t, `SELECT id, text FROM chain ORDER BY id`)), "[[1 second] [2 first] [7 third]]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestRecordsLeftOutOnPurposeAreCounted(t *testing.T) {
	d := sqliteDB(t)
	counts := map[string]int{}
	sink := sinktest.OpenTask(t, DebeziumPlugin, d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "schema.evolution", "basic"),
		func(reason string, n int) { counts[reason] += n })
	truncate := sinktest.Upsert(record.OpTruncate, 1, record.Null)
	sinktest.Write(t, sink, sinktest.Batch("left", 0, sinktest.Upsert(record.OpCreate, 1, record.Null), sinktest.Delete(1), sinktest.Tombstone(1), sinktest.Delete(1), truncate))
	for reason, want := range map[string]int{leftDelete: 2, leftTombstone: 1, leftTruncate: 1} {
		if counts[reason] != want {
			t.Errorf("%s: counted %d, want %d", reason, counts[reason], want)
		}
	}
}
