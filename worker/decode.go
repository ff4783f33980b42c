package worker

import (
	"context"
	"slices"
	"time"

	"leat/convert"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
)

// decoder turns messages into the records of a batch: converters, then transforms. One goroutine uses it.
type decoder struct {
	s       *sinkTask
	headers headerDecoder
	scratch record.Record
	last    string          // topic told to be in use last
	used    map[string]bool // topics told to be in use

	read, decoded, dropped, transformed, bytes, nanos *metrics.Counter
}

func newDecoder(s *sinkTask) *decoder {
	return &decoder{
		s: s, headers: headerDecoder{converter: s.plan.header}, used: map[string]bool{}, read: s.scope.Counter(metrics.SinkRecordRead),
		decoded:     s.scope.Counter(metrics.StageRecords, record.Decode.String()),
		transformed: s.scope.Counter(metrics.StageRecords, record.Transform.String()),
		dropped:     s.scope.Counter(metrics.StageFiltered, record.Transform.String()),
		bytes:       s.scope.Counter(metrics.StageBytes, record.Fetch.String()),
		nanos:       s.scope.Counter(metrics.StageTime, record.Decode.String()),
	}
}

// decode gives the batch for the sink and tells the frontier of every message. It never drops one without saying so there.
func (d *decoder) decode(ctx context.Context, messages []kafka.Message) (record.Batch, error) {
	start := time.Now()
	raws := make([]record.Raw, len(messages))
	out := record.Batch{Records: make([]record.Record, 0, len(messages))}
	dropped, decoded := 0, 0
	for i := range messages {
		m := &messages[i]
		raws[i] = record.Raw{Key: m.Key, Value: m.Value, Headers: m.Headers}
		out.Bytes += int64(len(m.Key)+len(m.Value)) + recordBytes
		r := &d.scratch
		*r = record.Record{
			Topic: m.Topic, Partition: m.Partition, Timestamp: m.Timestamp, Raw: &raws[i],
			Origin: record.Partition{Topic: m.Topic, ID: m.Partition}, Offset: m.Offset,
		}
		d.use(m.Topic)
		good, err := d.converted(ctx, r, m)
		keep := good
		if err == nil && good {
			decoded++
			keep, good, err = d.transform(ctx, r)
		}
		if err != nil {
			return record.Batch{}, err
		}
		if !keep {
			if good {
				dropped++
			}
			// Invariant 6: left out by a transform, or tolerated and counted.
			d.s.frontier.Dropped(r.Origin, r.Offset)
			continue
		}
		d.s.frontier.Given(r.Origin, r.Offset)
		out.Records = append(out.Records, *r)
	}
	d.read.Add(int64(len(messages)))
	d.decoded.Add(int64(decoded))
	d.dropped.Add(int64(dropped))
	d.transformed.Add(int64(len(out.Records)))
	d.bytes.Add(out.Bytes)
	d.nanos.Add(int64(time.Since(start)))
	d.s.scope.Distribution(metrics.BatchSize).Observe(float64(len(messages)))
	return out, nil
}

// use tells of a topic with its first record.
func (d *decoder) use(topic string) {
	if topic == d.last {
		return
	}
	d.last = topic
	if !d.used[topic] {
		d.used[topic] = true
		d.s.w.topicUsed(d.s.id, topic)
	}
}

// recordBytes is about what a record takes beside its bytes.
const recordBytes = 256

// converted fills r from m; good=false: the record is bad and tolerated.
func (d *decoder) converted(ctx context.Context, r *record.Record, m *kafka.Message) (good bool, err error) {
	part, err := d.try(r, m)
	if err == nil {
		return true, nil
	}
	err = d.s.bad.again(ctx, record.Decode, err, func() error {
		part, err = d.try(r, m)
		return err
	})
	if err == nil {
		return true, nil
	}
	return false, d.s.failed(r, stageError(record.Decode, part, d.class(part), describeRecord(r), err))
}

func (d *decoder) try(r *record.Record, m *kafka.Message) (part record.Part, err error) {
	p := d.s.plan
	if r.KeySchema, r.Key, err = p.key.Decode(convert.At{Topic: m.Topic, Part: record.PartKey}, m.Headers, m.Key); err != nil {
		return record.PartKey, err
	}
	if r.ValueSchema, r.Value, err = p.value.Decode(convert.At{Topic: m.Topic, Part: record.PartValue}, m.Headers, m.Value); err != nil {
		return record.PartValue, err
	}
	r.Headers, err = d.headers.decode(m.Topic, m.Headers)
	return record.PartHeader, err
}

func (d *decoder) class(part record.Part) string {
	switch part {
	case record.PartKey:
		return d.s.plan.keyClass
	case record.PartHeader:
		return d.s.plan.headerClass
	}
	return d.s.plan.valueClass
}

// transform runs the chain; keep=false and good=true: dropped on purpose, good=false: bad and tolerated.
func (d *decoder) transform(ctx context.Context, r *record.Record) (keep, good bool, err error) {
	chain := d.s.plan.chain
	if len(chain) == 0 {
		return true, true, nil
	}
	before := *r
	before.Headers = slices.Clip(before.Headers)
	keep, err = chain.Apply(r)
	if err != nil {
		err = d.s.bad.again(ctx, record.Transform, err, func() error {
			*r = before
			keep, err = chain.Apply(r)
			return err
		})
	}
	if err == nil {
		return keep, true, nil
	}
	*r = before
	return false, false, d.s.failed(r, stageError(record.Transform, record.PartValue, "", describeRecord(r), err))
}
