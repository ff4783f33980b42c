package herder

import (
	"context"
	"maps"
	"sync"
	"time"

	"leat/connector"
	"leat/worker"
)

// Pauses between tries to split a connector's work or to write its task configs.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 60 * time.Second
)

// runner keeps one connector in step with the config topic: it compares what is wanted with what it has started, again and again,
// so that neither a missed nor a doubled message matters. Commands (restarts, edits of offsets) run between two comparisons.
type runner struct {
	h     *Single
	name  string
	awake chan struct{}

	mu       sync.Mutex
	commands []func(ctx context.Context)
	ended    bool
	known    bool         // the worker knows the connector: its states count
	live     map[int]bool // and those of these tasks

	// The rest belongs to run.
	started *connectorConfig   // the config that the connector was started with, nil: not started
	split   bool               // the work is to be split anew
	tasks   map[int]taskConfig // tasks that were started
	target  map[int]TargetState
	pause   time.Duration
}

func newRunner(h *Single, name string) *runner {
	return &runner{
		h: h, name: name, awake: make(chan struct{}, 1),
		live: map[int]bool{}, tasks: map[int]taskConfig{}, target: map[int]TargetState{},
	}
}

func (r *runner) wakeUp() {
	select {
	case r.awake <- struct{}{}:
	default:
	}
}

// pending tells whether a wake or a command came in.
func (r *runner) pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.awake) > 0 || len(r.commands) > 0
}

// expects tells whether a state that the worker reports is of something that runs here.
func (r *runner) expects(task int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if task == worker.ConnectorTask {
		return r.known
	}
	return r.live[task]
}

func (r *runner) expect(task int, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case task == worker.ConnectorTask:
		r.known = yes
	case yes:
		r.live[task] = true
	default:
		delete(r.live, task)
	}
}

// run works until ctx ends or the connector is deleted.
func (r *runner) run(ctx context.Context) {
	defer r.abandon()
	for {
		var again <-chan time.Time
		if r.pause > 0 {
			again = time.After(r.pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.awake:
		case <-again:
		}
		there := r.reconcile(ctx)
		for _, command := range r.take() {
			command(ctx)
			there = r.reconcile(ctx)
		}
		if !there && r.h.retire(r) {
			return
		}
	}
}

func (r *runner) take() []func(context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.commands
	r.commands = nil
	return out
}

// abandon answers the commands that came too late.
func (r *runner) abandon() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, command := range r.take() {
		command(ended)
	}
}

// enqueue has command run between two comparisons, with an ended ctx when the herder stops before it could; false when it has stopped.
func (h *Single) enqueue(name string, command func(ctx context.Context, r *runner)) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.runnerOf(name)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return false
	}
	r.commands = append(r.commands, func(ctx context.Context) { command(ctx, r) })
	r.wakeUp()
	return true
}

