package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"leat/internal/harness"
)

const (
	maxIdle      = 60 // MiB resident
	idleSettle   = 3 * time.Second
	bigRowBytes  = 8 * mib
	bigRowLimits = 20 * mib // of a record and a batch
)

// measureMemory gives leat's most resident bytes under several loads, each on a worker of its own.
func measureMemory(ctx context.Context, b *bench) error {
	if err := b.wide(ctx, "wide", b.rows, 0); err != nil {
		return err
	}
	for _, load := range []func(context.Context, *worker) error{b.everythingLoad, b.transactionLoad, b.bigRowsLoad} {
		if err := b.memoryRun(ctx, load); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) memoryRun(ctx context.Context, load func(context.Context, *worker) error) (err error) {
	w, err := b.leatWorker(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(idleSettle):
	}
	idle, err := harness.ProcStats(w.pid)
	if err != nil {
		return err
	}
	b.report.figure("idle, resident MiB", 0).add(float64(idle.RSS)/mib).aim(atMost, maxIdle, false)
	if err := harness.ResetPeak(w.pid); err != nil {
		return err
	}
	return load(ctx, w)
}

// peak notes the most that leat had resident during what was just done, and begins anew.
func (b *bench) peak(w *worker, during string) error {
	s, err := harness.ProcStats(w.pid)
	if err != nil {
		return err
	}
	b.report.figure(during+", peak resident MiB", 0).add(float64(s.PeakRSS)/mib).aim(atMost, maxResident, false)
	return harness.ResetPeak(w.pid)
}

// everythingLoad: a source reads a table and streams changes of all its rows, while a sink delivers them.
func (b *bench) everythingLoad(ctx context.Context, w *worker) error {
	table := b.unique("whole")
	if err := b.wide(ctx, table, b.rows, 0); err != nil {
		return err
	}
	topic := topicOf(table, table)
	if _, err := b.runSource(ctx, w, table, topic, b.sourceConfig(w, table, table, withSchemas), b.rows); err != nil {
		return err
	}
	sink := b.unique("sink")
	if _, _, err := w.rest.Configure(ctx, sink, b.sinkConfig(w, topic, table)); err != nil {
		return err
	}
	for from := 0; from < b.rows; from += 1000 {
		if _, err := b.source.Exec(ctx, "update "+table+" set qty = qty + 1 where id > $1 and id <= $2", from, from+1000); err != nil {
			return err
		}
	}
	if err := w.waitRecords(ctx, table, topic, 2*b.rows); err != nil {
		return err
	}
	if err := b.delivered(ctx, w, sink, "select 1 from "+table+" where id = "+strconv.Itoa(b.rows)+" and qty = "+strconv.Itoa(b.rows%100+1)); err != nil {
		return err
	}
	return b.peak(w, "snapshot, then stream and sink at once")
}

// transactionLoad: one transaction of very many rows.
func (b *bench) transactionLoad(ctx context.Context, w *worker) error {
	table := b.unique("transaction")
	if err := b.wide(ctx, table, 1, 0); err != nil {
		return err
	}
	topic := topicOf(table, table)
	if _, err := b.runSource(ctx, w, table, topic, b.sourceConfig(w, table, table, nil), 1); err != nil {
		return err
	}
	columns := "customer_id, name, email, amount, qty, score, active, created, note"
	insert := fmt.Sprintf("insert into %s (id, %s) select n, %s from %s, generate_series(2, %d) n", table, columns, columns, table, b.txRows+1)
	start := time.Now()
	if _, err := b.source.Exec(ctx, insert); err != nil {
		return err
	}
	progress("the transaction was written in %s", time.Since(start).Round(time.Second))
	if err := w.waitRecords(ctx, table, topic, b.txRows+1); err != nil {
		return err
	}
	if err := b.peak(w, fmt.Sprintf("one transaction of %s rows", number(float64(b.txRows), 0))); err != nil {
		return err
	}
	if err := b.remove(ctx, w, table, topic); err != nil {
		return err
	}
	return b.script(ctx, "drop table "+table, nil)
}

// bigRowsLoad: rows far larger than any buffer would like, half of them in the snapshot and half streamed.
func (b *bench) bigRowsLoad(ctx context.Context, w *worker) error {
	table := b.unique("big")
	half := max(b.bigRows/2, 1)
	insert := fmt.Sprintf("insert into %s select n, repeat(md5(n::text), %d) from generate_series($1::int, $2::int) n", table, bigRowBytes/32)
	if err := b.script(ctx, "create table "+table+" (id bigint primary key, body text)", nil); err != nil {
		return err
	}
	if _, err := b.source.Exec(ctx, insert, 1, half); err != nil {
		return err
	}
	topic := topicOf(table, table)
	limit := strconv.Itoa(bigRowLimits)
	config := b.sourceConfig(w, table, table, withSchemas)
	maps.Copy(config, settings{
		"producer.override.compression.type": "none", "producer.override.max.request.size": limit,
		"topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "1", "topic.creation.default.max.message.bytes": limit,
	})
	if _, err := b.runSource(ctx, w, table, topic, config, half); err != nil {
		return err
	}
	if err := b.peak(w, fmt.Sprintf("snapshot of %d rows of 8 MiB", half)); err != nil {
		return err
	}
	for id := half + 1; id <= 2*half; id++ {
		if _, err := b.source.Exec(ctx, insert, id, id); err != nil {
			return err
		}
	}
	if err := w.waitRecords(ctx, table, topic, 2*half); err != nil {
		return err
	}
	if err := b.peak(w, fmt.Sprintf("stream of %d rows of 8 MiB", half)); err != nil {
		return err
	}
	sink := b.unique("sink")
	if _, _, err := w.rest.Configure(ctx, sink, b.sinkConfig(w, topic, table)); err != nil {
		return err
	}
	query := fmt.Sprintf("select 1 from %s having count(*) = %d and min(length(body)) = %d", table, 2*half, bigRowBytes)
	if err := b.delivered(ctx, w, sink, query); err != nil {
		return err
	}
	return b.peak(w, fmt.Sprintf("sink of %d rows of 8 MiB", 2*half))
}

// waitRecords waits until a topic that a source fills has so many records.
func (w *worker) waitRecords(ctx context.Context, source, topic string, rows int) error {
	return w.waiting(ctx, "topic "+topic, source, func() error {
		end, err := w.end(ctx, topic)
		if err == nil && end < int64(rows) {
			err = fmt.Errorf("%d of %d records", end, rows)
		}
		return err
	})
}

// delivered waits until a query of the target gives a row.
func (b *bench) delivered(ctx context.Context, w *worker, sink, query string) error {
	return w.waiting(ctx, "the rows of "+sink, sink, func() error {
		time.Sleep(100 * time.Millisecond) // the query may be a heavy one
		var one int
		return b.target.QueryRow(ctx, query).Scan(&one)
	})
}
