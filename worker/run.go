package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	"leat/config"
	"leat/connector"
	"leat/metrics"
	"leat/record"
)

// Worker runs connectors and tasks. Its methods may be called from any goroutine.
type Worker struct {
	opts     Options
	log      *slog.Logger
	settings workerSettings
	limits   limits
	scope    *metrics.Scope

	mu         sync.Mutex
	connectors map[string]*running
	tasks      map[taskID]*task
	topics     map[connectorTopic]bool // told to Options.TopicUsed
	closed     bool
	reporting  sync.Map // connector name → *sync.Mutex: keeps Changed in order
	starting   sync.Map // taskID → *sync.Mutex: one StartTask or StopTask at a time
}

var _ API = (*Worker)(nil)

// running is a connector that was started.
type running struct {
	props  map[string]string
	target State
	plan   *plan // nil when it failed
	scope  *metrics.Scope
}

type taskID struct {
	connector string
	task      int
}

type connectorTopic struct{ connector, topic string }

// limits bound what a task holds and waits; tests make them small.
type limits struct {
	sourceBytes int64         // between Source.Read and acknowledgement
	flush       time.Duration // longest that something acknowledged waits to be stored, unless offset.flush.interval.ms says
	poll        time.Duration // longest wait of one Poll
	retryFirst  time.Duration
	retryMax    time.Duration
	settle      time.Duration // a call that runs this long after an outage counts as success
	abandon     time.Duration // how long a killed task may take to end
}

var defaultLimits = limits{
	sourceBytes: 32 << 20, flush: time.Second, poll: 500 * time.Millisecond,
	retryFirst: 500 * time.Millisecond, retryMax: time.Minute, settle: 10 * time.Second, abandon: 3 * time.Second,
}

