package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"

// tunedSource are the settings with which Debezium is fastest.
var tunedSource = settings{
	"max.batch.size": "16384", "max.queue.size": "65536", "poll.interval.ms": "50", "snapshot.fetch.size": "20000",
	"producer.override.linger.ms": "50", "producer.override.batch.size": "1048576", "producer.override.compression.type": "lz4",
	"producer.override.buffer.memory": "134217728",
}

// sourceConfig is a PostgreSQL source of one table, JSON without schemas; name is the connector's, its slot's and its topics' prefix.
func (b *bench) sourceConfig(w *worker, name, table string, more settings) settings {
	c := settings{
		"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1", "plugin.name": "pgoutput",
		"database.hostname": b.pg.Host, "database.port": strconv.Itoa(b.pg.Port), "database.user": b.pg.User, "database.password": b.pg.Password,
		"database.dbname": sourceDB, "topic.prefix": name, "slot.name": name, "publication.name": name,
		"publication.autocreate.mode": "filtered", "table.include.list": "public." + table,
		"key.converter": jsonConverter, "value.converter": jsonConverter,
		"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
	}
	if w.peer {
		maps.Copy(c, tunedSource)
	}
	maps.Copy(c, more)
	if !w.peer {
		maps.Copy(c, b.set)
	}
	return c
}

// withSchemas are the settings of a source for a sink.
var withSchemas = settings{"key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true"}

func topicOf(name, table string) string { return name + ".public." + table }

// flow is how a run went.
type flow struct {
	total time.Duration // from before the connector was made
	first time.Duration // until records were first seen
	seen  int           // how many that were
	usage usage
}

// addRates adds the figures of a run that moved rows.
func (b *bench) addRates(w *worker, f flow, rows int, limit *figure) (whole *figure) {
	whole = b.report.figure(w.name+", rows/s", 0).add(perSecond(rows, f.total)).beside(limit)
	if f.seen < rows/2 { // else nearly all came between two looks
		b.report.figure(w.name+", rows/s, flow", 0).add(perSecond(rows-f.seen, f.total-f.first)).beside(limit)
	}
	b.report.figure(w.name+", until the first records, s", 2).add(f.first.Seconds())
	return whole
}

func perSecond(rows int, d time.Duration) float64 { return float64(rows) / d.Seconds() }

// runSource makes a source and waits until its topic holds rows records. The connector stays.
func (b *bench) runSource(ctx context.Context, w *worker, name, topic string, config settings, rows int) (flow, error) {
	progress("%s: source %s", w.name, name)
	stopProfile, err := b.profiling(ctx, w, b.report.name+"-"+name)
	if err != nil {
		return flow{}, err
	}
	defer stopProfile()
	m, err := b.begin(w)
	if err != nil {
		return flow{}, err
	}
	start := time.Now()
	if _, _, err := w.rest.Configure(ctx, name, config); err != nil {
		return flow{}, err
	}
	var f flow
	err = w.waiting(ctx, "topic "+topic, name, func() error {
		end, err := w.end(ctx, topic)
		if end > 0 && f.first == 0 {
			f.first, f.seen = time.Since(start), int(end)
		}
		if err == nil && end < int64(rows) {
			err = fmt.Errorf("%d of %d records", end, rows)
		}
		return err
	})
	if err != nil {
		return f, err
	}
	f.total = time.Since(start)
	f.usage, err = m.end()
	return f, err
}

// waiting is waitFor that also ends when the connector or the worker has failed.
func (w *worker) waiting(ctx context.Context, what, connector string, check func() error) error {
	asked := time.Now()
	return waitFor(ctx, what, func() error {
		if time.Since(asked) > time.Second {
			asked = time.Now()
			if err := w.failed(ctx, connector); err != nil {
				return fatal{err}
			}
		}
		return check()
	})
}

func (w *worker) failed(ctx context.Context, connector string) error {
	if err := w.check(); err != nil {
		return err
	}
	status, err := w.rest.Status(ctx, connector)
	if err != nil {
		return nil // it may not be there yet; check will tell what matters
	}
	for _, t := range status.Tasks {
		if string(t.State) == "FAILED" {
			return fmt.Errorf("connector %s failed: %s", connector, t.Trace)
		}
	}
	return nil
}

// end gives a topic's number of records; 0 while it is not there.
func (w *worker) end(ctx context.Context, topic string) (int64, error) {
	listed, err := w.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	var sum int64
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			sum += o.Offset
		}
	})
	return sum, nil
}

// last reads the last record of a topic with one partition.
func (w *worker) last(ctx context.Context, topic string) (*kgo.Record, error) {
	end, err := w.end(ctx, topic)
	if err != nil {
		return nil, err
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(end - 1)}}))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		for _, r := range fetches.Records() {
			if r.Offset == end-1 {
				return r, nil
			}
		}
	}
}

// remove deletes a source with its slot, publication and topics.
func (b *bench) remove(ctx context.Context, w *worker, name string, topics ...string) error {
	if err := w.rest.Delete(ctx, name); err != nil {
		return err
	}
	if err := b.dropSlot(ctx, name); err != nil {
		return err
	}
	if err := b.script(ctx, "drop publication if exists "+name, nil); err != nil {
		return err
	}
	return w.deleteTopics(ctx, topics...)
}

func (w *worker) deleteTopics(ctx context.Context, topics ...string) error {
	if len(topics) == 0 {
		return nil
	}
	answers, err := w.admin.DeleteTopics(ctx, topics...)
	if err != nil {
		return err
	}
	return answers.Error()
}

// dropSlot waits until the slot is let go, and drops it.
func (b *bench) dropSlot(ctx context.Context, name string) error {
	return waitFor(ctx, "slot "+name+" to be free", func() error {
		_, err := b.source.Exec(ctx, "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1", name)
		if err != nil && !strings.Contains(err.Error(), "is active") {
			return fatal{err}
		}
		return err
	})
}
