package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
	"leat/source/sourcetest"
)

func TestSourceContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) *sourcetest.Database {
		d := newDatabase(t)
		d.exec("CREATE TABLE rows (id bigint PRIMARY KEY, v text); CREATE TABLE other (id int)")
		admin, err := pgx.Connect(context.Background(), d.conn.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = admin.Close(context.Background()) })
		return &sourcetest.Database{
			Open: func(offset record.Value) connector.Source {
				return d.open(offset, d.with("table.include.list", "public.rows", "snapshot.max.threads", "2", "max.batch.size", "700")).src
			},
			ID: func(r *record.Record) (int64, bool) {
				if r.Topic != "s1.public.rows" || r.Value.IsNull() {
					return 0, false
				}
				return r.Value.Field(capture.FieldAfter).Field(0).Int(), true
			},
			Insert: func(from, to int64, one bool) {
				if one {
					d.exec(fmt.Sprintf("INSERT INTO rows SELECT i, 'value ' || i FROM generate_series(%d, %d) i", from, to-1))
					return
				}
				for i := from; i < to; i++ {
					d.exec(fmt.Sprintf("INSERT INTO rows VALUES (%d, 'value')", i))
				}
			},
			Empty: func() { d.exec("INSERT INTO other VALUES (1)") },
			Cut: func() {
				if _, err := admin.Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'leat %' AND datname = current_database()"); err != nil {
					t.Fatal(err)
				}
			},
			Confirmed: func(offset record.Value) bool {
				p, _ := parsePosition(offset)
				var lsn string
				if err := admin.QueryRow(context.Background(), "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = $1", d.name).Scan(&lsn); err != nil {
					t.Fatal(err)
				}
				got, err := parseLSN(lsn)
				if err != nil {
					t.Fatal(err)
				}
				return got > p.start()
			},
		}
	})
}