// New makes a worker. Worker properties that do not parse take their defaults and are logged: whoever starts the worker has
// checked them before.
func New(opts Options) *Worker {
	w := &Worker{
		opts: opts, log: opts.Logger, limits: defaultLimits,
		connectors: map[string]*running{}, tasks: map[taskID]*task{}, topics: map[connectorTopic]bool{},
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range config.Parse(opts.Props, &w.settings) {
		w.log.Warn("worker option is not usable", "problem", p.String())
	}
	if w.settings.FlushInterval != nil {
		w.limits.flush = *w.settings.FlushInterval
	}
	w.scope = opts.Metrics.Worker()
	w.scope.GaugeFunc(metrics.ConnectorCount, func() float64 { return float64(w.count(func() int { return len(w.connectors) })) })
	w.scope.GaugeFunc(metrics.TaskCount, func() float64 { return float64(w.count(func() int { return len(w.tasks) })) })
	return w
}

func (w *Worker) count(of func() int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return of()
}

// StartConnector makes a connector known.
func (w *Worker) StartConnector(ctx context.Context, name string, props map[string]string, target State) {
	in := w.inspect(withName(name, props))
	for _, note := range in.notes {
		w.log.Warn(note, "connector", name)
	}
	r := &running{props: maps.Clone(props), target: target, scope: w.opts.Metrics.Connector(name)}
	st := Status{Connector: name, Task: ConnectorTask, State: target}
	if err := in.err(); err != nil {
		st.State, st.Trace = Failed, err.Error()
		w.scope.Outcome(metrics.ConnectorStartup).Failure()
	} else {
		w.scope.Outcome(metrics.ConnectorStartup).Success()
		r.plan = &in.plan
		st.Version = in.plugin.Version
		r.scope.Text(metrics.ConnectorClass).Set(first(in.plugin.Classes, in.plugin.Name))
		r.scope.Text(metrics.ConnectorType).Set(kindOf(in.plugin))
		r.scope.Text(metrics.ConnectorVersion).Set(in.plugin.Version)
	}
	w.mu.Lock()
	if old := w.connectors[name]; old != nil {
		old.scope.Close()
	}
	w.connectors[name] = r
	w.mu.Unlock()
	r.scope.Text(metrics.ConnectorStatus).Set(string(st.State))
	w.countTasks(r.scope, name)
	w.report(st)
}

// countTasks shows how many of a connector's tasks in this worker are in which state.
func (w *Worker) countTasks(scope *metrics.Scope, name string) {
	count := func(match func(State) bool) func() float64 {
		return func() float64 {
			n := 0
			for _, t := range w.tasksOf(name) {
				if match(t.state()) {
					n++
				}
			}
			return float64(n)
		}
	}
	scope.GaugeFunc(metrics.ConnectorTotalTasks, count(func(State) bool { return true }))
	for state, m := range map[State]metrics.GaugeMetric{
		Running: metrics.ConnectorRunningTasks, Paused: metrics.ConnectorPausedTasks, Failed: metrics.ConnectorFailedTasks,
		Unassigned: metrics.ConnectorUnassignedTasks, Destroyed: metrics.ConnectorDestroyedTasks, Restarting: metrics.ConnectorRestartingTasks,
	} {
		scope.GaugeFunc(m, count(func(s State) bool { return s == state }))
	}
}

func (w *Worker) tasksOf(name string) []*task {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*task
	for id, t := range w.tasks {
		if id.connector == name {
			out = append(out, t)
		}
	}
	return out
}

// withName gives props with the name that REST carries in its path.
func withName(name string, props map[string]string) map[string]string {
	out := maps.Clone(props)
	if out == nil {
		out = map[string]string{}
	}
	if out["name"] == "" {
		out["name"] = name
	}
	return out
}

// TaskProps splits a connector's work.
func (w *Worker) TaskProps(ctx context.Context, name string) ([]map[string]string, error) {
	w.mu.Lock()
	r := w.connectors[name]
	w.mu.Unlock()
	if r == nil {
		return nil, fmt.Errorf("connector %s is not running in this worker", name)
	}
	if r.plan == nil {
		return nil, fmt.Errorf("connector %s has no usable configuration", name)
	}
	split, err := r.split(ctx)
	if err != nil {
		return nil, fmt.Errorf("split connector %s into tasks: %w", name, err)
	}
	for i := range split {
		split[i] = maps.Clone(split[i])
		split[i]["task.class"] = r.plan.plugin.TaskClass
	}
	return split, nil
}

func (r *running) split(ctx context.Context) ([]map[string]string, error) {
	p, most := r.plan.plugin, r.plan.common.TasksMax
	if p.SingleTask {
		most = 1
	}
	if p.NewSink != nil {
		out := make([]map[string]string, most)
		for i := range out {
			out[i] = r.props
		}
		return out, nil
	}
	if p.Tasks == nil {
		return []map[string]string{r.props}, nil
	}
	var out []map[string]string
	err := guarded(func() (err error) {
		out, err = p.Tasks(ctx, r.plan.cfg, maps.Clone(r.props), most)
		return err
	})
	if err == nil && len(out) > most && r.plan.common.TasksMaxStrict {
		err = connector.Fatalf("The connector %s has generated %d tasks, which is greater than %d, the maximum number of tasks it is configured to create", r.props["name"], len(out), most)
	}
	return out, err
}

// StopConnector forgets a connector.
func (w *Worker) StopConnector(_ context.Context, name string) {
	w.mu.Lock()
	r := w.connectors[name]
	delete(w.connectors, name)
	for t := range w.topics {
		if t.connector == name {
			delete(w.topics, t)
		}
	}
	w.mu.Unlock()
	if r != nil {
		r.scope.Close()
		w.report(Status{Connector: name, Task: ConnectorTask, State: Unassigned})
	}
}

// StartTask starts or replaces a task.
func (w *Worker) StartTask(ctx context.Context, name string, id int, props map[string]string, target State) {
	key := taskID{name, id}
	defer w.lock(&w.starting, key)()
	w.mu.Lock()
	old := w.tasks[key]
	w.mu.Unlock()
	if old != nil {
		old.stop(ctx)
	}
	t := newTask(w, key, target)
	w.mu.Lock()
	closed := w.closed
	if !closed {
		w.tasks[key] = t
	}
	w.mu.Unlock()
	if closed {
		return
	}
	go t.run(withName(name, props))
}

// StopTask drains and ends a task.
func (w *Worker) StopTask(ctx context.Context, name string, id int) {
	key := taskID{name, id}
	defer w.lock(&w.starting, key)()
	w.mu.Lock()
	t := w.tasks[key]
	delete(w.tasks, key)
	w.mu.Unlock()
	if t != nil {
		t.stop(ctx)
		w.report(Status{Connector: name, Task: id, State: Unassigned})
	}
}

// SetTarget pauses or resumes in place.
func (w *Worker) SetTarget(name string, target State) {
	tasks := w.tasksOf(name)
	w.mu.Lock()
	r := w.connectors[name]
	st := Status{Connector: name, Task: ConnectorTask, State: target}
	tell := r != nil && r.plan != nil
	if tell {
		r.target = target
		st.Version = r.plan.plugin.Version
	}
	w.mu.Unlock()
	if tell {
		r.scope.Text(metrics.ConnectorStatus).Set(string(target))
		w.report(st)
	}
	if target != Running && target != Paused {
		return // a stopped connector's tasks are ended by StopTask
	}
	for _, t := range tasks {
		t.setTarget(target)
	}
}

// AlterOffsets checks an edit of a stopped source's offsets.
func (w *Worker) AlterOffsets(name string, props map[string]string, offsets []record.SourceOffset) error {
	in := w.inspect(withName(name, props))
	switch {
	case in.plugin == nil:
		return in.err()
	case in.plugin.AlterOffsets == nil:
		return nil
	}
	return guarded(func() error { return in.plugin.AlterOffsets(in.props, offsets) })
}

// Close stops everything.
func (w *Worker) Close(ctx context.Context) {
	w.mu.Lock()
	w.closed = true
	ids := make([]taskID, 0, len(w.tasks))
	for id := range w.tasks {
		ids = append(ids, id)
	}
	names := make([]string, 0, len(w.connectors))
	for n := range w.connectors {
		names = append(names, n)
	}
	w.mu.Unlock()
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() { w.StopTask(ctx, id.connector, id.task) })
	}
	all.Wait()
	for _, n := range names {
		w.StopConnector(ctx, n)
	}
}

