// Package connector is the contract between the engine and the connectors: what a plug-in tells of itself, how a Source and a
// Sink are called, and which classes of errors they return. It knows neither Kafka nor any database.
//
// The way of a call: the worker reads a connector's properties, resolves config providers, and calls config.Parse into a new
// value of Plugin.Config; Tasks splits the work; NewSource or NewSink opens a task with its own copy of the config.
package connector

import (
	"context"
	"log/slog"

	"leat/config"
	"leat/record"
)

// Plugin describes a connector to the worker. It is a plain value; connector/all lists those of the build. Exactly one of
// NewSource and NewSink is set.
type Plugin struct {
	// Name is the short name, which is also accepted as connector.class.
	Name string
	// Classes are the connector.class values it answers to, the full Java names; the first is the one shown.
	Classes []string
	// TaskClass is the Java task class, as the config topic and GET /connectors/NAME/tasks show it.
	TaskClass string
	// Version is shown by REST.
	Version string
	// Config is the zero value of the config struct (not a pointer): keys, defaults, checks.
	Config any
	// Docs are the documentation texts by key, generated from the struct's comments.
	Docs map[string]string

	// Prepare, if set, rewrites properties before they are parsed, for old names and meanings; it returns notes to show to the
	// user. It must not change its argument.
	Prepare func(props map[string]string) (prepared map[string]string, notes []string)
	// Check, if set, goes to the external systems and reports every problem with what to do. cfg is a pointer to a parsed
	// Config. It is called by validate, and by create and update after the properties have parsed without problem; a source
	// that can not be reached is a problem too; a target that is away is none, since a task waits for it. It must return when ctx ends.
	Check func(ctx context.Context, cfg any) []config.Problem
	// Tasks, if set, splits the work among at most max tasks, as the properties of each; nil means one task with props as they are.
	// Sinks are split by the worker (as many tasks as tasks.max, each with props), so they leave it nil.
	Tasks func(ctx context.Context, cfg any, props map[string]string, max int) ([]map[string]string, error)
	// AlterOffsets, if set, checks an edit of a stopped source's offsets before it is stored.
	AlterOffsets func(props map[string]string, offsets []record.SourceOffset) error
	// OffsetsAltered is what alterOffsets of the Java class answers (KIP-875): true where nothing outside Connect's offsets is left to
	// edit, which the message of success then says.
	OffsetsAltered bool
	// SingleTask tells that tasks.max above 1 has no effect.
	SingleTask bool

	// NewSource and NewSink open one task. cfg is a pointer to a parsed Config of the task's properties. They may connect, and
	// return what that returned (Retriable to be called again).
	NewSource func(ctx context.Context, cfg any, task Task) (Source, error)
	NewSink   func(ctx context.Context, cfg any, task Task) (Sink, error)
}

// Task is what the worker gives to a source or a sink.
type Task struct {
	Connector string // its name
	ID        int
	Log       *slog.Logger
	// Props are the task's properties, config providers resolved.
	Props map[string]string
	// StoredOffset, for a source, reads the offset stored last for a source partition (a KindMap); Null when there is none.
	StoredOffset func(ctx context.Context, partition record.Value) (record.Value, error)
	// Waiting tells the worker that the task waits for something, and "" that it goes on: shown in the task's status.
	Waiting func(reason string)
	// Gauge registers a number of this task for /metrics, such as the lag of a slot, by the name of the metrics table.
	Gauge func(name string, read func() float64)
	// Skipped counts records that are left out on purpose, for a reason of a few that the connector knows; nil counts nowhere.
	Skipped func(reason string, n int)
}

// Source reads one external log. Read and Acked may be called at the same time, each by one goroutine; Close is called after
// both have returned.
type Source interface {
	// Read blocks until it has a batch, ctx ends, or the source fails. Records are in log order; the batch carries the offsets
	// to resume after it. A batch may hold no record and still move an offset. The bytes of a batch are bounded (about 1 MiB,
	// except that a single record may be larger), and what the source buffers beside it too.
	// A Retriable error means that Read may be called again on this source after a pause; the source reconnects by itself and
	// resumes after the last batch that it returned.
	// An error of class BadRecord may come together with a batch: the batch is handled first.
	Read(ctx context.Context) (record.Batch, error)
	// Acked tells that the log holds, durably, every record up to offsets and the offsets themselves: the source may let go
	// upstream. Calls come in order; one may stand for many batches.
	Acked(ctx context.Context, offsets []record.SourceOffset) error
	// Close releases everything. It returns when ctx ends at the latest.
	Close(ctx context.Context) error
}

// Sink writes to one external system. One goroutine calls it.
type Sink interface {
	// Assign tells which partitions are gained and lost; lost ones are flushed or given up before it returns. With a ctx that is
	// over already they must be given up: another task may have them. After a gain, records of the partition may come again from
	// an earlier offset.
	Assign(ctx context.Context, gained, lost []record.Partition) error
	// Put accepts a batch in log order. It may return before the batch is durable, and blocks when its buffer (in bytes) is full.
	// A *BatchError names the records that are bad; all others were accepted. A Retriable error accepts nothing: the same batch
	// is put again after a pause, so what Put did before must be safe to do again. Fatal fails the task.
	Put(ctx context.Context, batch record.Batch) error
	// Durable gives, per partition, the offset before which everything is safe in the target (or was reported bad). flush asks to
	// get there now, and reports errors as Put does.
	Durable(ctx context.Context, flush bool) (record.Offsets, error)
	// Close releases everything; what is not durable is given up. It returns when ctx ends at the latest.
	Close(ctx context.Context) error
}

// Ledger is a Sink that stores offsets with the data in one transaction: exactly once. Resume gives the offsets to go on from,
// which the worker seeks to instead of the consumer group's.
type Ledger interface {
	Resume(ctx context.Context, parts []record.Partition) (record.Offsets, error)
}
