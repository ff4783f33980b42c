package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
)

// after is a column of a record's new row.
func after(rec record.Record, column string) record.Value {
	f := rec.ValueSchema.Field("after").Schema.Field(column)
	return rec.Value.Field(capture.FieldAfter).Field(f.Index)
}

func op(rec record.Record) string { return rec.Value.Field(capture.FieldOp).Str() }

func TestParallelSnapshotReadsEveryRowOnceWithItsMarkers(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE big (id int PRIMARY KEY, pad char(1000)); ALTER TABLE big ALTER pad SET STORAGE PLAIN; CREATE TABLE small (id int PRIMARY KEY); CREATE TABLE void (id int PRIMARY KEY)")
	d.exec("INSERT INTO big SELECT i, 'x' FROM generate_series(1, 100000) i; INSERT INTO small VALUES (1), (2)")
	r := d.open(record.Null, d.with("snapshot.max.threads", "4"))
	defer r.close()
	got := r.snapshot()
	seen, marks := map[string]bool{}, map[string]int{}
	for _, rec := range got {
		seen[fmt.Sprint(rec.Topic, rec.Key.Field(0).Int())] = true
		marks[rec.Value.Field(capture.FieldSource).Field(sourceSnapshot).Str()]++
	}
	if len(got) != 100_002 || len(seen) != len(got) {
		t.Errorf("%d records of %d rows", len(got), len(seen))
	}
	mark := func(i int) string { return got[i].Value.Field(capture.FieldSource).Field(sourceSnapshot).Str() }
	if mark(0) != markFirst || mark(len(got)-1) != markLast {
		t.Errorf("marked %s … %s", mark(0), mark(len(got)-1))
	}
	if marks[markFirst] != 1 || marks[markLast] != 1 || marks[markFirstInTable] != 1 || marks[markLastInTable] != 1 {
		t.Errorf("marks %v", marks)
	}
}

func TestUnchangedToastStaysUnchangedOrBecomesThePlaceholder(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE doc (id int PRIMARY KEY, v int, body text, raw bytea); ALTER TABLE doc ALTER body SET STORAGE EXTERNAL; ALTER TABLE doc ALTER raw SET STORAGE EXTERNAL")
	d.exec("INSERT INTO doc VALUES (1, 0, repeat('x', 10000), decode(repeat('ab', 10000), 'hex'))")
	for _, c := range []struct{ props map[string]string }{{d.props}, {d.with("unavailable.value.placeholder", "hex:6e6f")}} {
		custom := c.props["unavailable.value.placeholder"] != ""
		r := d.open(record.Null, c.props)
		r.snapshot()
		d.exec("UPDATE doc SET v = v + 1")
		rec := r.records(1)[0]
		body, raw := after(rec, "body"), after(rec, "raw")
		if !custom && (!body.IsUnchanged() || !raw.IsUnchanged()) {
			t.Errorf("got %v and %v", body.Kind(), raw.Kind())
		}
		if custom && (body.Str() != "no" || string(raw.Bytes()) != "no") {
			t.Errorf("got %v and %v", body.Kind(), raw.Kind())
		}
		r.close()
	}
	// With the whole old row, the value is there.
	d.exec("ALTER TABLE doc REPLICA IDENTITY FULL")
	r := d.open(record.Null, d.props)
	defer r.close()
	r.snapshot()
	d.exec("UPDATE doc SET v = v + 1")
	if body := after(r.records(1)[0], "body"); body.Kind() != record.KindString || body.Len() != 10000 {
		t.Errorf("got %v", body.Kind())
	}
}

func TestUnchangedToastStaysUnchangedWhenTheKeyChanges(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE doc (id int PRIMARY KEY, body text NOT NULL); ALTER TABLE doc ALTER body SET STORAGE EXTERNAL")
	d.exec("INSERT INTO doc VALUES (1, repeat('x', 10000))")
	r := d.open(record.Null, d.props)
	defer r.close()
	r.snapshot()
	d.exec("UPDATE doc SET id = 2")
	rec := r.records(3)[2] // after a delete and its tombstone
	if body := after(rec, "body"); op(rec) != "c" || !body.IsUnchanged() {
		t.Errorf("%s with %v of %d bytes", op(rec), body.Kind(), body.Len())
	}
}

func TestRowsOfEightMegabytesComeWhole(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE doc (id int PRIMARY KEY, body text)")
	d.exec("INSERT INTO doc SELECT i, repeat('x', 8 << 20) FROM generate_series(1, 3) i")
	r := d.open(record.Null, d.props)
	defer r.close()
	got := r.snapshot()
	d.exec("INSERT INTO doc SELECT i, repeat('y', 8 << 20) FROM generate_series(4, 6) i")
	for len(got) < 6 {
		b := r.batch()
		if len(b.Records) > 1 {
			t.Errorf("%d rows in a batch", len(b.Records))
		}
		got = append(got, b.Records...)
	}
	for i, rec := range got {
		if body := after(rec, "body"); body.Len() != 8<<20 || rec.Key.Field(0).Int() != int64(i+1) {
			t.Errorf("row %d has %d bytes", i, body.Len())
		}
	}
}

func TestBadValueIsOneBadRecordOnBothPaths(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY, n numeric(10,2)); INSERT INTO rows VALUES (1, 1), (2, 'NaN'), (3, 3)")
	r := d.open(record.Null, d.props)
	defer r.close()
	var ids []int64
	bad := 0
	read := func(last int64) {
		for len(ids) == 0 || ids[len(ids)-1] != last {
			b, err := r.src.Read(context.Background())
			for _, rec := range b.Records {
				ids = append(ids, rec.Key.Field(0).Int())
			}
			if err == nil {
				continue
			}
			if connector.ClassOf(err) != connector.BadRecord || !strings.Contains(err.Error(), "column n") || !strings.Contains(err.Error(), "decimal.handling.mode=string") {
				t.Fatal(err)
			}
			bad++
		}
	}
	read(3)
	d.exec("INSERT INTO rows VALUES (4, 4), (5, 'NaN'), (6, 6)")
	read(6)
	if fmt.Sprint(ids) != "[1 3 4 6]" || bad != 2 {
		t.Errorf("rows %v, %d bad", ids, bad)
	}
}

