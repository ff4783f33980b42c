package worker

import (
	"context"
	"slices"
	"time"

	"leat/connector"
	"leat/convert"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
)

// encoder turns a source's records into messages: transforms, topics, converters. One goroutine uses it. A batch costs a few
// allocations, whatever the number of its records: one slab of messages, one of bytes.
type encoder struct {
	s         *sourceTask
	topics    *topicMaker
	headers   *headerEncoder
	scratch   record.Record // the record that transforms work on
	perRecord int           // encoded bytes of a record, as last seen

	written, appended             *metrics.Counter
	transformed, dropped, encoded *metrics.Counter
	bytes, nanos                  *metrics.Counter
}

func newEncoder(s *sourceTask) *encoder {
	scope := s.scope
	return &encoder{
		s: s, perRecord: 256, headers: newHeaderEncoder(s.plan.header),
		topics: &topicMaker{
			admin: s.w.opts.Log.Admin(), groups: s.plan.topics, off: !s.w.settings.CreateTopics, known: map[string]bool{},
			asked: len(stripped(s.plan.props, creation+"default.")) > 0,
			used:  func(topic string) { s.w.topicUsed(s.id, topic) },
			warn:  s.log.Warn,
		},
		written: scope.Counter(metrics.SourceRecordWrite), appended: scope.Counter(metrics.StageRecords, record.Append.String()),
		transformed: scope.Counter(metrics.StageRecords, record.Transform.String()),
		dropped:     scope.Counter(metrics.StageFiltered, record.Transform.String()),
		encoded:     scope.Counter(metrics.StageRecords, record.Encode.String()),
		bytes:       scope.Counter(metrics.StageBytes, record.Encode.String()),
		nanos:       scope.Counter(metrics.StageTime, record.Encode.String()),
	}
}

// room guesses the encoded bytes of n records that hold so many bytes in memory. Invariant 8: a few large records do not make the guess
// for many small ones after them.
func (e *encoder) room(n int, held int64) int {
	guess := n*e.perRecord + 512
	if perRecord := held / int64(n); perRecord >= largeRecord {
		return max(guess, int(held+held/8))
	}
	return min(guess, max(n*mostPerRecord, int(2*held)))
}

const (
	largeRecord   = 64 << 10
	mostPerRecord = 8 << 10
)

// encode gives the messages of records, which hold so many bytes, and the bytes that the messages hold.
func (e *encoder) encode(ctx context.Context, records []record.Record, held int64) ([]kafka.Message, int64, error) {
	if len(records) == 0 {
		return nil, 0, nil
	}
	start := time.Now()
	messages := make([]kafka.Message, 0, len(records))
	slab := make([]byte, 0, e.room(len(records), held))
	kept, size := 0, 0
	for i := range records {
		r, keep, err := e.transform(ctx, &records[i])
		if err != nil {
			return nil, 0, err
		}
		if !keep {
			continue
		}
		kept++
		messages = append(messages, kafka.Message{})
		m := &messages[len(messages)-1]
		grown, ok, err := e.message(ctx, slab, r, m)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			messages = messages[:len(messages)-1]
			continue
		}
		slab = grown
		size += len(m.Key) + len(m.Value)
	}
	if len(messages) > 0 {
		e.perRecord = size/len(messages)*9/8 + 16
	}
	e.transformed.Add(int64(kept))
	e.dropped.Add(int64(len(records) - kept))
	e.encoded.Add(int64(len(messages)))
	e.bytes.Add(int64(size))
	e.nanos.Add(int64(time.Since(start)))
	e.s.scope.Distribution(metrics.BatchSize).Observe(float64(len(records)))
	return messages, int64(cap(slab)) + int64(len(messages))*messageBytes, nil
}

// messageBytes is about what a kafka.Message takes beside its bytes.
const messageBytes = 120

// transform gives the record to encode: r itself without transforms, else the scratch record.
func (e *encoder) transform(ctx context.Context, r *record.Record) (out *record.Record, keep bool, err error) {
	chain := e.s.plan.chain
	if len(chain) == 0 {
		return r, true, nil
	}
	e.reset(r)
	keep, err = chain.Apply(&e.scratch)
	if err == nil {
		return &e.scratch, keep, nil
	}
	err = e.s.bad.again(ctx, record.Transform, err, func() error {
		e.reset(r)
		keep, err = chain.Apply(&e.scratch)
		return err
	})
	if err == nil {
		return &e.scratch, keep, nil
	}
	return nil, false, e.s.bad.skip(stageError(record.Transform, record.PartValue, "", describeRecord(r), err), r)
}

func (e *encoder) reset(r *record.Record) {
	e.scratch = *r
	e.scratch.Headers = slices.Clip(r.Headers)
}

// message encodes one record behind slab. ok=false: the record was bad and is skipped.
func (e *encoder) message(ctx context.Context, slab []byte, r *record.Record, m *kafka.Message) (grown []byte, ok bool, err error) {
	if err := e.topic(ctx, r); err != nil {
		return slab, false, err
	}
	if r.Topic == "" {
		return slab, false, e.s.bad.skip(stageError(record.Encode, record.PartValue, "", describeRecord(r), errNoTopic), r)
	}
	part, grown, err := e.try(slab, r, m)
	if err == nil {
		return grown, true, nil
	}
	err = e.s.bad.again(ctx, record.Encode, err, func() error {
		part, grown, err = e.try(slab, r, m)
		return err
	})
	if err == nil {
		return grown, true, nil
	}
	return slab, false, e.s.bad.skip(stageError(record.Encode, part, e.class(part), describeRecord(r), err), r)
}

var errNoTopic = connector.BadRecordf("the record has no topic")

// topic sees that the record's topic is there.
func (e *encoder) topic(ctx context.Context, r *record.Record) error {
	err := ofLog(e.topics.ensure(ctx, r.Topic))
	if err == nil {
		return nil
	}
	o := e.s.outage(record.Append, "create a topic")
	for connector.ClassOf(err) == connector.Retriable {
		if stop := o.wait(ctx, err); stop != nil {
			return stop
		}
		if err = ofLog(e.topics.ensure(ctx, r.Topic)); err == nil {
			o.over()
			return nil
		}
	}
	return stageError(record.Append, record.PartValue, "", "topic "+r.Topic, err)
}

func (e *encoder) class(part record.Part) string {
	switch part {
	case record.PartKey:
		return e.s.plan.keyClass
	case record.PartHeader:
		return e.s.plan.headerClass
	}
	return e.s.plan.valueClass
}

func (e *encoder) try(slab []byte, r *record.Record, m *kafka.Message) (record.Part, []byte, error) {
	*m = kafka.Message{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp}
	p := e.s.plan
	var err error
	if m.Headers, err = e.headers.encode(r.Topic, r.Headers); err != nil {
		return record.PartHeader, nil, err
	}
	start := len(slab)
	out, err := p.key.Encode(slab, convert.At{Topic: r.Topic, Part: record.PartKey}, &m.Headers, r.KeySchema, r.Key)
	if err != nil {
		return record.PartKey, nil, err
	}
	if out != nil {
		slab = out
		m.Key = slab[start:len(slab):len(slab)]
	}
	start = len(slab)
	out, err = p.value.Encode(slab, convert.At{Topic: r.Topic, Part: record.PartValue}, &m.Headers, r.ValueSchema, r.Value)
	if err != nil {
		return record.PartValue, nil, err
	}
	if out != nil {
		slab = out
		m.Value = slab[start:len(slab):len(slab)]
	}
	return record.PartValue, slab, nil
}
