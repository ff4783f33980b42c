package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"leat/config"
	"leat/connector"
	"leat/convert"
	"leat/convert/json"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
	"leat/schema"
	"leat/transform"
	"leat/worker/offsets"
)

// tape is a Source over a list of rows in memory: row n has the key n modulo keys and its number as value; every batch carries the
// position after it. It notes what was confirmed, and can be told to break.
type tape struct {
	mu       sync.Mutex
	rows     int // how many there are; more may come
	keys     int
	perBatch int
	topic    string
	row      func(n int) record.Record // nil: the plain one
	breaks   func(n int) error         // before the batch that begins with row n
	hang     chan struct{}             // when set, Read ignores its context until it is closed
	reads    int
	confirm  []int
	opens    int
	resumed  []int
	closed   int
}

type tapeConfig struct {
	Rows string        `config:"rows"`
	Word string        `config:"word" default:"x"`
	Pass config.Secret `config:"pass"`
}

var tapePartition = record.Map([]record.Entry{{Key: record.String("server"), Value: record.String("s")}})

func position(n int) record.SourceOffset {
	return record.SourceOffset{Partition: tapePartition, Offset: record.Map([]record.Entry{{Key: record.String("at"), Value: record.Int(int64(n))}})}
}

func positionOf(v record.Value) int {
	if v.IsNull() {
		return 0
	}
	at, _ := v.Lookup("at")
	return int(at.Int())
}

func (s *tape) plugin() connector.Plugin {
	return connector.Plugin{
		Name: "tape", Classes: []string{"test.TapeSourceConnector"}, TaskClass: "test.TapeTask", Version: "1.2", Config: tapeConfig{},
		NewSource: func(ctx context.Context, _ any, t connector.Task) (connector.Source, error) {
			v, err := t.StoredOffset(ctx, tapePartition)
			if err != nil {
				return nil, err
			}
			t.Gauge("debezium_metrics_RemainingTableCount", func() float64 { return 3 })
			s.mu.Lock()
			defer s.mu.Unlock()
			s.opens++
			s.resumed = append(s.resumed, positionOf(v))
			return &tapeReader{s: s, at: positionOf(v)}, nil
		},
	}
}

// tapeReader is one task's reading of a tape.
type tapeReader struct {
	s  *tape
	at int
}

func (r *tapeReader) Read(ctx context.Context) (record.Batch, error) {
	s := r.s
	for {
		s.mu.Lock()
		s.reads++
		rows, breaks, hang := s.rows, s.breaks, s.hang
		s.mu.Unlock()
		if hang != nil {
			<-hang
		}
		if ctx.Err() != nil {
			return record.Batch{}, ctx.Err()
		}
		if breaks != nil {
			if err := breaks(r.at); err != nil {
				return record.Batch{}, err
			}
		}
		if r.at < rows {
			break
		}
		select {
		case <-ctx.Done():
			return record.Batch{}, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	end := min(r.at+max(1, s.perBatch), s.rowsNow())
	b := record.Batch{Offsets: []record.SourceOffset{position(end)}, Bytes: int64(end-r.at) * 100}
	for n := r.at; n < end; n++ {
		b.Records = append(b.Records, s.record(n))
	}
	r.at = end
	return b, nil
}

func (s *tape) rowsNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows
}

func (s *tape) record(n int) record.Record {
	if s.row != nil {
		return s.row(n)
	}
	return record.Record{
		Topic: s.topic, Partition: record.AnyPartition, Timestamp: 1000,
		Key: record.String("k" + strconv.Itoa(n%max(1, s.keys))), Value: record.Int(int64(n)),
		KeySchema: schema.New(schema.String), ValueSchema: schema.New(schema.Int64),
	}
}

func (r *tapeReader) Acked(_ context.Context, offsets []record.SourceOffset) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, o := range offsets {
		r.s.confirm = append(r.s.confirm, positionOf(o.Offset))
	}
	return nil
}

