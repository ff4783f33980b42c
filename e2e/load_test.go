package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/internal/harness"
)

// loadTables are the tables that the load changes: single and composite keys, a TOASTed column, numbers and times. Keys change where no
// column is TOASTed: the new row then lacks columns that only the target's old row has, and when a crash makes a chain of such
// changes come again, no sink that delivers at least once can always tell which row had them (sink/sql/README.md).
const loadTables = `
create table item (id bigint primary key, name text not null, amount numeric(20,4), big text, at timestamptz not null);
alter table item alter column big set storage external;
create table entry (a int, b text, v double precision, primary key (a, b));`

// loadQueries give the whole content of a table, for comparison row by row.
var loadQueries = map[string]string{
	"item":  "select id, name, amount, md5(big), extract(epoch from at) from item order by id",
	"entry": "select a, b, v from entry order by a, b",
}

// load changes loadTables in random transactions until ctx ends. It survives the server's restarts: a transaction whose end it did not
// see may have happened or not, which does not matter, since source and target are compared.
func load(ctx context.Context, t testing.TB, url string, rng *rand.Rand) {
	var conn *pgx.Conn
	for ctx.Err() == nil {
		if conn == nil {
			var err error
			if conn, err = pgx.Connect(ctx, url); err != nil {
				conn = nil
				time.Sleep(50 * time.Millisecond)
				continue
			}
		}
		if err := loadTransaction(ctx, conn, rng); err != nil && conn.IsClosed() {
			conn = nil
		} else if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "duplicate key") && !conn.IsClosed() {
			t.Logf("load: %v", err)
		}
	}
	if conn != nil {
		conn.Close(context.Background())
	}
}

func loadTransaction(ctx context.Context, conn *pgx.Conn, rng *rand.Rand) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	for range 1 + rng.IntN(1+rng.IntN(40)) {
		if _, err := tx.Exec(ctx, statement(rng)); err != nil {
			return err
		}
	}
	if rng.IntN(20) == 0 {
		return tx.Rollback(ctx)
	}
	return tx.Commit(ctx)
}

func statement(rng *rand.Rand) string {
	id, other := rng.IntN(3000), rng.IntN(3000)
	switch rng.IntN(10) {
	case 0, 1, 2:
		return fmt.Sprintf(`insert into item values (%d, 'item %d', %d.%04d, repeat('%x', %d), now()) on conflict (id) do update set name = excluded.name, amount = excluded.amount, at = excluded.at`,
			id, other, other, id%10000, id, rng.IntN(2000))
	case 3, 4:
		return fmt.Sprintf(`update item set name = 'changed %d' where id between %d and %d`, other, id, id+3)
	case 5:
		return fmt.Sprintf(`delete from item where id = %d`, id)
	case 6: // a key change; not of an item, see loadTables
		return fmt.Sprintf(`update entry set a = %d, b = 'm%d' where a = %d and b = 'b%d' and not exists (select from entry where a = %d and b = 'm%d')`,
			other%100, id%30, id%100, other%30, other%100, id%30)
	case 7:
		return fmt.Sprintf(`delete from entry where a = %d`, id%100)
	default:
		return fmt.Sprintf(`insert into entry values (%d, 'b%d', %d / 7.0::float8) on conflict (a, b) do update set v = excluded.v`, id%100, other%30, other)
	}
}

// pair registers a source for src and a sink into dst, both upserting by the records' key.
func pair(t testing.TB, s *scenario) {
	t.Helper()
	server := s.src.Server
	s.put(t, s.id+"-src", map[string]string{
		"connector.class":   "io.debezium.connector.postgresql.PostgresConnector",
		"database.hostname": server.Host, "database.port": fmt.Sprint(server.Port), "database.user": server.User, "database.password": server.Password,
		"database.dbname": s.src.Name, "topic.prefix": s.id, "plugin.name": "pgoutput", "slot.name": s.id, "publication.name": s.id,
		"publication.autocreate.mode": "filtered", "table.include.list": "public.item,public.entry", "poll.interval.ms": "50",
	})
	s.put(t, s.id+"-sink", map[string]string{
		"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "topics": s.id + ".public.item," + s.id + ".public.entry",
		"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/%s", s.dst.Server.Host, s.dst.Server.Port, s.dst.Name), "connection.username": s.dst.Server.User,
		"connection.password": s.dst.Server.Password, "insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key",
		"schema.evolution": "basic", "collection.name.format": "${source.table}", "consumer.override.auto.offset.reset": "earliest",
		"consumer.override.session.timeout.ms": "6000", // how long a real broker waits for a member that was killed
	})
}

// equalInTheEnd waits until both databases hold the same rows.
func equalInTheEnd(t testing.TB, s *scenario, patience time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer func() {
		if t.Failed() {
			_, status, err := s.request(http.MethodGet, "/connectors?expand=status", nil)
			t.Logf("status: %s %v", status, err)
		}
	}()
	for table, q := range loadQueries {
		want, err := query(ctx, s.src.URL, q)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(want, "\n") < 10 {
			t.Fatalf("the load left %d rows in %s: it tests nothing", strings.Count(want, "\n"), table)
		}
		var last error // what the last whole comparison said
		if err := harness.WaitFor(ctx, table+" to be equal in both databases", func() error {
			got, err := query(ctx, s.dst.URL, q)
			if ctx.Err() != nil && last != nil {
				return last
			}
			if last = err; err == nil {
				last = firstDifference(want, got)
			}
			return last
		}); err != nil {
			t.Error(err)
		}
	}
}

func firstDifference(want, got string) error {
	if want == got {
		return nil
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Errorf("%d rows in the source, %d in the target; first difference:\nsource %s\ntarget %s", len(w)-1, len(g)-1, w[i], g[i])
		}
	}
	return fmt.Errorf("%d rows in the source, %d in the target", len(w)-1, len(g)-1)
}
