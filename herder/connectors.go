package herder

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"leat/config"
	"leat/worker"
)

// Connectors lists the connectors.
func (h *Single) Connectors(ctx context.Context) ([]string, error) {
	if err := h.await(ctx); err != nil {
		return nil, err
	}
	return append([]string{}, h.configs.names()...), nil
}

// find gives a connector's config.
func (h *Single) find(ctx context.Context, name string) (connectorConfig, error) {
	if err := h.await(ctx); err != nil {
		return connectorConfig{}, err
	}
	c, ok := h.configs.get(name)
	if !ok {
		return c, notFound(name)
	}
	return c, nil
}

// Connector gives a connector's config and tasks. Passwords are shown as they were put, as Connect does: a cluster is handed over and back by what
// this answers; those who want them hidden use config provider references, which stay unresolved here.
func (h *Single) Connector(ctx context.Context, name string) (ConnectorInfo, error) {
	c, err := h.find(ctx, name)
	if err != nil {
		return ConnectorInfo{}, err
	}
	return h.info(name, c), nil
}

func (h *Single) info(name string, c connectorConfig) ConnectorInfo {
	info := ConnectorInfo{Name: name, Config: c.props, Tasks: []TaskID{}, Type: h.typeOf(c.props)}
	for _, task := range slices.Sorted(maps.Keys(c.tasks)) {
		info.Tasks = append(info.Tasks, TaskID{name, task})
	}
	return info
}

// typeOf is source, sink or unknown.
func (h *Single) typeOf(props map[string]string) string {
	p, ok := h.worker.Plugin(props["connector.class"])
	switch {
	case !ok:
		return "unknown"
	case p.NewSource != nil:
		return "source"
	}
	return "sink"
}

// Tasks gives the configs of a connector's tasks.
func (h *Single) Tasks(ctx context.Context, name string) ([]TaskInfo, error) {
	c, err := h.find(ctx, name)
	if err != nil {
		return nil, err
	}
	out := []TaskInfo{}
	for _, task := range slices.Sorted(maps.Keys(c.tasks)) {
		out = append(out, TaskInfo{TaskID{name, task}, c.tasks[task].props})
	}
	return out, nil
}

// Status gives the states of a connector and its tasks.
func (h *Single) Status(ctx context.Context, name string) (ConnectorStatus, error) {
	if err := h.await(ctx); err != nil {
		return ConnectorStatus{}, err
	}
	conn, tasks, ok := h.statuses.get(name)
	if !ok {
		return ConnectorStatus{}, errorf(NotFound, "No status found for connector %s", name)
	}
	c, _ := h.configs.get(name)
	return ConnectorStatus{name, conn, tasks, h.typeOf(c.props)}, nil
}

// TaskStatus gives the state of a task.
func (h *Single) TaskStatus(ctx context.Context, name string, task int) (TaskStatus, error) {
	if err := h.await(ctx); err != nil {
		return TaskStatus{}, err
	}
	st, ok := h.statuses.task(name, task)
	if !ok {
		return st, errorf(NotFound, "No status found for task %s-%d", name, task)
	}
	return st, nil
}

// Create makes a new connector.
func (h *Single) Create(ctx context.Context, name string, change Change, initial TargetState) (ConnectorInfo, error) {
	info, _, err := h.put(ctx, name, change, initial, func(_ connectorConfig, exists bool) error {
		if exists {
			return errorf(Exists, "Connector %s already exists", name)
		}
		return nil
	})
	return info, err
}

// Configure replaces a connector's config, or makes the connector.
func (h *Single) Configure(ctx context.Context, name string, change Change) (ConnectorInfo, bool, error) {
	return h.put(ctx, name, change, "", func(connectorConfig, bool) error { return nil })
}

