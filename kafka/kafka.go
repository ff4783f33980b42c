// Package kafka gives the engine what it needs of a log, whether that is Kafka or the log inside leat: append with
// acknowledgement, fetch by group, compacted topics as tables, and administration. It is thin over franz-go.
//
// Guarantees: messages of one Appender reach each partition in the order of Append, without doubles through the client's own
// retries (idempotent producer, acks=all); an acknowledged message is durable as the log defines it. Memory is bounded in bytes by
// the configs of Appender and Fetcher. A log that is away is waited for; what needs a person is returned.
//
// Defaults are those of Kafka's clients, but for linger.ms, which is 0 (Kafka 4: 5): messages come in batches already, and while a
// request is under way those behind it gather; and for fetch.max.bytes, 16 MiB instead of 50, since an answer is decompressed as a whole.
package kafka

import (
	"context"
	"time"

	"leat/record"
)

// Message is a record as the log holds it. Nil Key or Value is null.
type Message struct {
	Topic     string
	Partition int32 // record.AnyPartition: by key, as Kafka's default partitioner (murmur2); without key sticky
	Offset    record.Offset
	Timestamp int64 // milliseconds since the epoch; record.NoTimestamp: now
	Key       []byte
	Value     []byte
	Headers   []record.RawHeader
}

// Log is a cluster, seen by the engine. *Cluster is the one over franz-go.
type Log interface {
	// NewAppender opens a producer. overrides are client properties in Kafka's names (producer.override.* without the prefix,
	// over the worker's producer.*).
	NewAppender(clientID string, overrides map[string]string) (Appender, error)
	// NewFetcher opens a consumer in a group.
	NewFetcher(opts FetcherOptions) (Fetcher, error)
	// OpenTable opens a compacted topic, creating it when absent, and reads it to its present end.
	OpenTable(ctx context.Context, opts TableOptions) (Table, error)
	// Admin gives administration.
	Admin() Admin
	// ID is the cluster's id, as GET / shows it.
	ID(ctx context.Context) (string, error)
	// Close ends what is shared. Appenders, fetchers and tables are closed by those who opened them.
	Close()
}

// Appender writes messages. Append may be called by one goroutine at a time; Close by any.
type Appender interface {
	// Append hands messages over, in order. It blocks while the buffer (buffer.memory, in bytes) is full, until ctx ends. done is called
	// once, from a goroutine of the client, when every message is acknowledged, or with the first *AppendError after all of
	// them have an answer; calls come in the order of Append. The messages' byte slices must stay as they are until then.
	// An error means nothing of the call was taken, or, on ctx's end, that done tells of the part that was.
	Append(ctx context.Context, messages []Message, done func(error)) error
	// Flush waits until everything handed over is answered.
	Flush(ctx context.Context) error
	// Close gives up what is in flight; pending done functions are called with an error.
	Close()
}

// AppendError is a message that the log refused for good (too large, not authorised, unknown topic that may not be made …).
type AppendError struct {
	Message *Message
	// TooLarge tells that the message is above the broker's or the client's limit.
	TooLarge bool
	Err      error
}

// Error names topic, key and size; never the value.
func (e *AppendError) Error() string { return appendErrorText(e) }

// Unwrap gives the cause.
func (e *AppendError) Unwrap() error { return e.Err }

// FetcherOptions configure a consumer.
type FetcherOptions struct {
	Group    string
	ClientID string
	// InstanceID is the group.instance.id where the overrides have none (KIP-345): a successor of the same id takes the place of a
	// member that died at once, instead of after its session's timeout, and fences it if it lives. Close leaves the group all the same.
	InstanceID string
	Topics     []string
	Regex      string // instead of Topics, a Java-style pattern that must match the whole topic name
	// Overrides are client properties in Kafka's names: auto.offset.reset (earliest when missing), max.poll.records, fetch.*, isolation.level …
	Overrides map[string]string
	// Rebalanced is called inside Poll when partitions come or go, before any record of a gained one is given and before a lost
	// one is given away; offsets committed inside it still count. err ends the Poll.
	Rebalanced func(ctx context.Context, gained, lost []record.Partition) error
	// Lost is called inside Poll, instead of Rebalanced, for partitions that another member may have already, because the group went
	// on without this one: nothing more may be written or committed for them. When nil, Rebalanced is called.
	Lost func(lost []record.Partition) error
}

// Fetcher reads topics as a member of a group. One goroutine calls it.
type Fetcher interface {
	// Poll waits up to wait (at most until ctx ends) and gives messages in order per partition, at most max.poll.records; none when
	// there is none.
	Poll(ctx context.Context, wait time.Duration) ([]Message, error)
	// Commit stores offsets: of each partition, the next to read.
	Commit(ctx context.Context, offsets record.Offsets) error
	// Seek reads on from elsewhere.
	Seek(offsets record.Offsets)
	// Pause stops fetching of partitions and Resume goes on; nil means all assigned ones.
	Pause(parts []record.Partition)
	Resume(parts []record.Partition)
	// Lag gives, per assigned partition, end offset minus position, as last seen.
	Lag() map[record.Partition]int64
	// Close leaves the group; Rebalanced is called for what is lost.
	Close(ctx context.Context) error
}

// TableOptions say which topic is a table.
type TableOptions struct {
	Topic             string
	Partitions        int32 // when created; -1: broker default
	ReplicationFactor int16 // when created; -1: broker default
	Settings          map[string]string
	ClientID          string
	// Changed is called for every message, in order per partition, by one goroutine: first all that is in the topic while OpenTable
	// runs, then what arrives, our own messages included.
	Changed func(m Message)
}

// Table is a compacted topic whose last value by key counts. Changed keeps whoever opened it informed; the table itself keeps
// nothing in memory.
type Table interface {
	// Put appends and waits for the acknowledgement of all. Value nil deletes.
	Put(ctx context.Context, messages ...Message) error
	// Sync waits until Changed has seen everything that was in the topic when Sync was called.
	Sync(ctx context.Context) error
	Close()
}

// TopicSpec describes a topic to create.
type TopicSpec struct {
	Name              string
	Partitions        int32 // -1: broker default
	ReplicationFactor int16 // -1: broker default
	Settings          map[string]string
}

// TopicInfo describes a topic that is there.
type TopicInfo struct {
	Name       string
	Partitions []int32
	Internal   bool
}

// Admin administers a log. Errors are connector errors' classes in spirit: a log that is away is Retriable.
type Admin interface {
	// CreateTopic creates a topic and tells whether it was absent.
	CreateTopic(ctx context.Context, t TopicSpec) (created bool, err error)
	DeleteTopic(ctx context.Context, name string) error
	// Topics lists topics by name, all when names is nil; absent ones are left out.
	Topics(ctx context.Context, names ...string) (map[string]TopicInfo, error)
	// TopicSettings gives a topic's effective settings (max.message.bytes …).
	TopicSettings(ctx context.Context, name string) (map[string]string, error)
	// StartOffsets and EndOffsets give a topic's first and next offsets.
	StartOffsets(ctx context.Context, topics ...string) (record.Offsets, error)
	EndOffsets(ctx context.Context, topics ...string) (record.Offsets, error)
	// GroupOffsets, AlterGroupOffsets and DeleteGroup serve KIP-875. AlterGroupOffsets deletes an offset where the value is below 0.
	GroupOffsets(ctx context.Context, group string) (record.Offsets, error)
	AlterGroupOffsets(ctx context.Context, group string, offsets record.Offsets) error
	DeleteGroup(ctx context.Context, group string) error
}
