// Package herdertest has a worker without data for the tests of herder and rest: two connectors of Kafka's file kind whose tasks run,
// pause and fail on request, and whose offsets are kept in memory. It records what it was told.
package herdertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"leat/config"
	"leat/connector"
	"leat/record"
	"leat/worker"
)

// Version is that of the plug-ins.
const Version = "4.3.1"

// The classes.
const (
	SourceClass = "org.apache.kafka.connect.file.FileStreamSourceConnector"
	SinkClass   = "org.apache.kafka.connect.file.FileStreamSinkConnector"
)

// Worker is the worker. Set Changed before use.
type Worker struct {
	Changed func(worker.Status)
	// TaskPropsError, if set, is asked before work is split.
	TaskPropsError func(name string) error
	// Validating, if set, is called by Validate.
	Validating func()

	mu      sync.Mutex
	started map[string]map[string]string
	tasks   map[string]worker.State // NAME-N
	calls   []string
	offsets map[string][]record.SourceOffset
}

var _ worker.API = (*Worker)(nil)

// NewWorker makes a worker that knows nothing.
func NewWorker() *Worker {
	return &Worker{started: map[string]map[string]string{}, tasks: map[string]worker.State{}, offsets: map[string][]record.SourceOffset{}}
}

func (w *Worker) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

// Calls gives and forgets what the worker was told, such as "start-task c 0 RUNNING".
func (w *Worker) Calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.calls
	w.calls = nil
	return out
}

