package worker

import (
	"context"

	"leat/config"
	"leat/connector"
	"leat/record"
)

// This file is what a herder calls. Every method may be called from any goroutine.

// API is a *Worker, as herder sees it.
type API interface {
	// Validate checks a connector's properties as PUT …/config/validate does: framework keys, the plug-in's, converters',
	// transforms' and predicates', and, when those are right and live is set, the live checks. It never fails: what is wrong is in
	// the answer, and unknown keys are warnings with the nearest known name.
	Validate(ctx context.Context, props map[string]string, live bool) Validation
	// Plugin finds a connector plug-in by class, alias or short name.
	Plugin(class string) (*connector.Plugin, bool)
	// Descriptions lists every plug-in (connectors, converters, transforms, predicates) and Definitions the options of one.
	Descriptions() []PluginDescription
	Definitions(class string) ([]config.Def, bool)

	// StartConnector makes a connector known and reports RUNNING, PAUSED or STOPPED, or FAILED with a trace. It replaces an
	// earlier one of the name, whose tasks go on until they are started anew.
	StartConnector(ctx context.Context, name string, props map[string]string, target State)
	// TaskProps splits a started connector's work: the properties of each task (with task.class), before config providers.
	TaskProps(ctx context.Context, name string) ([]map[string]string, error)
	// StopConnector forgets a connector; its tasks are stopped by StopTask.
	StopConnector(ctx context.Context, name string)
	// StartTask starts or replaces a task; it returns when the former one has ended (within the grace period) and the new one
	// is on its way. target is RUNNING or PAUSED.
	StartTask(ctx context.Context, name string, task int, props map[string]string, target State)
	// StopTask drains and ends a task: flushes a sink, stores a source's acknowledged offsets. It returns when it has ended.
	StopTask(ctx context.Context, name string, task int)
	// SetTarget pauses or resumes a connector and its tasks in place.
	SetTarget(name string, target State)
	// AlterOffsets checks an edit of a stopped source's offsets with its plug-in.
	AlterOffsets(name string, props map[string]string, offsets []record.SourceOffset) error
	// Close stops everything in two steps: drain within the grace period, then now.
	Close(ctx context.Context)
}

// Validation is the answer of Validate.
type Validation struct {
	Class  string // connector.class as given
	Type   string // "source" or "sink"; "" when the class is unknown
	Groups []string
	Values []ConfigValue
	// Notes tell of unknown keys (with the nearest known one), ignored options and translated old names.
	Notes []string
}

// ConfigValue is one option: its definition (nil for a value without one) and what was given.
type ConfigValue struct {
	Def         *config.Def
	Key         string
	Value       *string // nil: not set and no default; secrets as [hidden]
	Recommended []string
	Errors      []string
	Visible     bool
}

// Errors gives all messages, in order.
func (v Validation) Errors() []string {
	var out []string
	for _, c := range v.Values {
		out = append(out, c.Errors...)
	}
	return out
}

// PluginDescription is one line of GET /connector-plugins.
type PluginDescription struct {
	Class   string
	Type    string // source, sink, converter, header_converter, transformation, predicate
	Version string
}
