package worker

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"leat/connector"
	"leat/convert"
	"leat/convert/json"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
	"leat/schema"
	"leat/transform"
	"leat/worker/frontier"
)

// discard is a log that acknowledges and forgets.
type discard struct{ kafka.Log }

func (discard) NewAppender(string, map[string]string) (kafka.Appender, error) {
	return discardAppender{}, nil
}
func (discard) Admin() kafka.Admin { return thereAdmin{} }

type discardAppender struct{}

func (discardAppender) Append(_ context.Context, _ []kafka.Message, done func(error)) error {
	done(nil)
	return nil
}
func (discardAppender) Flush(context.Context) error { return nil }
func (discardAppender) Close()                      {}

type thereAdmin struct{ kafka.Admin }

func (thereAdmin) Topics(_ context.Context, names ...string) (map[string]kafka.TopicInfo, error) {
	return map[string]kafka.TopicInfo{names[0]: {Name: names[0]}}, nil
}

type noOffsets struct{}

func (noOffsets) Get(context.Context, string, record.Value) (record.Value, error) {
	return record.Null, nil
}
func (noOffsets) Put(context.Context, string, []record.SourceOffset) error   { return nil }
func (noOffsets) All(context.Context, string) ([]record.SourceOffset, error) { return nil, nil }

// pump gives the same batch n times, then blocks.
type pump struct {
	batch record.Batch
	left  *atomic.Int64
}

func (p *pump) Read(ctx context.Context) (record.Batch, error) {
	if p.left.Add(-1) >= 0 {
		return p.batch, nil
	}
	<-ctx.Done()
	return record.Batch{}, ctx.Err()
}

func (p *pump) Acked(_ context.Context, _ []record.SourceOffset) error { return nil }
func (p *pump) Close(context.Context) error                            { return nil }

// envelope reads a Debezium change event of a row of ten columns, as the peer wrote it with schemas.
func envelope(tb testing.TB) (key, value *schema.Schema, k, v record.Value) {
	data, err := os.ReadFile("testdata/envelope.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	c, err := json.Plugin.New(&json.Config{SchemasEnable: true, CacheSize: 10, ReplaceNull: true}, record.PartValue)
	if err != nil {
		tb.Fatal(err)
	}
	if key, k, err = c.Decode(convert.At{}, nil, []byte(lines[0])); err != nil {
		tb.Fatal(err)
	}
	if value, v, err = c.Decode(convert.At{}, nil, []byte(lines[1])); err != nil {
		tb.Fatal(err)
	}
	return key, value, k, v
}

// BenchmarkSourcePath measures all that the worker does for a source's rows: read, (transform,) encode, append, acknowledge. One
// iteration is one row.
func BenchmarkSourcePath(b *testing.B) {
	for _, c := range []struct {
		name    string
		schemas string
		chain   bool
	}{{"json", "false", false}, {"json with schemas", "true", false}, {"json and a transform", "false", true}} {
		b.Run(c.name, func(b *testing.B) { benchmarkSource(b, c.schemas, c.chain) })
	}
}

func benchmarkSource(b *testing.B, schemas string, chain bool) {
	const rows = 1000
	ks, vs, k, v := envelope(b)
	batch := record.Batch{Offsets: []record.SourceOffset{position(1)}, Bytes: rows * 1000}
	for range rows {
		batch.Records = append(batch.Records, record.Record{Topic: "t", Partition: record.AnyPartition, Timestamp: 1, KeySchema: ks, ValueSchema: vs, Key: k, Value: v})
	}
	var left atomic.Int64
	left.Store(int64(b.N)/rows + 1)
	registry := metrics.New()
	w := New(Options{
		Log: discard{}, Metrics: registry, Offsets: noOffsets{},
		Plugins: Plugins{
			Connectors: []connector.Plugin{{Name: "pump", Config: struct{}{}, NewSource: func(context.Context, any, connector.Task) (connector.Source, error) {
				return &pump{batch: batch, left: &left}, nil
			}}},
			Converters: []convert.Plugin{json.Plugin, simpleHeaders},
			Transforms: []transform.Plugin{markerPlugin(func(r *record.Record) (bool, error) { r.Topic = "u"; return true, nil })},
		},
	})
	props := map[string]string{"connector.class": "pump", "key.converter": "JsonConverter", "value.converter": "JsonConverter",
		"key.converter.schemas.enable": schemas, "value.converter.schemas.enable": schemas}
	if chain {
		props["transforms"], props["transforms.m.type"] = "m", "test.Marker"
	}
	want := left.Load() * rows
	b.ReportAllocs()
	b.ResetTimer()
	w.StartTask(b.Context(), "c", 0, props, Running)
	eventually(b, "all rows written", func() bool {
		n, _ := registry.Value("source-task-metrics:source-record-write-total", "c", "0")
		return int64(n) == want
	})
	b.StopTimer()
	b.ReportMetric(float64(want)/b.Elapsed().Seconds(), "rows/s")
	w.Close(context.Background())
}

// BenchmarkSinkDecode measures what the worker does for a sink's records before Put: decode, transform, frontier. One iteration is
// one record.
func BenchmarkSinkDecode(b *testing.B) {
	for _, chain := range []bool{false, true} {
		b.Run(map[bool]string{false: "json", true: "json and a transform"}[chain], func(b *testing.B) {
			w := New(Options{Metrics: metrics.New(), Plugins: Plugins{
				Connectors: []connector.Plugin{(&shelf{}).plugin()}, Converters: []convert.Plugin{json.Plugin, simpleHeaders},
				Transforms: []transform.Plugin{markerPlugin(func(r *record.Record) (bool, error) { r.Topic = "u"; return true, nil })},
			}})
			props := pairs("name", "c", "connector.class", "shelf", "topics", "t", "key.converter", "JsonConverter", "key.converter.schemas.enable", "false",
				"value.converter", "JsonConverter", "value.converter.schemas.enable", "false")
			if chain {
				props["transforms"], props["transforms.m.type"] = "m", "marker"
			}
			in := w.inspect(props)
			if err := in.err(); err != nil {
				b.Fatal(err)
			}
			t := newTask(w, taskID{"c", 0}, Running)
			defer t.kill()
			s := &sinkTask{task: t, plan: &in.plan, frontier: frontier.New()}
			s.bad, s.decoder = newTolerance(t, in.common), newDecoder(s)
			messages := numbers(500)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(messages) {
				for i := range messages {
					messages[i].Offset = record.Offset(n + i)
				}
				batch, err := s.decoder.decode(b.Context(), messages)
				if err != nil || len(batch.Records) != len(messages) {
					b.Fatal(len(batch.Records), err)
				}
			}
		})
	}
}