func (r *tapeReader) Close(context.Context) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.closed++
	return nil
}

// shelf is a Sink that keeps what is durable. buffer makes rows durable only when flush is asked for or that many are there.
type shelf struct {
	mu      sync.Mutex
	got     []record.Record
	buffer  int
	put     func(b record.Batch) error // may refuse
	late    func() error               // what Durable says of a write in the background
	assigns []string
	puts    int
}

func (s *shelf) plugin() connector.Plugin {
	return connector.Plugin{
		Name: "shelf", Classes: []string{"test.ShelfSinkConnector"}, TaskClass: "test.ShelfTask", Version: "2.0", Config: tapeConfig{},
		NewSink: func(context.Context, any, connector.Task) (connector.Sink, error) {
			return &shelfWriter{s: s, durable: record.Offsets{}}, nil
		},
	}
}

type shelfWriter struct {
	s       *shelf
	pending []record.Record
	durable record.Offsets
}

func (w *shelfWriter) Assign(_ context.Context, gained, lost []record.Partition) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.assigns = append(w.s.assigns, fmt.Sprintf("+%d-%d", len(gained), len(lost)))
	for _, p := range append(gained, lost...) {
		delete(w.durable, p)
	}
	w.pending = slices.DeleteFunc(w.pending, func(r record.Record) bool { return slices.Contains(lost, r.Origin) })
	return nil
}

func (w *shelfWriter) Put(_ context.Context, b record.Batch) error {
	w.s.mu.Lock()
	put := w.s.put
	w.s.puts++
	w.s.mu.Unlock()
	bad := map[*record.Record]bool{}
	var err error
	if put != nil {
		err = put(b)
		failed, partial := err.(*connector.BatchError)
		if err != nil && !partial {
			return err
		}
		if partial {
			for _, f := range failed.Failed {
				bad[f.Record] = true
			}
		}
	}
	for i := range b.Records {
		if !bad[&b.Records[i]] {
			w.pending = append(w.pending, b.Records[i])
		}
	}
	if len(w.pending) >= w.s.buffer {
		w.flush()
	}
	if len(bad) > 0 {
		for i := range b.Records {
			if r := &b.Records[i]; bad[r] && len(w.pending) == 0 {
				w.durable[r.Origin] = max(w.durable[r.Origin], r.Offset+1)
			}
		}
	}
	return err
}

func (w *shelfWriter) flush() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	for _, r := range w.pending {
		w.s.got = append(w.s.got, r)
		w.durable[r.Origin] = r.Offset + 1
	}
	w.pending = nil
}

func (w *shelfWriter) Durable(_ context.Context, flush bool) (record.Offsets, error) {
	w.s.mu.Lock()
	late := w.s.late
	w.s.mu.Unlock()
	var err error
	if late != nil {
		if err = late(); err == nil {
			w.flush()
		}
	} else if flush {
		w.flush()
	}
	out := record.Offsets{}
	for p, o := range w.durable {
		out[p] = o
	}
	return out, err
}

func (w *shelfWriter) Close(context.Context) error { return nil }

func (s *shelf) values() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.got))
	for i, r := range s.got {
		b, _ := r.Value.MarshalJSON()
		out[i] = string(b)
	}
	return out
}

// marker is a transform for tests: it drops, breaks or is away for values that say so.
type marker struct {
	apply func(r *record.Record) (bool, error)
}

func (m marker) Apply(r *record.Record) (bool, error) { return m.apply(r) }

func markerPlugin(apply func(r *record.Record) (bool, error)) transform.Plugin {
	return transform.Plugin{
		Name: "marker", Classes: []string{"test.Marker"}, Config: struct{}{},
		New: func(any, record.Part) (transform.Transform, error) { return marker{apply}, nil },
		Prepare: func(props map[string]string) (map[string]string, []string) {
			if _, ok := props["before"]; !ok {
				return props, nil
			}
			return without(props, "before"), []string{"before is old"}
		},
	}
}

