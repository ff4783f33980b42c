package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	commitsPerSecond = 100
	warmSeconds      = 3 // not counted
)

// measureLatency commits single rows at a steady rate, until a consumer of the topic has each.
func measureLatency(ctx context.Context, b *bench) (err error) {
	w, err := b.leatWorker(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	for range b.runs {
		if err := b.latencyRun(ctx, w); err != nil {
			return err
		}
	}
	b.report.remark("%d commits a second of one row for %d s, after %d s of warming. The clock runs from just before the INSERT is sent, so PostgreSQL's own commit (fsync on) is in it; the consumer has fetch.min.bytes=1.",
		commitsPerSecond, b.seconds, warmSeconds)
	return nil
}

func (b *bench) latencyRun(ctx context.Context, w *worker) error {
	name := b.unique("latency")
	topic := topicOf(name, name)
	if err := b.script(ctx, "create table "+name+" (id bigint primary key, v text); insert into "+name+" values (0, 'snapshot')", nil); err != nil {
		return err
	}
	// The row of the snapshot makes the topic, and tells that the stream is about to begin.
	if _, err := b.runSource(ctx, w, name, topic, b.sourceConfig(w, name, name, nil), 1); err != nil {
		return err
	}
	stopProfile, err := b.profiling(ctx, w, "latency-stream-"+name)
	if err != nil {
		return err
	}
	m, err := b.begin(w)
	if err != nil {
		return err
	}
	took, committed, err := b.latencies(ctx, w, name, topic)
	stopProfile()
	if err != nil {
		return err
	}
	u, err := m.end()
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		p    float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}} {
		f := b.report.figure(w.name+", "+p.name+", ms", 1).add(percentile(took, p.p))
		if p.name == "p99" {
			f.aim(atMost, 15, false)
		}
	}
	b.report.figure("of which PostgreSQL's INSERT and COMMIT, p50, ms", 1).add(percentile(committed, 0.5))
	b.report.figure("of which PostgreSQL's INSERT and COMMIT, p99, ms", 1).add(percentile(committed, 0.99))
	b.report.figure(w.name+", CPU, % of one core", 1).add(100 * u.worker.Seconds() / float64(b.seconds+warmSeconds))
	return b.remove(ctx, w, name, topic)
}

// latencies gives, sorted and in milliseconds, the times from INSERT to the consumer, and from INSERT to the end of its commit.
func (b *bench) latencies(ctx context.Context, w *worker, table, topic string) (took, committed []float64, err error) {
	consumer, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap), kgo.FetchMinBytes(1), kgo.FetchMaxWait(500*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(1)}}))
	if err != nil {
		return nil, nil, err
	}
	defer consumer.Close()
	total, warm := commitsPerSecond*(b.seconds+warmSeconds), commitsPerSecond*warmSeconds
	arrived := make([]time.Time, total+1)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(b.seconds+warmSeconds)*time.Second+time.Minute)
	defer cancel()
	var consumed sync.WaitGroup
	var consumeErr error
	consumed.Go(func() { consumeErr = receiveIDs(ctx, consumer, arrived) })
	sent, done, err := b.insertSteadily(ctx, table, total)
	if err != nil {
		cancel()
	}
	consumed.Wait()
	if err := errors.Join(err, consumeErr); err != nil {
		return nil, nil, err
	}
	for id := warm + 1; id <= total; id++ {
		took = append(took, float64(arrived[id].Sub(sent[id]).Microseconds())/1000)
		committed = append(committed, float64(done[id].Sub(sent[id]).Microseconds())/1000)
	}
	slices.Sort(took)
	slices.Sort(committed)
	return took, committed, nil
}

// receiveIDs notes when each id arrives, until all have.
func receiveIDs(ctx context.Context, consumer *kgo.Client, arrived []time.Time) error {
	for missing := len(arrived) - 1; missing > 0; {
		fetches := consumer.PollFetches(ctx)
		now := time.Now()
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("%d records did not arrive: %w", missing, err)
		}
		for _, r := range fetches.Records() {
			var key struct{ ID int }
			if err := json.Unmarshal(r.Key, &key); err != nil {
				return err
			}
			if key.ID > 0 && arrived[key.ID].IsZero() {
				arrived[key.ID] = now
				missing--
			}
		}
	}
	return nil
}

// insertSteadily gives when each row was sent, and when its commit was answered.
func (b *bench) insertSteadily(ctx context.Context, table string, total int) (sent, done []time.Time, err error) {
	sent, done = make([]time.Time, total+1), make([]time.Time, total+1)
	insert := "insert into " + table + " values ($1, $2)"
	text := strings.Repeat("x", 150)
	tick := time.NewTicker(time.Second / commitsPerSecond)
	defer tick.Stop()
	for id := 1; id <= total; id++ {
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-tick.C:
		}
		sent[id] = time.Now()
		if _, err := b.source.Exec(ctx, insert, id, text); err != nil {
			return nil, nil, err
		}
		done[id] = time.Now()
	}
	return sent, done, nil
}
