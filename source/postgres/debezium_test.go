package postgres

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"leat/record"
)

// typesDatabase has every type. PostgreSQL 13 knows no infinite numeric, and 18 refuses updates of a table whose replica identity
// has a generated column that is not published: both are outside of what Debezium was recorded with.
func typesDatabase(t *testing.T) *database {
	t.Helper()
	d := newDatabase(t)
	if v := d.value("SHOW server_version_num"); v < "140000" || v >= "180000" {
		t.Skip("the recorded tables need PostgreSQL 14 to 17")
	}
	d.file("types.sql")
	d.file("types_nan.sql")
	return d
}

// peerFile is what Debezium 3.6.1 wrote for testdata/types.sql and types_dml.sql, without times, positions and names.
type peerFile struct {
	Schemas []any
	Records []struct {
		Headers    []struct{ Key string }
		Key, Value *struct {
			Schema  int
			Payload map[string]any
		}
	}
}

func readPeer(t *testing.T, name string) peerFile {
	t.Helper()
	b, err := os.ReadFile("testdata/debezium/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var p peerFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// differences are the values where leat is right and Debezium is not, by column and by what Debezium wrote.
var differences = []struct {
	column string
	peer   func(v any) bool
	why    string
}{
	{"c_name", func(v any) bool { return v == nil }, "Debezium loses columns of type name in the stream"},
	{"c_text_arr", func(v any) bool { return strings.Contains(fmt.Sprint(v), "Ljava") }, "Debezium writes the address of inner arrays"},
	{"c_date", func(v any) bool {
		s := fmt.Sprint(v)
		return s == "-622191234" || s == "-625821272" || s == "-703383"
	}, "Debezium overflows infinite dates and forgets BC"},
	{"ts", func(v any) bool { s := fmt.Sprint(v); return len(s) == 27 && s != "1970-01-01T00:00:00.000000Z" }, "now() of the run"},
}

func differs(column string, peer any) bool {
	for _, d := range differences {
		if d.column == column && d.peer(peer) {
			return true
		}
	}
	return false
}

// comparePayload compares two payloads but for the marked differences.
func comparePayload(t *testing.T, where string, got, want any) {
	t.Helper()
	g, ok1 := got.(map[string]any)
	w, ok2 := want.(map[string]any)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(normal(got), normal(want)) {
			t.Errorf("%s: got %v, Debezium wrote %v", where, got, want)
		}
		return
	}
	for k := range w {
		if _, there := g[k]; !there {
			t.Errorf("%s.%s is missing", where, k)
		}
	}
	for k, v := range g {
		pv, there := w[k]
		if !there {
			t.Errorf("%s.%s = %v is not in Debezium's", where, k, v)
			continue
		}
		if !differs(k, pv) {
			comparePayload(t, where+"."+k, v, pv)
		}
	}
}

func compareWithPeer(t *testing.T, got []record.Record, peer peerFile) {
	t.Helper()
	if len(got) != len(peer.Records) {
		t.Errorf("got %d records, Debezium wrote %d", len(got), len(peer.Records))
	}
	for i := range min(len(got), len(peer.Records)) {
		g, w := got[i], peer.Records[i]
		where := fmt.Sprintf("%s %d", g.Topic, i)
		var extra []string
		for _, h := range g.Headers {
			if !strings.HasPrefix(h.Key, "__debezium.context.") {
				extra = append(extra, h.Key)
			}
		}
		var wantExtra []string
		for _, h := range w.Headers {
			wantExtra = append(wantExtra, h.Key)
		}
		if !reflect.DeepEqual(extra, wantExtra) {
			t.Errorf("%s: headers %v, Debezium wrote %v", where, extra, wantExtra)
		}
		if (w.Key == nil) != g.Key.IsNull() || (w.Value == nil) != g.Value.IsNull() {
			t.Errorf("%s: null key or value differs", where)
			continue
		}
		if w.Key != nil {
			compareSchema(t, where+" key schema", schemaJSON(g.KeySchema), peer.Schemas[w.Key.Schema])
			comparePayload(t, where+" key", jsonValue(g.KeySchema, g.Key), w.Key.Payload)
		}
		if w.Value != nil {
			compareSchema(t, where+" schema", schemaJSON(g.ValueSchema), peer.Schemas[w.Value.Schema])
			value := jsonValue(g.ValueSchema, g.Value).(map[string]any)
			for _, k := range []string{"ts_ms", "ts_us", "ts_ns"} {
				delete(value, k)
			}
			if src, ok := value["source"].(map[string]any); ok {
				for _, k := range []string{"ts_ms", "ts_us", "ts_ns", "txId", "lsn", "sequence", "name", "db"} {
					delete(src, k)
				}
			}
			comparePayload(t, where, any(value), any(w.Value.Payload))
		}
	}
}

// compareSchema tells the first field that differs.
func compareSchema(t *testing.T, where string, got, want any) {
	t.Helper()
	g, w := normal(got), normal(want)
	if reflect.DeepEqual(g, w) {
		return
	}
	gm, ok1 := g.(map[string]any)
	wm, ok2 := w.(map[string]any)
	if ok1 && ok2 {
		gf, _ := gm["fields"].([]any)
		wf, _ := wm["fields"].([]any)
		for i := range min(len(gf), len(wf)) {
			if !reflect.DeepEqual(gf[i], wf[i]) {
				compareSchema(t, fmt.Sprintf("%s.%v", where, wf[i].(map[string]any)["field"]), gf[i], wf[i])
				return
			}
		}
		if len(gf) != len(wf) {
			t.Errorf("%s: %d fields, Debezium has %d", where, len(gf), len(wf))
			return
		}
	}
	t.Errorf("%s: got %v, Debezium wrote %v", where, g, w)
}

func TestRecordsEqualDebeziumInOtherModes(t *testing.T) {
	d := typesDatabase(t)
	r := d.open(record.Null, d.with("table.include.list", "inv.all_types,inv.plain", "include.unknown.datatypes", "true",
		"time.precision.mode", "connect", "decimal.handling.mode", "string", "binary.handling.mode", "base64",
		"hstore.handling.mode", "map", "interval.handling.mode", "string", "leat.imitate.debezium.faults", "true"))
	defer r.close()
	var got []record.Record
	for _, rec := range r.snapshot() {
		if rec.Topic == "s1.inv.all_types" {
			got = append(got, rec)
		}
	}
	peer := readPeer(t, "unwrapped_all_types.json")
	if len(got) == 0 {
		t.Fatal("no records")
	}
	for i, rec := range got {
		after := jsonValue(rec.ValueSchema, rec.Value).(map[string]any)["after"]
		comparePayload(t, fmt.Sprint(i), after, any(peer.Records[i].Value.Payload))
		row := schemaJSON(rec.ValueSchema.Field("after").Schema)
		want := peer.Schemas[peer.Records[i].Value.Schema].(map[string]any)
		compareSchema(t, fmt.Sprint(i), map[string]any{"fields": row["fields"]}, map[string]any{"fields": want["fields"]})
	}
}

func TestRecordsEqualDebezium(t *testing.T) {
	d := typesDatabase(t)
	r := d.open(record.Null, d.with("schema.include.list", "inv", "skipped.operations", "none", "leat.imitate.debezium.faults", "true"))
	defer r.close()
	got := r.snapshot()
	d.file("types_dml.sql")
	d.exec("insert into inv.all_types (c_text_arr, c_int_arr) values ('{{a,b},{c,d}}', '{{1,2},{3,4}}'), (null, null)")
	got = append(got, r.until(func(rec record.Record) bool {
		return rec.Topic == "s1.inv.all_types" && !rec.Key.IsNull() && rec.Key.Field(0).Int() == 13
	})...)
	byTopic := map[string][]record.Record{}
	for _, rec := range got {
		byTopic[rec.Topic] = append(byTopic[rec.Topic], rec)
	}
	for topic, file := range map[string]string{
		"s1.inv.all_types": "all_types.json", "s1.inv.plain": "plain.json", "s1.inv.nokey": "nokey.json", "s1.message": "message.json",
	} {
		t.Run(topic, func(t *testing.T) { compareWithPeer(t, byTopic[topic], readPeer(t, file)) })
	}
}
