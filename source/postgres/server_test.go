package postgres

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/config"
	"leat/connector"
	"leat/internal/harness"
	"leat/record"
)

// server is the PostgreSQL that the tests of this package share.
var server = sync.OnceValues(func() (*harness.Postgres, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return harness.StartPostgres(ctx, harness.PostgresOptions{Version: os.Getenv("LEAT_TEST_POSTGRES"), NoFsync: true})
})

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("LEAT_TEST_SERVER_USED") != "" {
		if pg, err := server(); err == nil {
			_ = pg.Stop()
		}
	}
	os.Exit(code)
}

// database is a database of one test.
type database struct {
	t     testing.TB
	name  string
	conn  *pgx.Conn
	props map[string]string
}

// newDatabase makes a database and runs SQL files of testdata in it.
func newDatabase(t testing.TB, files ...string) *database {
	t.Helper()
	pg, err := server()
	if err != nil {
		if os.Getenv("LEAT_TEST_REQUIRE") == "" {
			t.Skip("no PostgreSQL: ", err)
		}
		t.Fatal(err)
	}
	os.Setenv("LEAT_TEST_SERVER_USED", "1")
	d := databaseOn(t, pg)
	for _, f := range files {
		d.file(f)
	}
	return d
}

// databaseOn makes a database on a server of the test's own.
func databaseOn(t testing.TB, pg *harness.Postgres) *database {
	t.Helper()
	ctx := context.Background()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	dsn, err := pg.CreateDatabase(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.DropDatabase(context.Background(), name) })
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	u, _ := url.Parse(dsn)
	password, _ := u.User.Password()
	return &database{t: t, name: name, conn: conn, props: map[string]string{
		"database.hostname": u.Hostname(), "database.port": u.Port(), "database.user": u.User.Username(), "database.password": password,
		"database.dbname": name, "topic.prefix": "s1", "slot.name": name, "publication.name": name, "publication.autocreate.mode": "filtered",
		"database.sslmode": "disable", "snapshot.max.threads": "1", "status.update.interval.ms": "500",
	}}
}

// file runs a file statement by statement, each its own transaction unless the file says otherwise.
func (d *database) file(name string) {
	d.t.Helper()
	sql, err := os.ReadFile("testdata/" + name)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, s := range strings.Split(string(sql), ";\n") {
		if s = stripComment(s); s != "" {
			d.exec(s)
		}
	}
}

func stripComment(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if at := strings.Index(l, "--"); at >= 0 {
			lines[i] = l[:at]
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func (d *database) exec(sql string) {
	d.t.Helper()
	if err := d.conn.PgConn().Exec(context.Background(), sql).Close(); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

func (d *database) value(sql string) string {
	d.t.Helper()
	var v string
	if err := d.conn.QueryRow(context.Background(), sql).Scan(&v); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// with adds properties.
func (d *database) with(kv ...string) map[string]string {
	props := map[string]string{}
	for k, v := range d.props {
		props[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		props[kv[i]] = kv[i+1]
	}
	return props
}

// parse makes a config of properties.
func parse(t testing.TB, props map[string]string) *Config {
	t.Helper()
	prepared, _ := prepare(props)
	cfg := config.New(Config{}).(*Config)
	if problems := config.Parse(prepared, cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg
}

// run is a source with the offset that its last batch gave.
type run struct {
	t      testing.TB
	src    connector.Source
	offset record.Value
}

// open starts a source from an offset; Null for none.
func (d *database) open(offset record.Value, props map[string]string) *run {
	d.t.Helper()
	r := &run{t: d.t, offset: offset}
	src, err := Plugin.NewSource(context.Background(), parse(d.t, props), connector.Task{
		Connector: "test", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Props: props,
		StoredOffset: func(context.Context, record.Value) (record.Value, error) { return offset, nil },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	r.src = src
	return r
}

func (r *run) close() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.src.Close(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// batch reads one batch, waiting out what passes.
func (r *run) batch() record.Batch {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		b, err := r.src.Read(ctx)
		cancel()
		if err == nil {
			r.offset = b.Offsets[0].Offset
			return b
		}
		if connector.ClassOf(err) != connector.Retriable || time.Now().After(deadline) {
			r.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// records reads until there are at least n records.
func (r *run) records(n int) []record.Record {
	r.t.Helper()
	var out []record.Record
	for len(out) < n {
		b := r.batch()
		out = append(out, b.Records...)
		if err := r.src.Acked(context.Background(), b.Offsets); err != nil {
			r.t.Fatal(err)
		}
	}
	return out
}

// snapshot reads until the snapshot is complete.
func (r *run) snapshot() []record.Record {
	r.t.Helper()
	var out []record.Record
	for {
		b := r.batch()
		out = append(out, b.Records...)
		if p, _ := parsePosition(r.offset); p.completed {
			return out
		}
	}
}

// until reads until stop is true of a record, which is the last one given.
func (r *run) until(stop func(record.Record) bool) []record.Record {
	r.t.Helper()
	var out []record.Record
	for {
		for _, rec := range r.batch().Records {
			out = append(out, rec)
			if stop(rec) {
				return out
			}
		}
	}
}
