// Package sinktest is the contract suite that every sink runs: what the worker relies on, tried on the real target.
//
//	func TestContract(t *testing.T) {
//		sinktest.Run(t, sinktest.Target{Plugin: sql.DebeziumPlugin, Props: …, Read: …})
//	}
package sinktest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"leat/config"
	"leat/connector"
	"leat/record"
)

// Target is a sink, how to open it and how to look at what it wrote.
type Target struct {
	Plugin connector.Plugin
	// Props open a sink that upserts by the record's key, deletes, and creates what it needs. The suite adds nothing to them.
	Props map[string]string
	// Read gives the rows of a topic, as the suite's Row; it fails the test on errors. A row that is gone is not in it.
	Read func(t testing.TB, topic string) []Row
	// Cut ends the sink's connections to the target, as a restart of it does; nil where there are none.
	Cut func(t testing.TB)
	// Refuse makes the target refuse writes of a topic's key for its content, such as by a constraint of its own, from now on. nil where
	// a target has nothing of the kind.
	Refuse func(t testing.TB, topic string, id int64)
	// Block makes the target's writes wait until release is called; nil where that can not be done.
	Block func(t testing.TB, topic string) (release func())
}

// Row is what the suite writes: by key id, a text that may be null.
type Row struct {
	ID   int64
	Text *string
}

// Wait bounds every wait of the suite.
const Wait = 60 * time.Second

// Context ends with the test, or after Wait.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	t.Cleanup(cancel)
	return ctx
}

// Open parses props and opens the sink; it is closed with the test.
func Open(t testing.TB, plugin connector.Plugin, props map[string]string) connector.Sink {
	t.Helper()
	return OpenTask(t, plugin, props, nil)
}

// OpenTask opens a sink as Open does; skipped is told what it leaves out on purpose.
func OpenTask(t testing.TB, plugin connector.Plugin, props map[string]string, skipped func(reason string, n int)) connector.Sink {
	t.Helper()
	cfg := config.New(plugin.Config)
	for _, p := range config.Parse(props, cfg) {
		t.Fatalf("config: %s", p)
	}
	sink, err := plugin.NewSink(Context(t), cfg, connector.Task{Connector: "sinktest", Log: slog.New(slog.DiscardHandler), Props: props, Skipped: skipped})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Wait)
		defer cancel()
		if err := sink.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return sink
}

// Batch is records with offsets from first on, in one partition of topic.
func Batch(topic string, first int64, records ...record.Record) record.Batch {
	for i := range records {
		r := &records[i]
		r.Topic, r.Origin, r.Offset = topic, record.Partition{Topic: topic}, record.Offset(first+int64(i))
	}
	return record.Batch{Records: records, Bytes: int64(len(records)) * 200}
}

// Put puts a batch, again for as long as the sink says that it is to wait, as the worker does.
func Put(t testing.TB, s connector.Sink, b record.Batch) error {
	t.Helper()
	return again(t, func() error { return s.Put(Context(t), b) })
}

// Flush asks for everything to be durable, in the same way.
func Flush(t testing.TB, s connector.Sink) (offsets record.Offsets, err error) {
	t.Helper()
	err = again(t, func() (err error) { offsets, err = s.Durable(Context(t), true); return err })
	return offsets, err
}

func again(t testing.TB, f func() error) error {
	t.Helper()
	deadline := time.Now().Add(Wait)
	for {
		err := f()
		if err == nil || connector.ClassOf(err) != connector.Retriable {
			return err
		}
		if time.Now().After(deadline) {
			t.Fatalf("still waiting: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Write puts a batch and flushes; it fails the test on any error.
func Write(t testing.TB, s connector.Sink, b record.Batch) {
	t.Helper()
	if err := Put(t, s, b); err != nil {
		t.Fatal(err)
	}
	if _, err := Flush(t, s); err != nil {
		t.Fatal(err)
	}
}