func TestBadValueIsLeftOutWhereConfigured(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY, n numeric(10,2)); INSERT INTO rows VALUES (1, 1), (2, 'NaN'), (3, 3)")
	r := d.open(record.Null, d.with("event.processing.failure.handling.mode", "skip"))
	defer r.close()
	got := r.records(2)
	d.exec("INSERT INTO rows VALUES (4, 'NaN'), (5, 5)")
	got = append(got, r.records(1)...)
	if len(got) != 3 || got[2].Key.Field(0).Int() != 5 {
		t.Errorf("%d records", len(got))
	}
}

func TestColumnsAreMaskedTruncatedFilteredAndKeyed(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE person (id int PRIMARY KEY, mail text NOT NULL, name text, secret text, note text)")
	d.exec("INSERT INTO person VALUES (1, 'a@b.c', 'longer name', 'secret', 'left out')")
	r := d.open(record.Null, d.with("column.exclude.list", "public.person.note", "column.mask.with.5.chars", "public.person.secret",
		"column.truncate.to.6.chars", "public.person.name", "message.key.columns", "public.person:mail",
		"column.mask.hash.v2.SHA-256.with.salt.s", "public.person.mail"))
	defer r.close()
	got := r.snapshot()
	d.exec("INSERT INTO person VALUES (2, 'a@b.c', 'longer name', 'secret', 'left out')")
	got = append(got, r.records(1)...)
	for _, rec := range got {
		if rec.ValueSchema.Field("after").Schema.Field("note") != nil {
			t.Error("note is there")
		}
		if v := after(rec, "secret").Str(); v != "*****" {
			t.Errorf("secret is %q", v)
		}
		if v := after(rec, "name").Str(); v != "longer" {
			t.Errorf("name is %q", v)
		}
		key := rec.Key.Field(0).Str()
		if rec.KeySchema.Fields()[0].Name != "mail" || len(key) != 64 || key != after(rec, "mail").Str() {
			t.Errorf("key %q", key)
		}
	}
}

func TestHeartbeatsComeOnAnIdleDatabase(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY); CREATE TABLE beat (at timestamptz)")
	r := d.open(record.Null, d.with("heartbeat.interval.ms", "100", "table.include.list", "public.rows", "heartbeat.action.query", "INSERT INTO beat VALUES (now())"))
	defer r.close()
	rec := r.until(func(rec record.Record) bool { return rec.Topic == "__debezium-heartbeat.s1" })
	last := rec[len(rec)-1]
	if last.Key.Field(0).Str() != "s1" || last.Value.Field(0).Int() == 0 {
		t.Error("another heartbeat")
	}
	waitFor(t, "the action", func() bool { return d.value("SELECT count(*)::text FROM beat") != "0" })
}

func TestRowsOfOneCopyShareTheirPositionsAndResumeExactly(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY)")
	r := d.open(record.Null, d.with("max.batch.size", "10"))
	r.snapshot()
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintln(&lines, i)
	}
	if _, err := d.conn.PgConn().CopyFrom(context.Background(), strings.NewReader(lines.String()), "COPY rows FROM STDIN"); err != nil {
		t.Fatal(err)
	}
	next := int64(0)
	for next < 1000 {
		for _, rec := range r.batch().Records {
			if id := rec.Key.Field(0).Int(); id != next {
				t.Fatalf("row %d instead of %d", id, next)
			}
			next++
		}
		offset := r.offset
		r.close()
		r = d.open(offset, d.with("max.batch.size", "10"))
	}
	r.close()
}

func TestPartitionsAreThemselvesOrTheirRoot(t *testing.T) {
	for _, viaRoot := range []string{"false", "true"} {
		t.Run("via root "+viaRoot, func(t *testing.T) {
			d := newDatabase(t)
			d.exec("CREATE TABLE m (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)")
			d.exec("CREATE TABLE m_24 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01'); CREATE TABLE m_25 PARTITION OF m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')")
			d.exec("INSERT INTO m VALUES (1, '2024-05-05'), (2, '2025-05-05')")
			r := d.open(record.Null, d.with("publish.via.partition.root", viaRoot))
			defer r.close()
			got := r.snapshot()
			d.exec("INSERT INTO m VALUES (3, '2024-06-06'), (4, '2025-06-06')")
			for len(got) < 4 {
				got = append(got, r.batch().Records...)
			}
			topics := ""
			for _, rec := range got {
				topics += strings.TrimPrefix(rec.Topic, "s1.public.") + " "
			}
			want := map[string]string{"false": "m_24 m_25 m_24 m_25 ", "true": "m m m m "}[viaRoot]
			if topics != want {
				t.Errorf("topics %q instead of %q", topics, want)
			}
		})
	}
}

func TestSnapshotSelectIsOverridden(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY, v text); INSERT INTO rows SELECT i, 'v' FROM generate_series(1, 10) i")
	r := d.open(record.Null, d.with("snapshot.select.statement.overrides", "public.rows",
		"snapshot.select.statement.overrides.public.rows", "SELECT * FROM rows WHERE id > 7"))
	defer r.close()
	if got := r.snapshot(); len(got) != 3 {
		t.Errorf("%d rows instead of 3", len(got))
	}
}
