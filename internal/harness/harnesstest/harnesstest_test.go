package harnesstest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { Main(m) }

func TestSharedPostgresGivesEachTestAnEmptyDatabase(t *testing.T) {
	var pids []int
	var last *Database
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			db := SharedPostgres(t)
			pids, last = append(pids, db.Server.PID()), db
			conn, err := pgx.Connect(t.Context(), db.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			for _, sql := range []string{"CREATE TABLE t ()", "SELECT pg_create_logical_replication_slot('s', 'pgoutput')"} {
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
		})
	}
	if last == nil {
		t.Skip("no PostgreSQL")
	}
	if pids[0] != pids[1] {
		t.Errorf("not one server: %v", pids)
	}
	if _, err := pgx.Connect(t.Context(), last.URL); err == nil {
		t.Error("the database is still there after its test")
	}
}

func TestSeedIsTakenFromTheEnvironment(t *testing.T) {
	t.Setenv("LEAT_SEED", "17")
	if got := Seed(t); got != 17 {
		t.Errorf("got %d", got)
	}
	if a, b := Rand(t).Uint64(), Rand(t).Uint64(); a != b {
		t.Errorf("one seed gave %d and %d", a, b)
	}
}
