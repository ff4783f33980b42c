package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// measureSink upserts a topic into PostgreSQL, then one with the same keys and other values, beside COPY of the same rows into a table
// like the one that the sink made.
func measureSink(ctx context.Context, b *bench) (err error) {
	for table, change := range map[string]int{"wide": 0, "wide_changed": 1} {
		if err := b.wide(ctx, table, b.rows, change); err != nil {
			return err
		}
	}
	workers, err := b.workers(ctx, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(workers)) }()
	for _, shape := range sinkShapes {
		for _, w := range workers {
			if w.peer && shape.leatOnly {
				continue
			}
			if err := b.sinkShape(ctx, w, shape); err != nil {
				return fmt.Errorf("%s: %w", shape.name, err)
			}
		}
	}
	return nil
}

// sinkShape is a form of records that sinks take.
type sinkShape struct {
	name     string
	source   settings // that make the topic
	leatOnly bool
}

var sinkShapes = []sinkShape{
	{"envelopes", withSchemas, false},
	{"flat", merged(withSchemas, settings{"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}), true},
}

func merged(a, more settings) settings {
	out := maps.Clone(a)
	maps.Copy(out, more)
	return out
}

// tunedSink are the settings with which Debezium's sink is fastest.
var tunedSink = settings{
	"batch.size": "5000", "consumer.override.max.poll.records": "5000", "consumer.override.fetch.min.bytes": "1048576",
	"consumer.override.fetch.max.wait.ms": "200", "consumer.override.max.partition.fetch.bytes": "20971520",
}

func (b *bench) sinkConfig(w *worker, topic, table string) settings {
	c := merged(withSchemas, settings{
		"connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "tasks.max": "1", "topics": topic,
		"connection.url":      fmt.Sprintf("jdbc:postgresql://%s:%d/%s?reWriteBatchedInserts=true", b.pg.Host, b.pg.Port, targetDB),
		"connection.username": b.pg.User, "connection.password": b.pg.Password,
		"insert.mode": "upsert", "delete.enabled": "true", "primary.key.mode": "record_key", "schema.evolution": "basic",
		"collection.name.format": table, "key.converter": jsonConverter, "value.converter": jsonConverter,
		"consumer.override.auto.offset.reset": "earliest",
	})
	if w.peer {
		maps.Copy(c, tunedSink)
	} else {
		maps.Copy(c, b.set)
	}
	return c
}

func (b *bench) sinkShape(ctx context.Context, w *worker, shape sinkShape) error {
	var topics []string
	for _, table := range []string{"wide", "wide_changed"} {
		name := b.unique("filled")
		topic := topicOf(name, table)
		if _, err := b.runSource(ctx, w, name, topic, b.sourceConfig(w, name, table, shape.source), b.rows); err != nil {
			return err
		}
		if err := b.remove(ctx, w, name); err != nil {
			return err
		}
		topics = append(topics, topic)
	}
	limit := b.report.figure("COPY FROM STDIN (FORMAT binary), new table with primary key, rows/s", 0)
	for range b.runs {
		table := b.unique("sunk")
		kind := shape.name + ": "
		fresh, err := b.sinkRun(ctx, w, kind+"new keys, ", topics[0], table, 0, limit)
		if err != nil {
			return err
		}
		changed, err := b.sinkRun(ctx, w, kind+"changed keys, ", topics[1], table, 1, limit)
		if err != nil {
			return err
		}
		if !w.peer {
			fresh.aim(atLeast, 0.5, true)
			changed.aim(atLeast, 1.0/3, true)
		}
		if err := b.copyIn(ctx, table, limit); err != nil {
			return err
		}
	}
	return w.deleteTopics(ctx, topics...)
}

// sinkRun delivers a topic and checks that the target holds what it should.
func (b *bench) sinkRun(ctx context.Context, w *worker, kind, topic, table string, change int, limit *figure) (*figure, error) {
	id, err := w.lastID(ctx, topic)
	if err != nil {
		return nil, err
	}
	if err := b.checkpoint(ctx); err != nil {
		return nil, err
	}
	name := b.unique("sink")
	progress("%s: %s%s", w.name, kind, name)
	stopProfile, err := b.profiling(ctx, w, b.report.name+"-"+name)
	if err != nil {
		return nil, err
	}
	defer stopProfile()
	m, err := b.begin(w)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if _, _, err := w.rest.Configure(ctx, name, b.sinkConfig(w, topic, table)); err != nil {
		return nil, err
	}
	// The topic has one partition, so when its last record is there, all are.
	err = w.waiting(ctx, "the last row in "+table, name, func() error {
		var qty int
		if err := b.target.QueryRow(ctx, "select qty from "+table+" where id = $1", id).Scan(&qty); err != nil {
			return err
		}
		if want := id%100 + change; qty != want {
			return fmt.Errorf("qty is %d, not %d", qty, want)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	u, err := m.end()
	if err != nil {
		return nil, err
	}
	if err := w.rest.Delete(ctx, name); err != nil {
		return nil, err
	}
	b.addUsage(kind, w, u, b.rows)
	rate := b.report.figure(kind+w.name+", rows/s", 0).add(perSecond(b.rows, took)).beside(limit)
	return rate, b.complete(ctx, table, change)
}

// lastID gives the id in the key of a topic's last record.
func (w *worker) lastID(ctx context.Context, topic string) (int, error) {
	r, err := w.last(ctx, topic)
	if err != nil {
		return 0, err
	}
	var key struct{ Payload struct{ ID int } }
	if err := json.Unmarshal(r.Key, &key); err != nil || key.Payload.ID == 0 {
		return 0, fmt.Errorf("topic %s: no id in the key %s: %v", topic, r.Key, err)
	}
	return key.Payload.ID, nil
}

// complete compares the target with what was sent.
func (b *bench) complete(ctx context.Context, table string, change int) error {
	var rows, sum, want int
	if err := b.target.QueryRow(ctx, "select count(*), coalesce(sum(qty), 0) from "+table).Scan(&rows, &sum); err != nil {
		return err
	}
	if err := b.source.QueryRow(ctx, "select sum(i % 100 + $2) from generate_series(1, $1) i", b.rows, change).Scan(&want); err != nil {
		return err
	}
	if rows != b.rows || sum != want {
		return fmt.Errorf("the target holds %d rows with sum %d, not %d with %d", rows, sum, b.rows, want)
	}
	return nil
}

// copyIn times COPY of what the sink's table holds into a new one like it, and drops both.
func (b *bench) copyIn(ctx context.Context, table string, limit *figure) error {
	path := filepath.Join(b.dir, table)
	defer os.Remove(path)
	if _, err := copyOut(ctx, b.target, table, path); err != nil {
		return err
	}
	like := table + "_copy"
	if _, err := b.target.Exec(ctx, "create table "+like+" (like "+table+" including all)"); err != nil {
		return err
	}
	if err := b.checkpoint(ctx); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	start := time.Now()
	if _, err := b.target.PgConn().CopyFrom(ctx, file, "copy "+like+" from stdin (format binary)"); err != nil {
		return err
	}
	limit.add(perSecond(b.rows, time.Since(start)))
	_, err = b.target.Exec(ctx, "drop table "+table+", "+like)
	return err
}

// checkpoint lets a run begin with nothing left to write for the one before.
func (b *bench) checkpoint(ctx context.Context) error {
	_, err := b.target.Exec(ctx, "checkpoint")
	return err
}
