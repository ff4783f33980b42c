package herder

import (
	"leat/herder/loggers"
	"leat/record"
	"leat/worker"
)

// The shapes below are those of the REST API.

// ServerInfo is the answer of GET /.
type ServerInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	ClusterID string `json:"kafka_cluster_id"`
}

// TaskID names a task.
type TaskID struct {
	Connector string `json:"connector"`
	Task      int    `json:"task"`
}

// ConnectorInfo is a connector's config and tasks.
type ConnectorInfo struct {
	Name   string            `json:"name"`
	Config map[string]string `json:"config"`
	Tasks  []TaskID          `json:"tasks"`
	Type   string            `json:"type"` // source, sink or unknown
}

// TaskInfo is the config of a task.
type TaskInfo struct {
	ID     TaskID            `json:"id"`
	Config map[string]string `json:"config"`
}

// StateInfo is the state of a connector.
type StateInfo struct {
	State    worker.State `json:"state"`
	WorkerID string       `json:"worker_id"`
	Version  string       `json:"version,omitempty"`
	Trace    string       `json:"trace,omitempty"`
}

// TaskStatus is the state of a task.
type TaskStatus struct {
	ID       int          `json:"id"`
	State    worker.State `json:"state"`
	WorkerID string       `json:"worker_id"`
	Version  string       `json:"version,omitempty"`
	Trace    string       `json:"trace,omitempty"`
}

// ConnectorStatus is the state of a connector and its tasks.
type ConnectorStatus struct {
	Name      string       `json:"name"`
	Connector StateInfo    `json:"connector"`
	Tasks     []TaskStatus `json:"tasks"`
	Type      string       `json:"type"`
}

// TargetState is what the user wants of a connector.
type TargetState string

// The target states, in the config topic's words.
const (
	TargetStarted TargetState = "STARTED"
	TargetPaused  TargetState = "PAUSED"
	TargetStopped TargetState = "STOPPED"
)

// state is the state that a worker is told.
func (t TargetState) state() worker.State {
	switch t {
	case TargetPaused:
		return worker.Paused
	case TargetStopped:
		return worker.Stopped
	}
	return worker.Running
}

// RestartRequest says what RestartAll restarts.
type RestartRequest struct {
	IncludeTasks bool
	OnlyFailed   bool
}

// Offset is one offset of a connector: for a sink, the maps of kafka_topic, kafka_partition and kafka_offset.
type Offset struct {
	Partition record.Value `json:"partition"`
	Offset    record.Value `json:"offset"`
}

// PluginInfo is one line of GET /connector-plugins.
type PluginInfo struct {
	Class   string `json:"class"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

// LoggerLevel is the level of a logger; LastModified is nil when it was never set.
type LoggerLevel = loggers.Level
