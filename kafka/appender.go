package kafka

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/config"
	"leat/record"
)

const (
	defaultBufferMemory   = 32 << 20 // buffer.memory
	defaultMaxRequestSize = 1 << 20  // max.request.size
	// partBytes is about how much of a call is handed over at once. Memory is counted, and given back, by part.
	partBytes = 512 << 10
	// unknownTopicTries bounds how often a topic may be found missing, about half a second apart, before its messages are refused: a
	// topic made a moment ago may not be known everywhere.
	unknownTopicTries = 10
)

// appender is an Appender over a producing client.
type appender struct {
	client *kgo.Client
	limits *topicLimits
	budget *budget

	mu     sync.Mutex
	calls  []*call // not yet answered, in order
	closed bool
	// answering tells that one goroutine is calling done functions: a second one would break their order.
	answering bool
	answered  chan struct{} // poked whenever calls got shorter
}

// NewAppender opens a producer.
func (c *Cluster) NewAppender(clientID string, overrides map[string]string) (Appender, error) {
	s, err := c.checked(producer, clientID, overrides)
	if err != nil {
		return nil, err
	}
	opts, err := c.options(producer, s, clientID)
	if err != nil {
		return nil, err
	}
	mine, err := s.producing()
	if err != nil {
		return nil, err
	}
	limits := newTopicLimits(c.admin, s)
	opts = append(opts, mine...)
	opts = append(opts, kgo.ProducerBatchMaxBytesFn(limits.batchBytes))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, clientError(producer, err)
	}
	return &appender{
		client:   client,
		limits:   limits,
		budget:   newBudget(max(s.int("buffer.memory", defaultBufferMemory), 1)),
		answered: make(chan struct{}, 1),
	}, nil
}

// producing are the options of a producer.
func (s settings) producing() ([]kgo.Opt, error) {
	partitioner, err := s.partitioner()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerLinger(s.ms("linger.ms", 0, 0, time.Minute)),
		kgo.ProducerBatchCompression(s.codec()),
		kgo.MaxBufferedRecords(math.MaxInt), // Invariant 8: the appender's budget bounds what is buffered, in bytes
		kgo.UnknownTopicRetries(unknownTopicTries),
		kgo.ProduceRequestTimeout(s.ms("request.timeout.ms", 30*time.Second, 100*time.Millisecond, 15*time.Minute)),
		kgo.BrokerMaxWriteBytes(min(max(100<<20, s.int32("max.request.size", 0)+1<<20), 1<<30)),
		kgo.AllowAutoTopicCreation(), // as Kafka's producer asks; the broker decides
	}
	// Connect waits for the log for ever; only who says otherwise gets errors.
	if n := s.int("delivery.timeout.ms", maxInt); n < maxInt {
		opts = append(opts, kgo.RecordDeliveryTimeout(max(time.Second, time.Duration(n)*time.Millisecond)))
	}
	if n := s.int("retries", maxInt); n < maxInt {
		opts = append(opts, kgo.RecordRetries(int(n)))
	}
	if s.bool("partitioner.rack.aware", false) {
		opts = append(opts, kgo.RackAwarePartitioning())
	}
	acks, err := s.acks()
	return append(opts, acks...), err
}

// acks follows KafkaProducer: idempotence is given up in silence for weaker settings, unless it was asked for.
func (s settings) acks() ([]kgo.Opt, error) {
	level, inFlight := s.word("acks", "all"), s.int("max.in.flight.requests.per.connection", 5)
	all := level == "all" || level == "-1"
	asked := s["enable.idempotence"] != ""
	switch {
	case s.bool("enable.idempotence", true) && all && inFlight <= 5 && s.int("retries", 1) > 0:
		return nil, nil
	case asked && s.bool("enable.idempotence", true) && !all:
		return nil, &ConfigError{Client: "producer", Problems: []config.Problem{
			config.Problemf("acks", "%s does not go with enable.idempotence=true; set acks=all", level)}}
	case asked && s.bool("enable.idempotence", true):
		return nil, &ConfigError{Client: "producer", Problems: []config.Problem{config.Problemf("max.in.flight.requests.per.connection",
			"enable.idempotence=true goes with at most 5 requests in flight and with retries above 0")}}
	}
	strength := map[string]kgo.Acks{"all": kgo.AllISRAcks(), "-1": kgo.AllISRAcks(), "1": kgo.LeaderAck(), "0": kgo.NoAck()}[level]
	// Invariant 5: without sequence numbers a second request in flight could overtake a retried first one.
	return []kgo.Opt{kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1), kgo.RequiredAcks(strength)}, nil
}

func (s settings) codec() kgo.CompressionCodec {
	name := s.word("compression.type", "none")
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[name]
	if level, err := strconv.Atoi(s["compression."+name+".level"]); err == nil {
		codec = codec.WithLevel(level)
	}
	return codec
}

// call is one Append that is not yet answered.
type call struct {
	messages []Message
	records  []kgo.Record
	done     func(error)
	left     atomic.Int64 // parts not answered, and one while parts are handed over

	mu  sync.Mutex
	err error
}

