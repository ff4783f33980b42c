package sql

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"leat/config"
	"leat/connector"
	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
	"leat/record"
	"leat/sink/sinktest"
)

func problemsOf(plugin connector.Plugin, props map[string]string) string {
	var out []string
	for _, p := range config.Parse(props, config.New(plugin.Config)) {
		out = append(out, p.String())
	}
	return strings.Join(out, "\n")
}

func TestWrongConfigIsToldAtOnce(t *testing.T) {
	pg := "jdbc:postgresql://localhost/x"
	for _, c := range []struct {
		plugin connector.Plugin
		props  map[string]string
		want   []string // parts of the problems; none: no problem
	}{
		{DebeziumPlugin, map[string]string{"connection.url": pg, "connection.username": "u"}, nil},
		{DebeziumPlugin, map[string]string{}, []string{"connection.url"}},
		{DebeziumPlugin, map[string]string{"connection.url": "jdbc:oracle:thin:@h", "insert.mode": "upsert", "delete.enabled": "true", "use.time.zone": "Mars/Base"},
			[]string{"Oracle, which is not in this build yet", "primary.key.mode", "delete.enabled", "Mars/Base"}},
		{DebeziumPlugin, map[string]string{"connection.url": pg, "insert.mode": "replace"}, []string{"insert.mode"}},
		{DebeziumPlugin, map[string]string{"connection.url": pg, "collection.naming.strategy": "com.acme.Naming"}, []string{"Java code"}},
		{ConfluentPlugin, map[string]string{"connection.url": pg, "insert.mode": "UPSERT", "pk.mode": "record_key"}, nil},
		{ConfluentPlugin, map[string]string{"connection.url": pg, "delete.enabled": "true", "table.types": "SYNONYM", "pk.mode": "kafka", "pk.fields": "a,b"},
			[]string{"delete.enabled", "table.types", "pk.fields"}},
		{ConfluentPlugin, map[string]string{"connection.url": pg, "dialect.name": "SqliteDatabaseDialect"}, []string{"dialect.name"}},
	} {
		got := problemsOf(c.plugin, c.props)
		if c.want == nil && got != "" {
			t.Errorf("%v: %s", c.props, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%v: %q is not in %q", c.props, want, got)
			}
		}
	}
}

func checkOf(t *testing.T, props map[string]string) string {
	t.Helper()
	cfg := config.New(DebeziumPlugin.Config)
	if p := config.Parse(props, cfg); len(p) > 0 {
		t.Fatal(p)
	}
	var out []string
	for _, p := range DebeziumPlugin.Check(sinktest.Context(t), cfg) {
		out = append(out, p.String())
	}
	return strings.Join(out, "\n")
}

func TestLiveCheckSaysWhatToDo(t *testing.T) {
	d := postgresDB(t)
	d.exec(t, "CREATE TABLE good (id int PRIMARY KEY)")
	d.exec(t, "CREATE TABLE keyless (id int)")
	upsert := d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "topics", "good")
	with := func(more ...string) map[string]string {
		out := map[string]string{}
		for k, v := range upsert {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	if got := checkOf(t, upsert); got != "" {
		t.Errorf("nothing is wrong, and check says %s", got)
	}
	d.exec(t, "DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD 'reader'; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
	d.exec(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	for _, c := range []struct {
		props map[string]string
		want  string
	}{
		{with("topics", "absent"), "table absent of topic absent does not exist"},
		{with("topics", "keyless"), "needs a primary key or unique index"},
		{with("topics", "good", "primary.key.fields", "other"), "on exactly (other)"},
		{with("connection.username", "reader", "connection.password", "reader"), "GRANT SELECT, INSERT, UPDATE, DELETE"},
		{with("connection.username", "reader", "connection.password", "reader", "topics", "new", "schema.evolution", "basic"), "GRANT USAGE, CREATE ON SCHEMA"},
		{with("connection.username", "nobody-there", "connection.password", "pass-of-nobody"), "connection.url"},
		{with("connection.url", "jdbc:postgresql://127.0.0.1:1/x"), ""}, // away: the task waits
	} {
		got := checkOf(t, c.props)
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%v: got %q, want %q", c.props["topics"], got, c.want)
		}
		if strings.Contains(got, "pass-of-nobody") {
			t.Errorf("the password is told: %s", got)
		}
	}
}

func TestServerRestartLosesNothing(t *testing.T) {
	pg := harnesstest.Postgres(t, harness.PostgresOptions{NoFsync: true})
	var waited bool
	cfg := config.New(DebeziumPlugin.Config)
	if p := config.Parse(map[string]string{"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/postgres", pg.Host, pg.Port), "connection.username": pg.User, "connection.password": pg.Password,
		"insert.mode": "upsert", "primary.key.mode": "record_key", "schema.evolution": "basic", "flush.max.retries": "1", "flush.retry.delay.ms": "20"}, cfg); len(p) > 0 {
		t.Fatal(p)
	}
	// Waiting is called by the sink's goroutine, and read after Close.
	sink, err := DebeziumPlugin.NewSink(t.Context(), cfg, connector.Task{Log: discard, Waiting: func(why string) { waited = waited || why != "" }})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 400
	down := make(chan error, 1)
	for i := range int64(rows) {
		if i == 100 {
			go func() {
				err := pg.Down(context.Background(), harness.Immediate)
				time.Sleep(300 * time.Millisecond)
				if err == nil {
					err = pg.Up(context.Background())
				}
				down <- err
			}()
		}
		if err := sinktest.Put(t, sink, sinktest.Batch("r", i, sinktest.Upsert(record.OpCreate, i, record.String("v")))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := <-down; err != nil {
		t.Fatal(err)
	}
	if offsets, err := sinktest.Flush(t, sink); err != nil || offsets[record.Partition{Topic: "r"}] != rows {
		t.Fatalf("durable %v, %v", offsets, err)
	}
	if err := sink.Close(sinktest.Context(t)); err != nil {
		t.Fatal(err)
	}
	if !waited {
		t.Error("the outage was not told")
	}
	conn := connect(t, pg.URL("postgres"))
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM r").Scan(&n); err != nil || n != rows {
		t.Fatalf("%d rows, %v", n, err)
	}
}

func TestTableAlteredUnderTheSink(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		sink := sinktest.Open(t, DebeziumPlugin, d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "schema.evolution", "basic", "delete.enabled", "true"))
		sinktest.Write(t, sink, sinktest.Batch("a", 0, sinktest.Upsert(record.OpCreate, 1, record.String("x"))))
		d.exec(t, "ALTER TABLE a DROP COLUMN text")
		sinktest.Write(t, sink, sinktest.Batch("a", 1, sinktest.Upsert(record.OpUpdate, 1, record.String("y"))))
		d.exec(t, "DROP TABLE a")
		sinktest.Write(t, sink, sinktest.Batch("a", 2, sinktest.Delete(9), sinktest.Upsert(record.OpUpdate, 2, record.String("z"))))
		if got := fmt.Sprint(d.rows(t, "SELECT id, text FROM a")); got != "[[2 z]]" {
			t.Fatal(got)
		}
		if d.name == "postgres" {
			d.exec(t, "ALTER TABLE a ALTER COLUMN id TYPE numeric")
			sinktest.Write(t, sink, sinktest.Batch("a", 3, sinktest.Upsert(record.OpUpdate, 3, record.String("n"))))
		}
	})
}
