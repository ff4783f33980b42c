package offsets

import (
	"context"
	"log/slog"

	"leat/kafka"
	"leat/record"
)

// Topic keeps offsets in Kafka Connect's offset topic.
type Topic struct {
	table  kafka.Table
	memory *memory
}

// TopicOptions say which topic: offset.storage.*.
type TopicOptions struct {
	Name              string
	Partitions        int32 // 25 in Kafka Connect
	ReplicationFactor int16
	Settings          map[string]string
	Log               *slog.Logger
}

// OpenTopic opens the offset topic, creating it when absent, and reads it.
func OpenTopic(ctx context.Context, log kafka.Log, opts TopicOptions) (*Topic, error) {
	t := &Topic{memory: newMemory()}
	table, err := log.OpenTable(ctx, kafka.TableOptions{
		Topic: opts.Name, Partitions: opts.Partitions, ReplicationFactor: opts.ReplicationFactor, Settings: opts.Settings,
		ClientID: "leat-offsets",
		Changed: func(m kafka.Message) {
			if err := t.memory.set(m.Key, m.Value); err != nil && opts.Log != nil {
				opts.Log.Warn("offset topic holds a record that is no offset", "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "error", err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	t.table = table
	return t, nil
}

// Get gives the offset stored last, by whichever worker.
func (t *Topic) Get(ctx context.Context, connector string, partition record.Value) (record.Value, error) {
	if err := t.table.Sync(ctx); err != nil {
		return record.Null, err
	}
	return t.memory.get(connector, partition)
}

// Put stores offsets and returns when the log has them.
func (t *Topic) Put(ctx context.Context, connector string, offsets []record.SourceOffset) error {
	all, err := t.memory.encode(connector, offsets)
	if err != nil {
		return err
	}
	messages := make([]kafka.Message, len(all))
	for i, e := range all {
		messages[i] = kafka.Message{Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Key: e.key, Value: e.value}
	}
	return t.table.Put(ctx, messages...)
}

// All gives every offset of a connector.
func (t *Topic) All(ctx context.Context, connector string) ([]record.SourceOffset, error) {
	if err := t.table.Sync(ctx); err != nil {
		return nil, err
	}
	return t.memory.all(connector)
}

// Close closes the topic.
func (t *Topic) Close() { t.table.Close() }
