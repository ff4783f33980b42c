package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// measureSnapshot reads a table to the log, beside COPY of it into a discarded file.
func measureSnapshot(ctx context.Context, b *bench) (err error) {
	if err := b.wide(ctx, "wide", b.rows, 0); err != nil {
		return err
	}
	workers, err := b.workers(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(workers)) }()
	limit := b.report.figure("COPY (FORMAT binary) TO STDOUT, rows/s", 0)
	for range b.runs {
		took, err := copyOut(ctx, b.source, "wide", os.DevNull)
		if err != nil {
			return err
		}
		limit.add(perSecond(b.rows, took))
		for _, w := range workers {
			if err := b.snapshotRun(ctx, w, limit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) snapshotRun(ctx context.Context, w *worker, limit *figure) error {
	name := b.unique("snapshot")
	topic := topicOf(name, "wide")
	f, err := b.runSource(ctx, w, name, topic, b.sourceConfig(w, name, "wide", nil), b.rows)
	if err != nil {
		return err
	}
	rate := b.addRates(w, f, b.rows, limit)
	cpu := b.addUsage("", w, f.usage, b.rows)
	if !w.peer {
		rate.aim(atLeast, 0.4, true)
		cpu.aim(atMost, 3, false)
	}
	return b.remove(ctx, w, name, topic)
}

// copyOut times COPY of a table, binary, into a file.
func copyOut(ctx context.Context, conn *pgx.Conn, table, path string) (time.Duration, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	start := time.Now()
	_, err = conn.PgConn().CopyTo(ctx, file, "copy (select * from "+table+") to stdout (format binary)")
	return time.Since(start), err
}