// do is enqueue and wait.
func (h *Single) do(ctx context.Context, name string, command func(ctx context.Context, r *runner) error) error {
	done := make(chan error, 1)
	ending := errorf(Failed, "Worker is shutting down")
	ok := h.enqueue(name, func(running context.Context, r *runner) {
		if running.Err() != nil {
			done <- ending
			return
		}
		done <- command(running, r)
	})
	if !ok {
		return ending
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reconcile makes what runs what the config topic says; false when the connector is gone.
func (r *runner) reconcile(ctx context.Context) bool {
	want, ok := r.h.configs.get(r.name)
	if r.started != nil && (!ok || r.started.incarnation != want.incarnation) {
		r.forget(ctx)
	}
	if !ok || ctx.Err() != nil {
		return ok
	}
	r.stopTasks(ctx, want.runnable())
	r.keepConnector(ctx, want)
	if r.split && want.target == TargetStarted {
		r.splitWork(ctx, want)
		if want, ok = r.h.configs.get(r.name); !ok {
			r.wakeUp()
			return true
		}
		r.stopTasks(ctx, want.runnable())
	}
	r.keepTasks(ctx, want)
	return true
}

// forget stops a deleted connector and removes its states.
func (r *runner) forget(ctx context.Context) {
	r.stopTasks(ctx, nil)
	r.h.worker.StopConnector(ctx, r.name)
	r.expect(worker.ConnectorTask, false)
	r.h.statuses.forget(r.name)
	r.started, r.split, r.pause = nil, false, 0
}

// keepConnector starts the connector, anew when its config changed, and brings it to its target state.
func (r *runner) keepConnector(ctx context.Context, want connectorConfig) {
	was := r.started
	switch {
	case was == nil || !maps.Equal(was.props, want.props):
		r.startConnector(ctx, want)
	case was.target == want.target:
		return
	case was.target == TargetStopped || want.target == TargetStopped:
		r.startConnector(ctx, want)
	default:
		r.h.worker.SetTarget(r.name, want.target.state())
		for task := range r.target {
			r.target[task] = want.target
		}
	}
	r.started = &want
}

func (r *runner) startConnector(ctx context.Context, want connectorConfig) {
	r.expect(worker.ConnectorTask, true)
	r.h.worker.StartConnector(ctx, r.name, want.props, want.target.state())
	r.split, r.pause = true, 0
}

// splitWork asks the connector for its tasks and writes their configs when they changed. What may pass is tried again; what
// needs a person fails the connector until its config changes or it is restarted. Tasks that run go on meanwhile.
func (r *runner) splitWork(ctx context.Context, want connectorConfig) {
	tasks, err := r.h.worker.TaskProps(ctx, r.name)
	if err == nil && !want.sameTasks(tasks) {
		r.h.log.Info("Writing new task configs", "connector", r.name, "tasks", len(tasks))
		if err = r.h.configs.putTasks(ctx, r.name, tasks); err != nil {
			err = connector.Retriablef("task configs were not written: %w", err)
		}
	}
	switch {
	case ctx.Err() != nil:
	case err == nil:
		if r.pause > 0 {
			r.report(worker.Running, "")
		}
		r.split, r.pause = false, 0
	case connector.ClassOf(err) == connector.Retriable:
		r.pause = min(max(2*r.pause, firstPause), lastPause)
		r.h.log.Warn("A connector can not split its work yet, trying again", "connector", r.name, "pause", r.pause, "error", err)
		r.report(worker.Running, "waiting to split the work into tasks: "+err.Error())
	default:
		r.h.log.Error("A connector can not split its work", "connector", r.name, "error", err)
		r.split, r.pause = false, 0
		r.report(worker.Failed, err.Error())
	}
}

// report sets the connector's own state, unless it has failed with a better trace already.
func (r *runner) report(state worker.State, trace string) {
	now, _, _ := r.h.statuses.get(r.name)
	if state == worker.Failed && now.State == worker.Failed && now.Trace != "" {
		return
	}
	r.h.statuses.set(worker.Status{Connector: r.name, Task: worker.ConnectorTask, State: state, Trace: trace, Version: now.Version})
}

// stopTasks ends the tasks that are not wanted, all at once, and removes the states of those and of any that an earlier process left.
func (r *runner) stopTasks(ctx context.Context, wanted map[int]taskConfig) {
	var wg sync.WaitGroup
	for task := range r.tasks {
		if _, ok := wanted[task]; ok {
			continue
		}
		delete(r.tasks, task)
		delete(r.target, task)
		wg.Go(func() {
			r.h.worker.StopTask(ctx, r.name, task)
			r.expect(task, false)
		})
	}
	wg.Wait()
	for _, task := range r.h.statuses.taskIDs(r.name) {
		if _, ok := wanted[task]; !ok {
			r.h.statuses.set(worker.Status{Connector: r.name, Task: task, State: worker.Destroyed})
		}
	}
}

// keepTasks starts the tasks that do not run with their present config.
func (r *runner) keepTasks(ctx context.Context, want connectorConfig) {
	var wg sync.WaitGroup
	for task, cfg := range want.runnable() {
		if was, ok := r.tasks[task]; ok && was.commit == cfg.commit && maps.Equal(was.props, cfg.props) && r.target[task] == want.target {
			continue
		}
		r.noteTask(task, cfg, want.target)
		wg.Go(func() { r.h.worker.StartTask(ctx, r.name, task, cfg.props, want.target.state()) })
	}
	wg.Wait()
}

func (r *runner) noteTask(task int, cfg taskConfig, target TargetState) {
	r.tasks[task], r.target[task] = cfg, target
	r.expect(task, true)
}

// restart starts the connector (when conn) and the given tasks anew.
func (r *runner) restart(ctx context.Context, conn bool, tasks []int) {
	want, ok := r.h.configs.get(r.name)
	if !ok {
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if conn && r.started != nil {
		r.startConnector(ctx, want)
		r.started = &want
	}
	for _, task := range tasks {
		cfg, ok := want.runnable()[task]
		if !ok {
			continue
		}
		r.noteTask(task, cfg, want.target)
		wg.Go(func() { r.h.worker.StartTask(ctx, r.name, task, cfg.props, want.target.state()) })
	}
}
