package herder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"leat/record"
)

// Keys of a sink's offsets.
const (
	topicField     = "kafka_topic"
	partitionField = "kafka_partition"
	offsetField    = "kafka_offset"
)

const groupOverride = "consumer.override.group.id"

// groupOf is the consumer group of a sink.
func groupOf(name string, props map[string]string) string {
	if g := props[groupOverride]; g != "" {
		return g
	}
	return "connect-" + name
}

// Offsets gives a connector's offsets.
func (h *Single) Offsets(ctx context.Context, name string) ([]Offset, error) {
	c, err := h.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if h.typeOf(c.props) == "sink" {
		return h.sinkOffsets(ctx, name, c)
	}
	stored, err := h.opts.Offsets.All(ctx, name)
	if err != nil {
		return nil, failed(err, "Failed to retrieve offsets for source connector %s", name)
	}
	out := []Offset{}
	for _, o := range stored {
		if !o.Offset.IsNull() {
			out = append(out, Offset{o.Partition, o.Offset})
		}
	}
	return out, nil
}

func (h *Single) sinkOffsets(ctx context.Context, name string, c connectorConfig) ([]Offset, error) {
	out := []Offset{}
	if h.opts.Log == nil {
		return out, nil
	}
	offsets, err := h.opts.Log.Admin().GroupOffsets(ctx, groupOf(name, c.props))
	if err != nil {
		return nil, failed(err, "Failed to retrieve consumer group offsets for sink connector %s", name)
	}
	parts := slices.SortedFunc(maps.Keys(offsets), comparePartitions)
	for _, p := range parts {
		out = append(out, sinkOffset(p, offsets[p]))
	}
	return out, nil
}

func comparePartitions(a, b record.Partition) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return int(a.ID) - int(b.ID)
}

func sinkOffset(p record.Partition, o record.Offset) Offset {
	return Offset{
		Partition: record.Map([]record.Entry{
			{Key: record.String(partitionField), Value: record.Int(int64(p.ID))},
			{Key: record.String(topicField), Value: record.String(p.Topic)},
		}),
		Offset: record.Map([]record.Entry{{Key: record.String(offsetField), Value: record.Int(int64(o))}}),
	}
}

// AlterOffsets changes offsets of a stopped connector; a null offset resets its partition.
func (h *Single) AlterOffsets(ctx context.Context, name string, offsets []Offset) (string, error) {
	if len(offsets) == 0 {
		return "", errorf(BadRequest, "Partitions / offsets need to be provided for an alter offsets request")
	}
	return h.modifyOffsets(ctx, name, offsets, "altered")
}

// ResetOffsets removes all offsets of a stopped connector.
func (h *Single) ResetOffsets(ctx context.Context, name string) (string, error) {
	return h.modifyOffsets(ctx, name, nil, "reset")
}

// modifyOffsets works between two comparisons of the connector's runner, so that its tasks have ended and none starts meanwhile.
func (h *Single) modifyOffsets(ctx context.Context, name string, offsets []Offset, done string) (message string, err error) {
	if _, err := h.find(ctx, name); err != nil {
		return "", err
	}
	err = h.do(ctx, name, func(running context.Context, r *runner) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(running, cancel)()
		c, err := h.find(ctx, name)
		if err != nil {
			return err
		}
		if c.target != TargetStopped || c.count != 0 {
			return errorf(BadRequest, "Connectors must be in the STOPPED state before their offsets can be modified. This can be done "+
				"for the specified connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint", name)
		}
		message, err = h.writeOffsets(ctx, name, c, offsets, done)
		return err
	})
	return message, err
}

func (h *Single) writeOffsets(ctx context.Context, name string, c connectorConfig, offsets []Offset, done string) (string, error) {
	if h.typeOf(c.props) == "sink" {
		return h.writeSinkOffsets(ctx, name, c, offsets, done)
	}
	edit := make([]record.SourceOffset, 0, len(offsets))
	for _, o := range offsets {
		edit = append(edit, record.SourceOffset{Partition: o.Partition, Offset: o.Offset})
	}
	if offsets == nil {
		stored, err := h.opts.Offsets.All(ctx, name)
		if err != nil {
			return "", failed(err, "Failed to modify offsets for source connector %s", name)
		}
		for _, o := range stored {
			edit = append(edit, record.SourceOffset{Partition: o.Partition})
		}
	}
	if err := h.worker.AlterOffsets(name, c.props, edit); err != nil {
		return "", failed(err, "Failed to modify offsets for source connector %s", name)
	}
	if len(edit) > 0 {
		if err := h.opts.Offsets.Put(ctx, name, edit); err != nil {
			return "", failed(err, "Failed to modify offsets for source connector %s", name)
		}
	}
	p, ok := h.worker.Plugin(c.props["connector.class"])
	return modified(done, ok && p.OffsetsAltered), nil
}

