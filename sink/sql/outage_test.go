package sql

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leat/connector"
	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
	"leat/record"
	"leat/sink/sinktest"
)

var upserts = []string{"insert.mode", "upsert", "primary.key.mode", "record_key", "schema.evolution", "basic", "delete.enabled", "true",
	"flush.max.retries", "0", "flush.retry.delay.ms", "20"}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(sinktest.Wait); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func TestLastRowBeforeSilenceArrivesAfterAnOutage(t *testing.T) {
	pg := harnesstest.Postgres(t, harness.PostgresOptions{NoFsync: true})
	props := map[string]string{"connection.url": fmt.Sprintf("jdbc:postgresql://%s:%d/postgres", pg.Host, pg.Port), "connection.username": pg.User, "connection.password": pg.Password}
	for i := 0; i < len(upserts); i += 2 {
		props[upserts[i]] = upserts[i+1]
	}
	sink := sinktest.Open(t, DebeziumPlugin, props)
	sinktest.Write(t, sink, sinktest.Batch("idle", 0, sinktest.Upsert(record.OpCreate, 1, record.String("before"))))
	if err := pg.Down(t.Context(), harness.Immediate); err != nil {
		t.Fatal(err)
	}
	if err := sinktest.Put(t, sink, sinktest.Batch("idle", 1, sinktest.Upsert(record.OpCreate, 2, record.String("during")))); err != nil {
		t.Fatal(err)
	}
	durable := func() (record.Offset, error) {
		offsets, err := sink.Durable(sinktest.Context(t), false)
		return offsets[record.Partition{Topic: "idle"}], err
	}
	eventually(t, "the failure is told without a flush", func() bool {
		at, err := durable()
		if at != 1 {
			t.Fatalf("durable up to %d", at)
		}
		return connector.ClassOf(err) == connector.Retriable && err != nil
	})
	if err := pg.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the row is there", func() bool { at, _ := durable(); return at == 2 })
}

func TestFatalFailureOfTheLastBufferIsTold(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		d.exec(t, "CREATE TABLE narrow (id bigint PRIMARY KEY)")
		sink := sinktest.Open(t, DebeziumPlugin, d.props("insert.mode", "upsert", "primary.key.mode", "record_key"))
		if err := sinktest.Put(t, sink, sinktest.Batch("narrow", 0, sinktest.Upsert(record.OpCreate, 1, record.String("v")))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the failure is told", func() bool {
			_, err := sink.Durable(sinktest.Context(t), false)
			return err != nil && connector.ClassOf(err) == connector.Fatal
		})
	})
}

func TestHungWriteOfLostPartitionsIsCancelled(t *testing.T) {
	d := postgresDB(t)
	sink := sinktest.Open(t, DebeziumPlugin, d.props(upserts...)).(*sink)
	sinktest.Write(t, sink, sinktest.Batch("hung", 0, sinktest.Upsert(record.OpCreate, 1, record.String("v0"))))
	release := d.block(t, "hung")
	if err := sinktest.Put(t, sink, sinktest.Batch("hung", 1, sinktest.Upsert(record.OpUpdate, 1, record.String("v1")))); err != nil {
		t.Fatal(err)
	}
	waitForLock(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := sink.Assign(ctx, nil, []record.Partition{{Topic: "hung"}}); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE hung SET text = 'v2' WHERE id = 1`) // as the next owner does
	release()
	sinktest.Write(t, sink, sinktest.Batch("other", 0, sinktest.Upsert(record.OpCreate, 1, record.String("goes on"))))
	if got := fmt.Sprint(d.rows(t, "SELECT id, text FROM hung")); got != "[[1 v2]]" {
		t.Fatal(got)
	}
}

func TestFailedWriteOfLostPartitionsIsNotTriedAgain(t *testing.T) {
	d := postgresDB(t)
	sink := sinktest.Open(t, DebeziumPlugin, d.props(upserts...)).(*sink)
	sinktest.Write(t, sink, sinktest.Batch("late", 0, sinktest.Upsert(record.OpCreate, 1, record.String("v0"))))
	release := d.block(t, "late")
	if err := sinktest.Put(t, sink, sinktest.Batch("late", 1, sinktest.Upsert(record.OpUpdate, 1, record.String("v1")))); err != nil {
		t.Fatal(err)
	}
	pid := waitForLock(t)
	if _, err := connect(t, harnesstest.SharedPostgres(t).URL).Exec(t.Context(), "SELECT pg_terminate_backend($1)", pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the write failed", func() bool { sink.mu.Lock(); defer sink.mu.Unlock(); return sink.failure != nil })
	if err := sink.Assign(sinktest.Context(t), nil, []record.Partition{{Topic: "late"}}); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `UPDATE late SET text = 'v2' WHERE id = 1`)
	release()
	sinktest.Write(t, sink, sinktest.Batch("other2", 0, sinktest.Upsert(record.OpCreate, 1, record.String("goes on"))))
	if got := fmt.Sprint(d.rows(t, "SELECT id, text FROM late WHERE id = 1")); got != "[[1 v2]]" {
		t.Fatal(got)
	}
}

// waitForLock waits until a statement of the sink waits for a lock, and gives its server process.
func waitForLock(t *testing.T) (pid int) {
	t.Helper()
	conn := connect(t, harnesstest.SharedPostgres(t).URL)
	eventually(t, "the write waits for the lock", func() bool {
		return conn.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = 'leat' AND wait_event_type = 'Lock'`).Scan(&pid) == nil
	})
	return pid
}