// rig is a worker over a broker in this process.
type rig struct {
	t       *testing.T
	w       *Worker
	log     *kafka.Cluster
	offsets *offsets.Topic
	metrics *metrics.Registry
	lines   *strings.Builder

	mu       sync.Mutex
	statuses []Status
	moved    chan struct{}
	topics   []string
}

type rigOptions struct {
	source    *tape
	sink      *shelf
	transform func(r *record.Record) (bool, error)
	props     map[string]string
	cluster   *kfake.Cluster
}

func newRig(t *testing.T, o rigOptions) *rig {
	t.Helper()
	if o.cluster == nil {
		o.cluster = fakeBroker(t)
	}
	servers := strings.Join(o.cluster.ListenAddrs(), ",")
	log, err := kafka.Open(map[string]string{"bootstrap.servers": servers, "consumer.heartbeat.interval.ms": "100"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	store, err := offsets.OpenTopic(t.Context(), log, offsets.TopicOptions{Name: "connect-offsets", Partitions: 1, ReplicationFactor: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	r := &rig{t: t, log: log, offsets: store, metrics: metrics.New(), lines: &strings.Builder{}, moved: make(chan struct{})}
	plugins := Plugins{Converters: []convert.Plugin{json.Plugin, simpleHeaders}}
	if o.source != nil {
		plugins.Connectors = append(plugins.Connectors, o.source.plugin())
	}
	if o.sink != nil {
		plugins.Connectors = append(plugins.Connectors, o.sink.plugin())
	}
	if o.transform != nil {
		plugins.Transforms = append(plugins.Transforms, markerPlugin(o.transform))
	}
	props := map[string]string{
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
		"offset.flush.interval.ms": "20", "task.shutdown.graceful.timeout.ms": "2000",
	}
	for k, v := range o.props {
		props[k] = v
	}
	r.w = New(Options{
		ID: "test:1", Plugins: plugins, Log: log, Metrics: r.metrics, Logger: slog.New(slog.NewTextHandler(&lockedWriter{r: r}, nil)),
		Props: props, Offsets: store, Changed: r.changed,
		TopicUsed: func(_ string, _ int, topic string) { r.mu.Lock(); r.topics = append(r.topics, topic); r.mu.Unlock() },
	})
	r.w.limits.retryFirst, r.w.limits.retryMax = 10*time.Millisecond, 50*time.Millisecond
	r.w.limits.poll, r.w.limits.abandon, r.w.limits.settle = 20*time.Millisecond, 300*time.Millisecond, 300*time.Millisecond
	t.Cleanup(func() { r.w.Close(context.Background()) })
	return r
}

type lockedWriter struct{ r *rig }

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	return l.r.lines.Write(b)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func fakeBroker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	k, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.GroupMinSessionTimeout(time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// simpleHeaders writes headers as plain text.
var simpleHeaders = convert.Plugin{
	Name: "simple", Classes: []string{"org.apache.kafka.connect.storage.SimpleHeaderConverter"}, Config: struct{}{},
	NewHeader: func(any) (convert.HeaderConverter, error) { return plainHeaders{}, nil },
}

type plainHeaders struct{}

func (plainHeaders) EncodeHeader(_, _ string, _ *schema.Schema, v record.Value) ([]byte, error) {
	return []byte(v.Str()), nil
}

func (plainHeaders) DecodeHeader(_, _ string, b []byte) (*schema.Schema, record.Value, error) {
	return nil, record.StringBytes(b), nil
}

func (r *rig) changed(s Status) {
	r.mu.Lock()
	r.statuses = append(r.statuses, s)
	close(r.moved)
	r.moved = make(chan struct{})
	r.mu.Unlock()
}

// await waits for a status of task 0.
func (r *rig) await(what string, ok func(s Status) bool) Status {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for from := 0; ; {
		r.mu.Lock()
		for ; from < len(r.statuses); from++ {
			if s := r.statuses[from]; s.Task == 0 && ok(s) {
				r.mu.Unlock()
				return s
			}
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-deadline:
			r.t.Fatalf("no status %s; statuses: %+v\n%s", what, r.statuses, r.logged())
		}
	}
}

func (r *rig) awaitState(want State) Status {
	r.t.Helper()
	return r.await(string(want), func(s Status) bool { return s.State == want })
}

func (r *rig) noStatus(bad State) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.statuses {
		if s.State == bad {
			r.t.Fatalf("unexpected status %+v", s)
		}
	}
}

func (r *rig) start(props map[string]string) {
	all := map[string]string{"name": "c"}
	for k, v := range props {
		all[k] = v
	}
	r.w.StartTask(r.t.Context(), "c", 0, all, Running)
}

func (r *rig) stop() { r.w.StopTask(context.Background(), "c", 0) }

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not in a minute: %s", what)
}

// topic reads everything that a topic holds.
func (r *rig) topic(name string) []kafka.Message {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var ends record.Offsets
	eventually(r.t, "end offsets of "+name, func() (ok bool) { // the client remembers for a while that a topic was absent
		var err error
		ends, err = r.log.Admin().EndOffsets(ctx, name)
		return err == nil
	})
	total := 0
	for _, e := range ends {
		total += int(e)
	}
	if total == 0 {
		return nil
	}
	f, err := r.log.NewFetcher(kafka.FetcherOptions{Group: "reader-" + strconv.FormatInt(time.Now().UnixNano(), 36), Topics: []string{name}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close(ctx)
	var out []kafka.Message
	for len(out) < total {
		m, err := f.Poll(ctx, 100*time.Millisecond)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, m...)
	}
	return out
}

// fill appends values to a topic.
func (r *rig) fill(topic string, messages ...kafka.Message) {
	r.t.Helper()
	a, err := r.log.NewAppender("filler", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer a.Close()
	for i := range messages {
		messages[i].Topic, messages[i].Timestamp = topic, record.NoTimestamp
	}
	done := make(chan error, 1)
	if err := a.Append(r.t.Context(), messages, func(err error) { done <- err }); err != nil {
		r.t.Fatal(err)
	}
	if err := <-done; err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) makeTopic(name string, partitions int32) {
	r.t.Helper()
	if _, err := r.log.Admin().CreateTopic(r.t.Context(), kafka.TopicSpec{Name: name, Partitions: partitions, ReplicationFactor: 1}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stored() int {
	r.t.Helper()
	v, err := r.offsets.Get(r.t.Context(), "c", tapePartition)
	if err != nil {
		r.t.Fatal(err)
	}
	return positionOf(v)
}

func (r *rig) committed(topic string) int {
	r.t.Helper()
	o, err := r.log.Admin().GroupOffsets(r.t.Context(), "connect-c")
	if err != nil {
		r.t.Fatal(err)
	}
	return int(o[record.Partition{Topic: topic}])
}

// metric reads a metric of task 0, -1 when it is not there (yet).
func (r *rig) metric(name string) int {
	v, ok := r.metrics.Value(name, "c", "0")
	if !ok {
		return -1
	}
	return int(v)
}

// refuseProduce has the broker answer produce requests with an error that passes, until hold is closed.
func refuseProduce(k *kfake.Cluster, hold <-chan struct{}) func(kmsg.Request) (kmsg.Response, error, bool) {
	return func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		p := req.(*kmsg.ProduceRequest)
		select {
		case <-hold:
			return nil, nil, false
		default:
		}
		resp := p.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range p.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = topic.Topic, topic.TopicID
			for _, part := range topic.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = part.Partition, 6 // NOT_LEADER_OR_FOLLOWER: the client tries again
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	}
}