// Patch changes some keys of a connector's config.
func (h *Single) Patch(ctx context.Context, name string, change Change) (ConnectorInfo, error) {
	base, err := h.find(ctx, name)
	if err != nil {
		return ConnectorInfo{}, err
	}
	props := maps.Clone(base.props)
	for k, v := range change {
		if v == nil {
			delete(props, k)
			continue
		}
		props[k] = *v
	}
	info, _, err := h.put(ctx, name, ChangeTo(props), "", func(now connectorConfig, exists bool) error {
		switch {
		case !exists:
			return notFound(name)
		case !maps.Equal(now.props, base.props):
			return errorf(Conflict, "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")
		}
		return nil
	})
	return info, err
}

// put validates a config and writes it, unless allow, which sees what is there just before the write, says no.
func (h *Single) put(ctx context.Context, name string, change Change, initial TargetState,
	allow func(now connectorConfig, exists bool) error) (info ConnectorInfo, created bool, err error) {
	v, err := h.Validate(ctx, change)
	if err != nil {
		return info, false, err
	}
	if err := invalid(v); err != nil {
		return info, false, err
	}
	for _, note := range v.Notes {
		h.log.Warn("Connector config: "+note, "connector", name)
	}
	h.writes.Lock()
	defer h.writes.Unlock()
	now, exists := h.configs.get(name)
	if err := allow(now, exists); err != nil {
		return info, false, err
	}
	now.props = change.props()
	if err := h.configs.putConnector(ctx, name, now.props, initial); err != nil {
		return info, false, err
	}
	return h.info(name, now), !exists, nil
}

// invalid gives Connect's error of a config with errors.
func invalid(v worker.Validation) error {
	errs := v.Errors()
	if len(errs) == 0 {
		return nil
	}
	return errorf(BadRequest, "Connector configuration is invalid and contains the following %d error(s):\n%s\n"+
		"You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
		len(errs), strings.Join(errs, "\n"))
}

// Validate checks a config.
func (h *Single) Validate(ctx context.Context, change Change) (worker.Validation, error) {
	if err := h.await(ctx); err != nil {
		return worker.Validation{}, err
	}
	props := change.props()
	class, ok := props["connector.class"]
	if !ok {
		// Invariant 10: Connect shows the values here.
		return worker.Validation{}, errorf(BadRequest, "Connector config {%s} contains no connector type",
			strings.Join(slices.Sorted(maps.Keys(change)), ", "))
	}
	if _, ok := h.worker.Plugin(class); !ok && !strings.Contains(class, "${") { // a reference is the worker's to resolve
		return worker.Validation{}, h.unknownClass(class)
	}
	v := h.worker.Validate(ctx, props, true)
	addNulls(&v, change)
	h.checkName(&v, props)
	return v, nil
}

// unknownClass is Connect's message, and what may have been meant.
func (h *Single) unknownClass(class string) error {
	var classes, words []string
	for _, d := range h.worker.Descriptions() {
		if d.Type == "source" || d.Type == "sink" {
			classes = append(classes, d.Class)
			words = append(words, d.Class, d.Class[strings.LastIndexByte(d.Class, '.')+1:])
		}
	}
	hint := ""
	if near := config.Nearest(class, words); near != "" {
		hint = ". Did you mean " + near + "?"
	}
	return errorf(BadRequest, "Failed to find any class that implements Connector and which name matches %s, available connectors are: %s%s",
		class, strings.Join(classes, ", "), hint)
}

// addNulls adds an error for each null.
func addNulls(v *worker.Validation, change Change) {
	for _, key := range slices.Sorted(maps.Keys(change)) {
		if change[key] == nil {
			value := valueOf(v, key)
			value.Errors = append(value.Errors, "Null value can not be supplied as the configuration value.")
		}
	}
}

// valueOf finds the value of a key, or adds one without a definition.
func valueOf(v *worker.Validation, key string) *worker.ConfigValue {
	for i := range v.Values {
		if v.Values[i].Key == key {
			return &v.Values[i]
		}
	}
	v.Values = append(v.Values, worker.ConfigValue{Key: key, Visible: true})
	return &v.Values[len(v.Values)-1]
}

