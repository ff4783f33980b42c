package herder

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"leat/kafka"
	"leat/record"
)

// configs is the config topic, as read so far. It is changed only by what comes back from the topic, so that all workers of a
// cluster see the same order of events.
type configs struct {
	topic string
	table kafka.Table
	log   *slog.Logger
	// connectorChanged and loggerChanged are told of what arrives once live is set; they must not block.
	connectorChanged func(name string)
	loggerChanged    func(name, level string)

	mu           sync.Mutex
	live         bool
	connectors   map[string]*connectorConfig
	targets      map[string]TargetState // of connectors whose config has not come yet too: it is written first
	incarnations int
}

// connectorConfig is what the topic says of one connector. A copy by value may be read without the lock: its maps are replaced,
// not changed, except deferred.
type connectorConfig struct {
	props  map[string]string
	target TargetState
	// incarnation differs between a connector and one of the same name made after its deletion.
	incarnation int
	// tasks are the committed task configs; count is what the last commit says, complete that all of them are there (compaction
	// may have taken some).
	tasks    map[int]taskConfig
	count    int
	complete bool
	// applied are the props that the task configs were made from.
	applied  map[string]string
	deferred map[int]taskConfig
}

// taskConfig is one task's config; commit tells two writings of the same props apart.
type taskConfig struct {
	props  map[string]string
	commit int64
}

func newConfigs(topic string, log *slog.Logger) *configs {
	return &configs{topic: topic, log: log, connectors: map[string]*connectorConfig{}, targets: map[string]TargetState{}}
}

// changed takes one message of the topic.
func (c *configs) changed(m kafka.Message) {
	c.mu.Lock()
	live := c.live
	name, level, err := c.apply(string(m.Key), m.Value, int64(m.Offset))
	c.mu.Unlock()
	if err != nil {
		c.log.Warn("Ignoring a record of the config topic that can not be read", "key", string(m.Key), "offset", m.Offset, "error", err)
		return
	}
	if live && name != "" {
		c.connectorChanged(name)
	}
	if live && level != "" {
		c.loggerChanged(strings.TrimPrefix(string(m.Key), loggerPrefix), level)
	}
}

// apply gives the connector touched, or the level of a logger.
func (c *configs) apply(key string, value []byte, offset int64) (name, level string, err error) {
	switch {
	case strings.HasPrefix(key, targetStatePrefix):
		name = key[len(targetStatePrefix):]
		return name, "", c.applyTarget(name, value)
	case strings.HasPrefix(key, connectorPrefix):
		name = key[len(connectorPrefix):]
		return name, "", c.applyConnector(name, value)
	case strings.HasPrefix(key, commitPrefix):
		name = key[len(commitPrefix):]
		return name, "", c.applyCommit(name, value)
	case strings.HasPrefix(key, taskPrefix):
		return "", "", c.applyTask(key[len(taskPrefix):], value, offset)
	case strings.HasPrefix(key, loggerPrefix):
		var v loggerValue
		if value != nil {
			err = json.Unmarshal(value, &v)
		}
		return "", v.Level, err
	}
	// session-key, restart-connector-* and tasks-fencing-* are for groups of workers.
	return "", "", nil
}

func (c *configs) applyTarget(name string, value []byte) error {
	target := TargetStarted
	if value != nil {
		var err error
		if target, err = decodeTarget(value); err != nil {
			return err
		}
		c.targets[name] = target
	} else {
		delete(c.targets, name)
	}
	if e := c.connectors[name]; e != nil {
		e.target = target
	}
	return nil
}

func (c *configs) applyConnector(name string, value []byte) error {
	if value == nil {
		delete(c.connectors, name)
		delete(c.targets, name)
		return nil
	}
	props, err := decodeProps(value)
	if err != nil {
		return err
	}
	e := c.connectors[name]
	if e == nil {
		c.incarnations++
		e = &connectorConfig{incarnation: c.incarnations, target: c.targets[name], complete: true, deferred: map[int]taskConfig{}}
		if e.target == "" {
			e.target = TargetStarted
		}
		c.connectors[name] = e
	}
	e.props = props
	return nil
}

