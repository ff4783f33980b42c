// Package herder decides what runs: it keeps connectors, their task configs and target states in Kafka Connect's own topics and
// record formats, drives a worker so that what runs is what the config topic says, and answers everything the REST API asks.
//
// Single is the herder of one process, over a log (leat server) or over memory (leat standalone). What it reads is what a Kafka
// Connect cluster wrote, and the other way round: connectors, tasks and target states survive a restart and a change of system.
//
// Guarantees: an update that does not validate changes nothing; a change of one connector touches only that connector (each has
// a goroutine of its own, which compares what the config topic says with what it has started); task configs are written only when they
// changed. Limits: one process; a group of workers is not here yet.
package herder

import (
	"context"

	"leat/config"
	"leat/worker"
)

// Herder is what the REST API calls. Every method may be called from any goroutine, waits until the herder is ready, and ends with
// ctx. Errors are *Error with Connect's messages.
type Herder interface {
	// Ready tells whether the topics have been read; Stage says what is being done until then. Health waits for an answer of the herder.
	Ready() bool
	Stage() string
	Health(ctx context.Context) error
	Server(ctx context.Context) (ServerInfo, error)

	Connectors(ctx context.Context) ([]string, error)
	Connector(ctx context.Context, name string) (ConnectorInfo, error)
	Status(ctx context.Context, name string) (ConnectorStatus, error)
	Tasks(ctx context.Context, name string) ([]TaskInfo, error)
	TaskStatus(ctx context.Context, name string, task int) (TaskStatus, error)

	// Create makes a new connector, in the state initial ("" is STARTED); Configure replaces or makes one and tells which; Patch
	// changes some keys, a nil value removing one.
	Create(ctx context.Context, name string, change Change, initial TargetState) (ConnectorInfo, error)
	Configure(ctx context.Context, name string, change Change) (info ConnectorInfo, created bool, err error)
	Patch(ctx context.Context, name string, change Change) (ConnectorInfo, error)
	Delete(ctx context.Context, name string) error

	// SetTarget pauses, resumes or stops.
	SetTarget(ctx context.Context, name string, target TargetState) error
	// Restart restarts the connector alone; RestartTask one task; RestartAll what the request says, in the background.
	Restart(ctx context.Context, name string) error
	RestartTask(ctx context.Context, name string, task int) error
	RestartAll(ctx context.Context, name string, req RestartRequest) (ConnectorStatus, error)

	Topics(ctx context.Context, name string) ([]string, error)
	ResetTopics(ctx context.Context, name string) error

	// Offsets serves KIP-875; AlterOffsets and ResetOffsets give the message to show.
	Offsets(ctx context.Context, name string) ([]Offset, error)
	AlterOffsets(ctx context.Context, name string, offsets []Offset) (string, error)
	ResetOffsets(ctx context.Context, name string) (string, error)

	Plugins(ctx context.Context) ([]PluginInfo, error)
	PluginConfig(ctx context.Context, class string) ([]config.Def, error)
	Validate(ctx context.Context, change Change) (worker.Validation, error)
	// Notes are what validation has to say of a connector beyond errors: unknown keys, ignored options.
	Notes(ctx context.Context, name string) ([]string, error)

	Loggers(ctx context.Context) (map[string]LoggerLevel, error)
	Logger(ctx context.Context, name string) (LoggerLevel, error)
	// SetLogger sets the level of a logger and of those below it, here or, with cluster, on every worker; it gives the names touched.
	SetLogger(ctx context.Context, name, level string, cluster bool) ([]string, error)
}

// Change is a connector's config as a request gives it; nil is JSON's null.
type Change map[string]*string

// props gives the values that are there.
func (c Change) props() map[string]string {
	out := make(map[string]string, len(c))
	for k, v := range c {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}

// ChangeTo makes a Change that sets props.
func ChangeTo(props map[string]string) Change {
	out := make(Change, len(props))
	for k, v := range props {
		out[k] = &v
	}
	return out
}