// checkName adds the errors of a connector's name that depend on this worker, and those of the name itself where validation has
// not found them.
func (h *Single) checkName(v *worker.Validation, props map[string]string) {
	name, ok := props["name"]
	value := valueOf(v, "name")
	if problem := nameProblem(name); ok && problem != "" && len(value.Errors) == 0 {
		value.Errors = append(value.Errors, problem)
	}
	group := h.opts.Props["group.id"]
	if v.Type != "sink" || group == "" {
		return
	}
	if own, ok := props[groupOverride]; ok {
		if own == group {
			value := valueOf(v, groupOverride)
			value.Errors = append(value.Errors, "Consumer group "+own+" conflicts with Connect worker group "+group)
		}
	} else if groupOf(name, props) == group {
		value.Errors = append(value.Errors, "Consumer group for sink connector named "+name+" conflicts with Connect worker group "+group)
	}
}

// nameProblem tells what is wrong with a connector's name.
func nameProblem(name string) string {
	prefix := "Invalid value " + name + " for configuration name: "
	if strings.TrimSpace(name) == "" {
		return prefix + "String may not be empty"
	}
	var codes []string
	for _, r := range name {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r <= 0x9f {
			codes = append(codes, strconv.Itoa(int(r)))
		}
	}
	if codes != nil {
		return prefix + "String may not contain control sequences but had the following ASCII chars: " +
			strings.Join(codes, ", ")
	}
	return ""
}

// Notes gives what validation says beyond errors.
func (h *Single) Notes(ctx context.Context, name string) ([]string, error) {
	c, err := h.find(ctx, name)
	if err != nil {
		return nil, err
	}
	return append([]string{}, h.worker.Validate(ctx, c.props, false).Notes...), nil
}

// Delete removes a connector.
func (h *Single) Delete(ctx context.Context, name string) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	h.writes.Lock()
	defer h.writes.Unlock()
	if _, err := h.find(ctx, name); err != nil {
		return err
	}
	return h.configs.remove(ctx, name)
}

// SetTarget pauses, resumes or stops a connector. A stopped one has no tasks, in the topic neither: those are written first, as a STOPPED
// connector with tasks would confuse.
func (h *Single) SetTarget(ctx context.Context, name string, target TargetState) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	h.writes.Lock()
	defer h.writes.Unlock()
	if _, ok := h.configs.get(name); !ok {
		return errorf(NotFound, "Unknown connector %s", name)
	}
	if target == TargetStopped {
		if err := h.configs.putTasks(ctx, name, nil); err != nil {
			return err
		}
	}
	return h.configs.putTarget(ctx, name, target)
}

// Restart restarts a connector without its tasks.
func (h *Single) Restart(ctx context.Context, name string) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	if _, ok := h.configs.get(name); !ok {
		return errorf(NotFound, "Unknown connector: %s", name)
	}
	return h.do(ctx, name, func(ctx context.Context, r *runner) error {
		r.restart(ctx, true, nil)
		return nil
	})
}

// RestartTask restarts one task.
func (h *Single) RestartTask(ctx context.Context, name string, task int) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	c, ok := h.configs.get(name)
	if !ok {
		return errorf(NotFound, "Unknown connector: %s", name)
	}
	if _, ok := c.tasks[task]; !ok {
		return errorf(NotFound, "Unknown task: %s-%d", name, task)
	}
	return h.do(ctx, name, func(ctx context.Context, r *runner) error {
		r.restart(ctx, false, []int{task})
		return nil
	})
}

