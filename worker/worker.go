// Package worker runs the connectors and tasks of one process: the source loop and the sink loop, their states, stored source
// offsets, tolerance of errors and dead letters. It is told what to run by a herder, and reports every change of state to it.
//
// Guarantees: source offsets are stored only for acknowledged records, in order (Invariants 2, 3); a consumer offset is
// committed only for what is durable in the target, dead-lettered or skipped by policy (4); order per key is kept (5); nothing
// disappears uncounted (6); what is in flight is bounded in bytes (8).
package worker

import (
	"context"
	"log/slog"

	"leat/connector"
	"leat/convert"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
	"leat/transform"
)

// Plugins are the parts of this build, given by connector/all.
type Plugins struct {
	Connectors []connector.Plugin
	Converters []convert.Plugin
	Transforms []transform.Plugin
	Predicates []transform.PredicatePlugin
}

// Options are what a worker needs.
type Options struct {
	ID      string // worker_id in statuses: host:port of REST
	Plugins Plugins
	Log     kafka.Log
	Metrics *metrics.Registry
	Logger  *slog.Logger
	// Props are the worker's properties: defaults for converters, producer.*, consumer.*, offset.flush.interval.ms,
	// task.shutdown.graceful.timeout.ms, topic.creation.enable …
	Props map[string]string
	// Resolve replaces config provider references such as ${file:/path:key}.
	Resolve func(map[string]string) (map[string]string, error)
	// Offsets stores source offsets.
	Offsets OffsetStore
	// Changed is called on every change of state of a connector or task, in order per connector, and must not block for long.
	Changed func(Status)
	// TopicUsed is called once per connector and topic that one of its tasks reads or writes.
	TopicUsed func(connector string, task int, topic string)
}

// OffsetStore keeps source offsets: in the offset topic, or in a file for standalone.
type OffsetStore interface {
	// Get gives the offset stored last, Null when there is none.
	Get(ctx context.Context, connector string, partition record.Value) (record.Value, error)
	// Put stores offsets durably; it returns when they are acknowledged. Null removes one.
	Put(ctx context.Context, connector string, offsets []record.SourceOffset) error
	// All gives every offset of a connector.
	All(ctx context.Context, connector string) ([]record.SourceOffset, error)
}

// State is what a connector or task does, in Connect's words.
type State string

// The states of Kafka Connect.
const (
	Unassigned State = "UNASSIGNED"
	Running    State = "RUNNING"
	Paused     State = "PAUSED"
	Failed     State = "FAILED"
	Restarting State = "RESTARTING"
	Stopped    State = "STOPPED" // connectors only
	Destroyed  State = "DESTROYED"
)

// ConnectorTask is Status.Task of a status about the connector itself.
const ConnectorTask = -1

// Status is the state of a connector (Task is ConnectorTask) or of one of its tasks.
type Status struct {
	Connector string
	Task      int
	State     State
	// Trace is the error of a FAILED one; of a RUNNING task that waits, for what, since when and when it tries next.
	Trace   string
	Version string
	// Restarts counts how often the supervisor began anew after an outage.
	Restarts int
}
