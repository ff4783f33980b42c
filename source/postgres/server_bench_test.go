package postgres

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leat/record"
)

const benchRows = 200_000

const benchTable = `CREATE TABLE bench (id bigint PRIMARY KEY, customer_id int NOT NULL, name varchar(64) NOT NULL, email varchar(64) NOT NULL, amount numeric(12,2) NOT NULL,
	qty int NOT NULL, score float8 NOT NULL, active bool NOT NULL, created timestamptz NOT NULL, note text)`

const benchSelect = `i, i % 50000, 'customer name ' || md5(i::text), 'user' || i || '@mail-' || (i % 97) || '.example.com', (i % 1000000)::numeric / 100, i % 100,
	i * 0.25, i % 2 = 0, timestamptz '2024-01-01' + i * interval '1 second', repeat('n', 60) || i`

func cpu(who int) time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, name string, rows int, wall, cpu time.Duration) {
	b.ReportMetric(float64(rows)/wall.Seconds(), name+"-rows/s")
	b.ReportMetric(cpu.Seconds()*1e6/float64(rows), name+"-cpu-s/Mrow")
}

// BenchmarkSnapshotServer reads a table's snapshot and discards it, and the same by COPY into nothing.
func BenchmarkSnapshotServer(b *testing.B) {
	d := newDatabase(b)
	d.exec(benchTable + "; INSERT INTO bench SELECT " + benchSelect + fmt.Sprintf(" FROM generate_series(1, %d) i; ANALYZE bench", benchRows))
	for b.Loop() {
		begin, used := time.Now(), cpu(syscall.RUSAGE_SELF)
		if _, err := d.conn.PgConn().CopyTo(context.Background(), io.Discard, "COPY bench TO STDOUT (FORMAT binary)"); err != nil {
			b.Fatal(err)
		}
		report(b, "copy", benchRows, time.Since(begin), cpu(syscall.RUSAGE_SELF)-used)
		r := d.open(record.Null, d.with("snapshot.mode", "initial_only", "snapshot.max.threads", "2"))
		begin, used = time.Now(), cpu(syscall.RUSAGE_SELF)
		rows := 0
		for p := (position{}); !p.completed; p, _ = parsePosition(r.offset) {
			rows += len(r.batch().Records)
		}
		report(b, "leat", rows, time.Since(begin), cpu(syscall.RUSAGE_SELF)-used)
		r.close()
	}
}

// BenchmarkBacklogServer reads a backlog of one-row transactions and discards it, and pg_recvlogical the same.
func BenchmarkBacklogServer(b *testing.B) {
	for name, sql := range map[string]string{
		"OneRowTransactions":      "DO $$ BEGIN FOR i IN 1..@ROWS LOOP INSERT INTO bench VALUES (" + benchSelect + "); COMMIT; END LOOP; END $$",
		"ThousandRowTransactions": "DO $$ BEGIN FOR k IN 0..@ROWS/1000-1 LOOP INSERT INTO bench SELECT " + benchSelect + " FROM generate_series(k*1000+1, k*1000+1000) i; COMMIT; END LOOP; END $$",
	} {
		b.Run(name, func(b *testing.B) { benchBacklog(b, strings.ReplaceAll(sql, "@ROWS", fmt.Sprint(benchRows))) })
	}
}

func benchBacklog(b *testing.B, fill string) {
	d := newDatabase(b)
	d.exec(benchTable)
	r := d.open(record.Null, d.with("snapshot.mode", "no_data"))
	d.exec("CREATE PUBLICATION " + d.name + " FOR TABLE bench")
	d.exec("SELECT pg_create_logical_replication_slot('" + d.name + "', 'pgoutput')")
	d.exec("SELECT pg_create_logical_replication_slot('" + d.name + "_peer', 'pgoutput')")
	b.Cleanup(func() { d.exec("SELECT pg_drop_replication_slot('" + d.name + "_peer')") })
	d.exec("SET synchronous_commit = off")
	d.exec(fill)
	end := d.value("SELECT pg_current_wal_insert_lsn()::text")
	for b.Loop() {
		begin, used := time.Now(), cpu(syscall.RUSAGE_CHILDREN)
		pg, err := server()
		if err != nil {
			b.Fatal(err)
		}
		peer := exec.Command(filepath.Join(pg.BinDir(), "pg_recvlogical"), "-d", d.conn.Config().ConnString(), "-S", d.name+"_peer", "--start", "-f", "/dev/null",
			"--endpos", end, "-o", "proto_version=1", "-o", "publication_names="+d.name)
		if out, err := peer.CombinedOutput(); err != nil {
			b.Skipf("pg_recvlogical: %v: %s", err, out)
		}
		report(b, "peer", benchRows, time.Since(begin), cpu(syscall.RUSAGE_CHILDREN)-used)
		begin, used = time.Now(), cpu(syscall.RUSAGE_SELF)
		rows := 0
		for rows < benchRows {
			rows += len(r.batch().Records)
		}
		report(b, "leat", rows, time.Since(begin), cpu(syscall.RUSAGE_SELF)-used)
	}
	r.close()
}