// applyTask keeps a task config until its commit. Without a connector it is what compaction left of a deleted one.
func (c *configs) applyTask(id string, value []byte, offset int64) error {
	name, task, ok := splitTask(id)
	if !ok {
		return fmt.Errorf("not a task's key")
	}
	e := c.connectors[name]
	if e == nil || value == nil {
		return nil
	}
	props, err := decodeProps(value)
	if err != nil {
		return err
	}
	e.deferred[task] = taskConfig{props: props, commit: offset}
	return nil
}

func (c *configs) applyCommit(name string, value []byte) error {
	e := c.connectors[name]
	if e == nil || value == nil {
		return nil
	}
	var v commitValue
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	tasks := maps.Clone(e.tasks)
	if tasks == nil {
		tasks = map[int]taskConfig{}
	}
	maps.Copy(tasks, e.deferred)
	clear(e.deferred)
	e.count, e.complete = v.Tasks, true
	for i := range v.Tasks {
		if _, ok := tasks[i]; !ok {
			e.complete = false
			return nil
		}
	}
	maps.DeleteFunc(tasks, func(i int, _ taskConfig) bool { return i >= v.Tasks })
	e.tasks, e.applied = tasks, e.props
	return nil
}

// goLive begins to tell of changes and gives the connectors that are there.
func (c *configs) goLive() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = true
	return slices.Sorted(maps.Keys(c.connectors))
}

func (c *configs) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.connectors))
}

func (c *configs) get(name string) (connectorConfig, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.connectors[name]
	if e == nil {
		return connectorConfig{}, false
	}
	out := *e
	out.deferred = nil
	return out, true
}

// write puts messages and waits until they have come back.
func (c *configs) write(ctx context.Context, messages ...kafka.Message) error {
	if err := c.table.Put(ctx, messages...); err != nil {
		return &Error{Failed, "Failed to write to config topic; this may be due to a transient error and the request can be safely retried: " + err.Error(), err}
	}
	return c.table.Sync(ctx)
}

func (c *configs) message(key string, value []byte) kafka.Message {
	return kafka.Message{Topic: c.topic, Partition: 0, Timestamp: record.NoTimestamp, Key: []byte(key), Value: value}
}

func (c *configs) putConnector(ctx context.Context, name string, props map[string]string, target TargetState) error {
	var out []kafka.Message
	if target != "" {
		out = append(out, c.message(targetStatePrefix+name, encodeTarget(target)))
	}
	return c.write(ctx, append(out, c.message(connectorPrefix+name, encodeProps(props)))...)
}

func (c *configs) putTarget(ctx context.Context, name string, target TargetState) error {
	return c.write(ctx, c.message(targetStatePrefix+name, encodeTarget(target)))
}

func (c *configs) putTasks(ctx context.Context, name string, tasks []map[string]string) error {
	var out []kafka.Message
	for i, props := range tasks {
		out = append(out, c.message(taskKey(taskPrefix, name, i), encodeProps(props)))
	}
	return c.write(ctx, append(out, c.message(commitPrefix+name, encode(commitValue{Tasks: len(tasks)})))...)
}

func (c *configs) putLogger(ctx context.Context, name, level string) error {
	return c.write(ctx, c.message(loggerPrefix+name, encode(loggerValue{Level: level})))
}

// remove deletes a connector. Its task configs stay in the topic, as Connect leaves them: no reader heeds them without a connector.
func (c *configs) remove(ctx context.Context, name string) error {
	return c.write(ctx, c.message(connectorPrefix+name, nil), c.message(targetStatePrefix+name, nil))
}

// sameTasks tells whether the committed task configs are tasks, made from the present props.
func (e connectorConfig) sameTasks(tasks []map[string]string) bool {
	if !e.complete || e.count != len(tasks) || e.applied == nil || !maps.Equal(e.applied, e.props) {
		return false
	}
	for i, props := range tasks {
		if !maps.Equal(e.tasks[i].props, props) {
			return false
		}
	}
	return true
}

// runnable are the tasks that should run.
func (e connectorConfig) runnable() map[int]taskConfig {
	if !e.complete || e.target == TargetStopped {
		return nil
	}
	return e.tasks
}