// RestartAll restarts a connector, and its tasks if asked, or what of them has failed. It answers at once with what will be restarted.
func (h *Single) RestartAll(ctx context.Context, name string, req RestartRequest) (ConnectorStatus, error) {
	if err := h.await(ctx); err != nil {
		return ConnectorStatus{}, err
	}
	c, ok := h.configs.get(name)
	if !ok {
		return ConnectorStatus{}, errorf(NotFound, "Unknown connector: %s", name)
	}
	conn, tasks, ok := h.statuses.get(name)
	if !ok {
		return ConnectorStatus{}, errorf(NotFound, "Status for connector %s not found", name)
	}
	wanted := func(s worker.State) bool { return !req.OnlyFailed || s == worker.Failed }
	restartConn := wanted(conn.State)
	if restartConn {
		conn.State = worker.Restarting
		h.statuses.set(worker.Status{Connector: name, Task: worker.ConnectorTask, State: worker.Restarting, Version: conn.Version})
	}
	var ids []int
	for i, t := range tasks {
		if req.IncludeTasks && wanted(t.State) {
			tasks[i].State = worker.Restarting
			ids = append(ids, t.ID)
			h.statuses.set(worker.Status{Connector: name, Task: t.ID, State: worker.Restarting, Version: t.Version})
		}
	}
	h.enqueue(name, func(ctx context.Context, r *runner) {
		if ctx.Err() == nil {
			r.restart(ctx, restartConn, ids)
		}
	})
	return ConnectorStatus{name, conn, tasks, h.typeOf(c.props)}, nil
}

// Topics lists the topics that a connector has used.
func (h *Single) Topics(ctx context.Context, name string) ([]string, error) {
	if err := h.tracking(ctx); err != nil {
		return nil, err
	}
	return h.statuses.topicsOf(name), nil
}

// ResetTopics forgets them.
func (h *Single) ResetTopics(ctx context.Context, name string) error {
	if err := h.tracking(ctx); err != nil {
		return err
	}
	if !h.enabled("topic.tracking.allow.reset") {
		return errorf(Forbidden, "Topic tracking reset is disabled.")
	}
	h.statuses.resetTopics(name)
	return nil
}

func (h *Single) tracking(ctx context.Context) error {
	if !h.enabled("topic.tracking.enable") {
		return errorf(Forbidden, "Topic tracking is disabled.")
	}
	return h.await(ctx)
}

// Plugins lists the plug-ins.
func (h *Single) Plugins(ctx context.Context) ([]PluginInfo, error) {
	if err := h.await(ctx); err != nil {
		return nil, err
	}
	out := []PluginInfo{}
	for _, d := range h.worker.Descriptions() {
		out = append(out, PluginInfo{d.Class, d.Type, d.Version})
	}
	return out, nil
}

// PluginConfig lists the options of a plug-in.
func (h *Single) PluginConfig(ctx context.Context, class string) ([]config.Def, error) {
	if err := h.await(ctx); err != nil {
		return nil, err
	}
	defs, ok := h.worker.Definitions(class)
	if !ok {
		return nil, errorf(NotFound, "Unknown plugin %s.", class)
	}
	return defs, nil
}

// Loggers lists the loggers that have a level of their own.
func (h *Single) Loggers(context.Context) (map[string]LoggerLevel, error) {
	return h.opts.Loggers.Levels(), nil
}

// Logger gives the level of a logger.
func (h *Single) Logger(_ context.Context, name string) (LoggerLevel, error) {
	level, ok := h.opts.Loggers.Level(name)
	if !ok {
		return level, errorf(NotFound, "Logger %s not found.", name)
	}
	return level, nil
}

// SetLogger sets a level, here or on every worker.
func (h *Single) SetLogger(ctx context.Context, name, level string, cluster bool) ([]string, error) {
	if !cluster {
		return h.setLogger(name, level), nil
	}
	if err := h.await(ctx); err != nil {
		return nil, err
	}
	return nil, h.configs.putLogger(ctx, name, level)
}

func (h *Single) setLogger(name, level string) []string {
	h.log.Info("Setting log level", "logger", name, "level", level)
	return h.opts.Loggers.Set(name, level)
}