func (w *Worker) report(s Status) {
	w.reportBy(s.Connector, func() (Status, bool) { return s, true })
}

// reportBy tells of a status that is made while no other of the connector can overtake it.
func (w *Worker) reportBy(connector string, status func() (Status, bool)) {
	defer w.lock(&w.reporting, connector)()
	if s, ok := status(); ok && w.opts.Changed != nil {
		w.opts.Changed(s)
	}
}

// lock locks the mutex of key and gives the unlocking.
func (w *Worker) lock(in *sync.Map, key any) (unlock func()) {
	m, _ := in.LoadOrStore(key, &sync.Mutex{})
	mu := m.(*sync.Mutex)
	mu.Lock()
	return mu.Unlock
}

// topicUsed tells once per connector and topic.
func (w *Worker) topicUsed(id taskID, topic string) {
	key := connectorTopic{id.connector, topic}
	w.mu.Lock()
	told := w.topics[key]
	w.topics[key] = true
	w.mu.Unlock()
	if !told && w.opts.TopicUsed != nil {
		w.opts.TopicUsed(id.connector, id.task, topic)
	}
}

func (id taskID) String() string { return id.connector + "-" + strconv.Itoa(id.task) }

// errStopped ends a wait because the task is to stop; it is no failure.
var errStopped = errors.New("the task is stopping")
