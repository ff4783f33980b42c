package sql

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"leat/internal/harness/harnesstest"
	"leat/sink/sinktest"
)

func TestMain(m *testing.M) { harnesstest.Main(m) }

var discard = slog.New(slog.DiscardHandler)

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// db is a target of a test.
type db struct {
	name string
	url  string
	user string
	pass string
	exec func(t testing.TB, stmt string)
	rows func(t testing.TB, query string) [][]any
	cut  func(t testing.TB)
	// block makes writes of a table wait until release.
	block func(t testing.TB, table string) (release func())
}

func (d *db) props(more ...string) map[string]string {
	p := map[string]string{"connection.url": d.url, "connection.username": d.user, "connection.password": d.pass}
	for i := 0; i+1 < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

func postgresDB(t testing.TB) *db {
	t.Helper()
	pg := harnesstest.SharedPostgres(t)
	conn := connect(t, pg.URL)
	cfg := conn.Config()
	d := &db{name: "postgres", url: fmt.Sprintf("jdbc:postgresql://%s:%d/%s", cfg.Host, cfg.Port, cfg.Database), user: cfg.User, pass: cfg.Password}
	d.exec = func(t testing.TB, stmt string) {
		t.Helper()
		if _, err := conn.Exec(context.Background(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	d.rows = func(t testing.TB, query string) [][]any {
		t.Helper()
		rows, err := conn.Query(context.Background(), query, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			t.Fatal(err)
		}
		out, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	d.cut = func(t testing.TB) {
		d.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'leat'")
	}
	d.block = func(t testing.TB, table string) func() {
		d.exec(t, fmt.Sprintf(`BEGIN; LOCK TABLE "%s" IN ACCESS EXCLUSIVE MODE`, table))
		return func() { d.exec(t, "COMMIT") }
	}
	return d
}

func sqliteDB(t testing.TB) *db {
	t.Helper()
	path := filepath.Join(t.TempDir(), "target.db")
	conn, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d := &db{name: "sqlite", url: "jdbc:sqlite:" + path, user: "nobody"}
	d.exec = func(t testing.TB, stmt string) {
		t.Helper()
		if _, err := conn.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	d.rows = func(t testing.TB, query string) [][]any {
		t.Helper()
		rows, err := conn.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		cols, _ := rows.Columns()
		var out [][]any
		for rows.Next() {
			values := make([]any, len(cols))
			to := make([]any, len(cols))
			for i := range to {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			out = append(out, values)
		}
		return out
	}
	d.block = func(t testing.TB, _ string) func() {
		locked, err := conn.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := locked.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		return func() {
			if _, err := locked.ExecContext(context.Background(), "ROLLBACK"); err != nil {
				t.Error(err)
			}
			locked.Close()
		}
	}
	return d
}

// each runs a test on every database.
func each(t *testing.T, f func(t *testing.T, d *db)) {
	t.Run("postgres", func(t *testing.T) { f(t, postgresDB(t)) })
	t.Run("sqlite", func(t *testing.T) { f(t, sqliteDB(t)) })
}

func TestContract(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		sinktest.Run(t, sinktest.Target{
			Plugin: DebeziumPlugin,
			Props: d.props("insert.mode", "upsert", "primary.key.mode", "record_key", "delete.enabled", "true", "schema.evolution", "basic",
				"flush.retry.delay.ms", "20", "flush.max.retries", "1"),
			Read: func(t testing.TB, topic string) (out []sinktest.Row) {
				for _, r := range d.rows(t, fmt.Sprintf(`SELECT id, text FROM "%s" ORDER BY id`, topic)) {
					row := sinktest.Row{ID: r[0].(int64)}
					if s, ok := r[1].(string); ok {
						row.Text = &s
					}
					out = append(out, row)
				}
				return out
			},
			Cut: d.cut,
			Refuse: func(t testing.TB, topic string, id int64) {
				if d.name == "postgres" {
					d.exec(t, fmt.Sprintf(`ALTER TABLE "%s" ADD CHECK (id <> %d)`, topic, id))
					return
				}
				d.exec(t, fmt.Sprintf(`CREATE TRIGGER "%[1]s_%[2]d" BEFORE INSERT ON "%[1]s" WHEN NEW.id = %[2]d BEGIN SELECT RAISE(ABORT, 'refused'); END`, topic, id))
			},
			Block: d.block,
		})
	})
}