// part is a run of a call's records that was handed over at once.
type part struct {
	a     *appender
	c     *call
	bytes int64
	left  atomic.Int64
}

// Append hands messages over.
func (a *appender) Append(ctx context.Context, messages []Message, done func(error)) error {
	if err := a.limits.learn(ctx, messages); err != nil {
		return err
	}
	c := &call{messages: messages, done: done}
	c.left.Store(1)
	if !a.enqueue(c) {
		return ErrClosed
	}
	c.records = records(messages)
	for from := 0; from < len(messages); {
		to, size := cut(messages, from)
		if err := a.budget.take(ctx, size); err != nil {
			return a.interrupted(c, from, err)
		}
		p := &part{a: a, c: c, bytes: size}
		p.left.Store(int64(to - from))
		c.left.Add(1)
		answered := p.answered
		for i := from; i < to; i++ {
			// The context is not ctx: its end would take back records of earlier calls that wait for a broker.
			a.client.Produce(context.Background(), &c.records[i], answered)
		}
		from = to
	}
	a.finish(c)
	return nil
}

// enqueue puts the call in the line of those that done is called for.
func (a *appender) enqueue(c *call) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.calls = append(a.calls, c)
	return true
}

// interrupted ends a call of which only the messages before taken were handed over.
func (a *appender) interrupted(c *call, taken int, err error) error {
	if taken == 0 {
		c.done = func(error) {}
	}
	c.fail(err)
	a.finish(c)
	return err
}

// records makes the client's records of messages, in one allocation.
func records(messages []Message) []kgo.Record {
	out := make([]kgo.Record, len(messages))
	var all []kgo.RecordHeader
	for i := range messages {
		m, r := &messages[i], &out[i]
		r.Topic, r.Partition, r.Key, r.Value = m.Topic, m.Partition, m.Key, m.Value
		if m.Timestamp != record.NoTimestamp {
			r.Timestamp = time.UnixMilli(m.Timestamp)
		}
		switch {
		case len(m.Headers) == 0:
		case i > 0 && len(m.Headers) == len(messages[i-1].Headers) && &m.Headers[0] == &messages[i-1].Headers[0]:
			r.Headers = out[i-1].Headers // many messages share theirs
		default:
			from := len(all)
			for _, h := range m.Headers {
				all = append(all, kgo.RecordHeader{Key: h.Key, Value: h.Value})
			}
			r.Headers = all[from:len(all):len(all)]
		}
	}
	return out
}

// messageOverhead is about what the client holds for a message besides its bytes: the record and its place in a batch.
const messageOverhead = 256

// cut finds the end of the part that begins at from, and its bytes.
func cut(messages []Message, from int) (to int, size int64) {
	for to = from; to < len(messages) && size < partBytes; to++ {
		m := &messages[to]
		size += int64(len(m.Key)+len(m.Value)) + messageOverhead
		for _, h := range m.Headers {
			size += int64(len(h.Key) + len(h.Value))
		}
	}
	return to, size
}

// answered is the client's promise for each record of the part.
func (p *part) answered(r *kgo.Record, err error) {
	if err != nil {
		p.c.fail(p.c.refusal(r, err))
	}
	if p.left.Add(-1) == 0 {
		p.a.budget.give(p.bytes)
		p.a.finish(p.c)
	}
}

// fail keeps the first error.
func (c *call) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// refusal says which message it was.
func (c *call) refusal(r *kgo.Record, err error) error {
	if errors.Is(err, kgo.ErrClientClosed) {
		return ErrClosed
	}
	e := &AppendError{TooLarge: errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge), Err: err}
	for i := range c.records {
		if &c.records[i] == r {
			e.Message = &c.messages[i]
			break
		}
	}
	return e
}

// finish counts a part as answered. Calls that are answered whole leave the line from its head, so that done functions are called in order.
func (a *appender) finish(c *call) {
	if c.left.Add(-1) > 0 {
		return
	}
	a.mu.Lock()
	if a.answering {
		a.mu.Unlock()
		return // the one that answers looks again before it stops
	}
	a.answering = true
	for len(a.calls) > 0 && a.calls[0].left.Load() == 0 {
		head := a.calls[0]
		a.calls[0] = nil
		a.calls = a.calls[1:]
		a.mu.Unlock()
		head.done(head.err)
		a.mu.Lock()
		a.poke()
	}
	a.answering = false
	a.mu.Unlock()
}

func (a *appender) poke() {
	select {
	case a.answered <- struct{}{}:
	default:
	}
}

// idle tells whether everything was answered, done functions included.
func (a *appender) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls) == 0 && !a.answering
}

// Flush waits until everything handed over is answered.
func (a *appender) Flush(ctx context.Context) error {
	if err := a.client.Flush(ctx); err != nil {
		return err
	}
	for !a.idle() {
		select {
		case <-a.answered:
		case <-time.After(10 * time.Millisecond): // another Flush may have been poked instead
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close gives up what is in flight: the client fails all its records, which answers every call.
func (a *appender) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.budget.close()
	a.client.Close()
}