// Running gives the tasks that are there, as NAME-N, in order.
func (w *Worker) Running() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := []string{}
	for t := range w.tasks {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// Fail makes a task (or, with worker.ConnectorTask, the connector) fail.
func (w *Worker) Fail(name string, task int, trace string) {
	w.Changed(worker.Status{Connector: name, Task: task, State: worker.Failed, Trace: trace, Version: Version})
}

var plugins = []connector.Plugin{
	{
		Name: "file-source", Classes: []string{SourceClass}, Version: Version,
		NewSource:      func(context.Context, any, connector.Task) (connector.Source, error) { return nil, nil },
		OffsetsAltered: true,
		AlterOffsets:   func(map[string]string, []record.SourceOffset) error { return nil },
	},
	{
		Name: "file-sink", Classes: []string{SinkClass}, Version: Version,
		NewSink: func(context.Context, any, connector.Task) (connector.Sink, error) { return nil, nil },
	},
}

// Plugin finds one of the two, by class or alias.
func (w *Worker) Plugin(class string) (*connector.Plugin, bool) {
	for i, p := range plugins {
		simple := p.Classes[0][strings.LastIndexByte(p.Classes[0], '.')+1:]
		if class == p.Name || class == p.Classes[0] || class == simple || class == strings.TrimSuffix(simple, "Connector") {
			return &plugins[i], true
		}
	}
	return nil, false
}

// Descriptions lists the two, and a converter.
func (w *Worker) Descriptions() []worker.PluginDescription {
	return []worker.PluginDescription{
		{Class: SinkClass, Type: "sink", Version: Version},
		{Class: SourceClass, Type: "source", Version: Version},
		{Class: "org.apache.kafka.connect.storage.StringConverter", Type: "converter", Version: Version},
	}
}

func defs(source bool) []config.Def {
	out := []config.Def{
		{Key: "name", Type: config.TypeString, Required: true, Importance: "HIGH", Doc: "Globally unique name to use for this connector.",
			Group: "Common", Order: 1, Width: "MEDIUM", DisplayName: "Connector name"},
		{Key: "connector.class", Type: config.TypeString, Required: true, Importance: "HIGH", Group: "Common", Order: 2, Width: "LONG",
			DisplayName: "Connector class"},
		{Key: "tasks.max", Type: config.TypeInt, HasDefault: true, Default: "1", Importance: "HIGH", Group: "Common", Order: 3,
			Width: "SHORT", DisplayName: "Tasks max"},
		{Key: "file", Type: config.TypeString, Importance: "HIGH", Width: "NONE", DisplayName: "file", Order: -1},
		{Key: "secret", Type: config.TypePassword, Importance: "LOW", Width: "NONE", DisplayName: "secret", Order: -1},
	}
	if source {
		out = append(out, config.Def{Key: "topic", Type: config.TypeString, Required: true, Importance: "HIGH", Width: "NONE",
			DisplayName: "topic", Order: -1})
	}
	return out
}

// Definitions lists the options of one of the two.
func (w *Worker) Definitions(class string) ([]config.Def, bool) {
	p, ok := w.Plugin(class)
	if !ok {
		return nil, false
	}
	return defs(p.NewSource != nil), true
}

// Validate finds what is missing, and a tasks.max below 1.
func (w *Worker) Validate(_ context.Context, props map[string]string, _ bool) worker.Validation {
	if w.Validating != nil {
		w.Validating()
	}
	v := worker.Validation{Class: props["connector.class"], Groups: []string{"Common"}}
	p, ok := w.Plugin(v.Class)
	if !ok {
		return v
	}
	v.Type = "sink"
	if p.NewSource != nil {
		v.Type = "source"
	}
	all := defs(p.NewSource != nil)
	for _, d := range all {
		v.Values = append(v.Values, check(d, props))
	}
	for key, near := range config.Unknown(props, all) {
		v.Notes = append(v.Notes, fmt.Sprintf("unknown option %s (near: %q)", key, near))
	}
	slices.Sort(v.Notes)
	return v
}

func check(d config.Def, props map[string]string) worker.ConfigValue {
	cv := worker.ConfigValue{Def: &d, Key: d.Key, Visible: true}
	given, ok := props[d.Key]
	switch {
	case ok && d.Type == config.TypePassword:
		given = config.Hidden
		cv.Value = &given
	case ok:
		cv.Value = &given
	case d.HasDefault:
		cv.Value = &d.Default
	case d.Required:
		cv.Errors = append(cv.Errors, fmt.Sprintf("Missing required configuration %q which has no default value.", d.Key))
	}
	if n, err := strconv.Atoi(given); d.Key == "tasks.max" && ok && (err != nil || n < 1) {
		cv.Errors = append(cv.Errors, fmt.Sprintf("Invalid value %s for configuration tasks.max: Value must be at least 1", given))
	}
	return cv
}

// StartConnector reports the target state.
func (w *Worker) StartConnector(_ context.Context, name string, props map[string]string, target worker.State) {
	w.note("start %s %s", name, target)
	w.mu.Lock()
	w.started[name] = props
	w.mu.Unlock()
	w.Changed(worker.Status{Connector: name, Task: worker.ConnectorTask, State: target, Version: Version})
}

// TaskProps gives one task for a source and tasks.max for a sink.
func (w *Worker) TaskProps(_ context.Context, name string) ([]map[string]string, error) {
	if w.TaskPropsError != nil {
		if err := w.TaskPropsError(name); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	props := w.started[name]
	n, class := 1, "org.apache.kafka.connect.file.FileStreamSourceTask"
	if p, ok := w.Plugin(props["connector.class"]); ok && p.NewSink != nil {
		n, _ = strconv.Atoi(props["tasks.max"])
		class = "org.apache.kafka.connect.file.FileStreamSinkTask"
	}
	out := make([]map[string]string, max(n, 1))
	for i := range out {
		out[i] = map[string]string{"task.class": class}
		for k, v := range props {
			out[i][k] = v
		}
	}
	return out, nil
}

// StopConnector forgets it.
func (w *Worker) StopConnector(_ context.Context, name string) {
	w.note("stop %s", name)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.started, name)
}

func taskID(name string, task int) string { return name + "-" + strconv.Itoa(task) }

// StartTask reports the target state.
func (w *Worker) StartTask(_ context.Context, name string, task int, _ map[string]string, target worker.State) {
	w.note("start-task %s %d %s", name, task, target)
	w.mu.Lock()
	w.tasks[taskID(name, task)] = target
	w.mu.Unlock()
	w.Changed(worker.Status{Connector: name, Task: task, State: target, Version: Version})
}

// StopTask reports UNASSIGNED.
func (w *Worker) StopTask(_ context.Context, name string, task int) {
	w.note("stop-task %s %d", name, task)
	w.mu.Lock()
	delete(w.tasks, taskID(name, task))
	w.mu.Unlock()
	w.Changed(worker.Status{Connector: name, Task: task, State: worker.Unassigned, Version: Version})
}

// SetTarget reports the state of the connector and its tasks.
func (w *Worker) SetTarget(name string, target worker.State) {
	w.note("target %s %s", name, target)
	w.Changed(worker.Status{Connector: name, Task: worker.ConnectorTask, State: target, Version: Version})
	for i := range 64 {
		w.mu.Lock()
		_, ok := w.tasks[taskID(name, i)]
		w.mu.Unlock()
		if ok {
			w.Changed(worker.Status{Connector: name, Task: i, State: target, Version: Version})
		}
	}
}

// AlterOffsets wants a filename in each partition.
func (w *Worker) AlterOffsets(_ string, _ map[string]string, offsets []record.SourceOffset) error {
	for _, o := range offsets {
		if o.Partition.IsNull() {
			return fmt.Errorf("partition objects cannot be null")
		}
		if _, ok := o.Partition.Lookup("filename"); !ok {
			return fmt.Errorf("partition objects must have a filename")
		}
	}
	return nil
}

// Close stops everything.
func (w *Worker) Close(context.Context) { w.note("close") }

// Get, Put and All make the worker an OffsetStore too.
func (w *Worker) Get(_ context.Context, name string, partition record.Value) (record.Value, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.offsets[name] {
		if record.Equal(o.Partition, partition) {
			return o.Offset, nil
		}
	}
	return record.Null, nil
}

// Put stores offsets.
func (w *Worker) Put(_ context.Context, name string, offsets []record.SourceOffset) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range offsets {
		w.offsets[name] = slices.DeleteFunc(w.offsets[name], func(old record.SourceOffset) bool { return record.Equal(old.Partition, o.Partition) })
		if !o.Offset.IsNull() {
			w.offsets[name] = append(w.offsets[name], o)
		}
	}
	return nil
}

// All gives a connector's offsets.
func (w *Worker) All(_ context.Context, name string) ([]record.SourceOffset, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.offsets[name]), nil
}