func (h *Single) writeSinkOffsets(ctx context.Context, name string, c connectorConfig, offsets []Offset, done string) (string, error) {
	if h.opts.Log == nil {
		return "", errorf(Failed, "Failed to modify offsets for sink connector %s: there is no log that keeps them", name)
	}
	admin, group := h.opts.Log.Admin(), groupOf(name, c.props)
	var err error
	if offsets == nil {
		err = admin.DeleteGroup(ctx, group)
	} else {
		var edit record.Offsets
		if edit, err = parseSinkOffsets(offsets); err != nil {
			return "", err
		}
		err = admin.AlterGroupOffsets(ctx, group, edit)
	}
	if err != nil {
		return "", failed(err, "Failed to modify offsets for sink connector %s", name)
	}
	return modified(done, false), nil
}

// modified is the message of success; altered is Plugin.OffsetsAltered.
func modified(done string, altered bool) string {
	if altered {
		return "The offsets for this connector have been " + done + " successfully"
	}
	return "The Connect framework-managed offsets for this connector have been " + done +
		" successfully. However, if this connector manages offsets externally, they will need to be manually " + done +
		" in the system that the connector uses."
}

func failed(err error, format string, args ...any) error {
	return &Error{Failed, fmt.Sprintf(format, args...) + ": " + err.Error(), err}
}

// deleteOffset asks AlterGroupOffsets to delete an offset.
const deleteOffset record.Offset = -1

// parseSinkOffsets reads offsets in the shape that GET shows; numbers may be text.
func parseSinkOffsets(offsets []Offset) (record.Offsets, error) {
	out := record.Offsets{}
	for _, o := range offsets {
		p, err := parseSinkPartition(o.Partition)
		if err != nil {
			return nil, err
		}
		if o.Offset.IsNull() {
			out[p] = deleteOffset
			continue
		}
		v, ok := o.Offset.Lookup(offsetField)
		if !ok {
			return nil, errorf(BadRequest, "The offset for a sink connector should either be null or contain the key '%s'", offsetField)
		}
		text := plainText(v)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, errorf(BadRequest, "Failed to parse the following Kafka offset value in the provided offsets: '%s'. "+
				"Offset values for sink connectors need to be integers.", text)
		}
		if n < 0 {
			return nil, errorf(BadRequest, "Invalid negative offset %d for %s-%d", n, p.Topic, p.ID)
		}
		out[p] = record.Offset(n)
	}
	return out, nil
}

func parseSinkPartition(v record.Value) (record.Partition, error) {
	var p record.Partition
	if v.IsNull() {
		return p, errorf(BadRequest, "The partition for a sink connector offset cannot be null or missing")
	}
	topic, hasTopic := v.Lookup(topicField)
	part, hasPart := v.Lookup(partitionField)
	switch {
	case !hasTopic || !hasPart:
		return p, errorf(BadRequest, "The partition for a sink connector offset must contain the keys '%s' and '%s'", topicField, partitionField)
	case topic.IsNull():
		return p, errorf(BadRequest, "Kafka topic names must be valid strings and may not be null")
	case part.IsNull():
		return p, errorf(BadRequest, "Kafka partitions must be valid numbers and may not be null")
	}
	text := plainText(part)
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return p, errorf(BadRequest, "Failed to parse the following Kafka partition value in the provided offsets: '%s'. "+
			"Partition values for sink connectors need to be integers.", text)
	}
	return record.Partition{Topic: plainText(topic), ID: int32(n)}, nil
}

// plainText is a JSON value as text: strings without quotes.
func plainText(v record.Value) string {
	if v.Kind() == record.KindString {
		return v.Str()
	}
	b, err := v.MarshalJSON()
	if err != nil {
		return ""
	}
	return string(b)
}
