package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// measureStream reads a backlog of transactions of size rows to the log, beside pg_recvlogical. Every run has a slot of its own; all were
// made before the backlog was, so each reads the same.
func measureStream(ctx context.Context, b *bench, size int) (err error) {
	workers, err := b.workers(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(workers)) }()
	log := backlog{table: fmt.Sprintf("stream%d", size), size: size}
	if err := log.open(ctx, b, b.runs*(1+len(workers))); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close(context.WithoutCancel(ctx), b)) }()
	rate := b.report.figure("pg_recvlogical, rows/s", 0)
	cpu := b.report.figure("pg_recvlogical, CPU s per million", 2)
	for range b.runs {
		wall, used, err := b.receive(ctx, &log)
		if err != nil {
			return err
		}
		rate.add(perSecond(b.rows, wall))
		cpu.add(used.Seconds() * 1e6 / float64(b.rows))
		for _, w := range workers {
			if err := b.streamRun(ctx, w, &log, rate, cpu); err != nil {
				return err
			}
		}
	}
	return nil
}

// backlog is a table whose changes wait in slots.
type backlog struct {
	table string
	size  int // rows of a transaction
	slots []string
	end   string // the position after the last change
}

// publication of the backlog's table.
func (l *backlog) publication() string { return l.table + "_changes" }

func (l *backlog) open(ctx context.Context, b *bench, slots int) error {
	if err := b.script(ctx, wideSQL, map[string]string{"table": l.table, "rows": "0", "change": "0"}); err != nil {
		return err
	}
	if err := b.script(ctx, "create publication "+l.publication()+" for table "+l.table, nil); err != nil {
		return err
	}
	for range slots {
		slot := b.unique("stream")
		if _, err := b.source.Exec(ctx, "select pg_create_logical_replication_slot($1, 'pgoutput')", slot); err != nil {
			return err
		}
		l.slots = append(l.slots, slot)
	}
	progress("writing a backlog of %d rows, %d a transaction", b.rows, l.size)
	if err := b.script(ctx, "set synchronous_commit = off", nil); err != nil {
		return err
	}
	values := map[string]string{"table": l.table, "rows": strconv.Itoa(b.rows / 2), "size": strconv.Itoa(l.size)}
	if err := b.script(ctx, backlogSQL, values); err != nil {
		return err
	}
	if err := b.script(ctx, "reset synchronous_commit", nil); err != nil {
		return err
	}
	if err := b.script(ctx, "checkpoint", nil); err != nil {
		return err
	}
	return b.source.QueryRow(ctx, "select pg_current_wal_insert_lsn()::text").Scan(&l.end)
}

// take gives a slot that was not read yet.
func (l *backlog) take() string {
	slot := l.slots[0]
	l.slots = l.slots[1:]
	return slot
}

func (l *backlog) close(ctx context.Context, b *bench) error {
	var errs []error
	for _, slot := range l.slots {
		errs = append(errs, b.dropSlot(ctx, slot))
	}
	errs = append(errs, b.script(ctx, "drop publication "+l.publication()+"; drop table "+l.table, nil))
	return errors.Join(errs...)
}

// receive reads the backlog with pg_recvlogical into a discarded file.
func (b *bench) receive(ctx context.Context, l *backlog) (wall, cpu time.Duration, err error) {
	progress("pg_recvlogical")
	slot := l.take()
	start := time.Now()
	c, err := startChild(filepath.Join(b.dir, "pg_recvlogical.log"), nil, filepath.Join(b.pg.BinDir(), "pg_recvlogical"),
		"-d", b.pg.URL(sourceDB), "--slot", slot, "--start", "-f", os.DevNull, "--endpos", l.end, "--no-loop",
		"-o", "proto_version=1", "-o", "publication_names="+l.publication())
	if err != nil {
		return 0, 0, err
	}
	if err := c.wait(ctx); err != nil {
		return 0, 0, err
	}
	wall = time.Since(start)
	state := c.cmd.ProcessState
	return wall, state.UserTime() + state.SystemTime(), b.dropSlot(ctx, slot)
}

func (b *bench) streamRun(ctx context.Context, w *worker, l *backlog, rate, cpu *figure) error {
	slot := l.take()
	topic := topicOf(slot, l.table)
	config := b.sourceConfig(w, slot, l.table, settings{
		"publication.name": l.publication(), "publication.autocreate.mode": "disabled", "snapshot.mode": "no_data",
	})
	f, err := b.runSource(ctx, w, slot, topic, config, b.rows)
	if err != nil {
		return err
	}
	whole := b.addRates(w, f, b.rows, rate)
	used := b.addUsage("", w, f.usage, b.rows).beside(cpu)
	switch {
	case w.peer:
	case l.size == 1:
		whole.aim(atLeast, 0.9, true)
		used.aim(atMost, 1.5, true)
	default:
		whole.aim(atLeast, 0.6, true)
		used.beside(nil).aim(atMost, 3, false)
	}
	return b.remove(ctx, w, slot, topic)
}
