package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"leat/connector"
	"leat/metrics"
	"leat/record"
)

// task is one life of a task, from StartTask to its end. Its goroutine is owned by the worker: stop waits for it.
type task struct {
	w       *Worker
	id      taskID
	log     *slog.Logger
	scope   *metrics.Scope
	version string

	startOnce sync.Once

	// The two steps of stopping: drain is closed first, then now is cancelled and the clients are closed.
	drain     chan struct{}
	drainOnce sync.Once
	now       context.Context
	kill      context.CancelFunc
	done      chan struct{}

	mu        sync.Mutex
	target    State
	moved     chan struct{} // closed and replaced when target changes
	trace     string        // of a wait
	since     time.Time     // of the wait
	tries     int           // in the wait
	restarts  int
	ended     bool
	abandoned bool
	fences    []func()
	careful   atomic.Bool // a source's messages go one by one
	paused    time.Duration
	pausedAt  time.Time
	began     time.Time
}

func newTask(w *Worker, id taskID, target State) *task {
	now, kill := context.WithCancel(context.Background())
	t := &task{
		w: w, id: id, target: target, now: now, kill: kill,
		log:   w.log.With("connector", id.connector, "task", id.task),
		scope: w.opts.Metrics.Task(id.connector, id.task),
		drain: make(chan struct{}), done: make(chan struct{}), moved: make(chan struct{}), began: time.Now(),
	}
	if target == Paused {
		t.pausedAt = t.began
	}
	return t
}

// run lives until the task has ended, for whatever reason.
func (t *task) run(props map[string]string) {
	defer close(t.done)
	defer t.kill()
	t.tell()
	err := guarded(func() error { return t.live(props) })
	t.fence()
	t.started(err)
	if err == nil || errors.Is(err, errStopped) || t.now.Err() != nil && errors.Is(err, context.Canceled) {
		t.scope.Close()
		return
	}
	t.log.Error("task failed", "error", err)
	t.fail(err)
}

func (t *task) live(props map[string]string) error {
	in := t.w.inspect(props)
	if err := in.err(); err != nil {
		return err
	}
	t.mu.Lock()
	t.version = in.plugin.Version
	t.mu.Unlock()
	t.describe(&in.plan)
	t.tell()
	t.started(nil)
	if err := t.whilePaused(); err != nil {
		return err
	}
	return t.supervise(&in.plan)
}

// supervise runs the task, and begins anew from what is stored when it ended with something that passes.
func (t *task) supervise(p *plan) error {
	run := runSink
	if p.plugin.NewSource != nil {
		run = runSource
	}
	o := t.outage(record.Capture, "run "+p.plugin.Name)
	for {
		start := time.Now()
		var err error
		o.running(func() { err = run(t, p) })
		if time.Since(start) > t.w.limits.settle {
			o.pause = 0
		}
		t.fence()
		switch {
		case errors.Is(err, errCareful):
		case t.draining() || connector.ClassOf(err) != connector.Retriable:
			return err
		default:
			if err := o.wait(t.now, err); err != nil {
				return err
			}
		}
	}
}

// started counts the start once: a success when the configuration was right.
func (t *task) started(err error) {
	t.startOnce.Do(func() {
		outcome := t.w.scope.Outcome(metrics.TaskStartup)
		if err == nil {
			outcome.Success()
		} else {
			outcome.Failure()
		}
	})
}

// state is what the task does now.
func (t *task) state() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return Failed
	}
	return t.target
}

func (t *task) describe(p *plan) {
	s := t.scope
	s.Text(metrics.TaskConnectorClass).Set(first(p.plugin.Classes, p.plugin.Name))
	s.Text(metrics.TaskConnectorType).Set(kindOf(p.plugin))
	s.Text(metrics.TaskConnectorVersion).Set(p.plugin.Version)
	s.Text(metrics.TaskClass).Set(p.plugin.TaskClass)
	s.Text(metrics.TaskVersion).Set(p.plugin.Version)
	s.Text(metrics.KeyConverterClass).Set(p.keyClass)
	s.Text(metrics.ValueConverterClass).Set(p.valueClass)
	s.Text(metrics.HeaderConverterClass).Set(p.headerClass)
	s.GaugeFunc(metrics.TaskPauseRatio, t.pauseRatio)
	s.GaugeFunc(metrics.TaskRunningRatio, func() float64 { return 1 - t.pauseRatio() })
}

func (t *task) pauseRatio() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	paused := t.paused
	if t.target == Paused {
		paused += time.Since(t.pausedAt)
	}
	return min(1, float64(paused)/float64(max(1, time.Since(t.began))))
}

// panicError is a panic of a plug-in, with its stack.
type panicError struct {
	value any
	stack []byte
}

// Error gives the panic and where it was.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// guarded turns a panic into an error: a connector that breaks fails its task, never the process.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return f()
}

// stop ends the task in two steps and returns when it has ended, or was abandoned.
func (t *task) stop(ctx context.Context) {
	defer t.scope.Close()
	t.drainOnce.Do(func() { close(t.drain) })
	if t.awaitEnd(ctx, t.w.settings.Grace) {
		return
	}
	t.log.Warn("task does not drain in time: cancelling it", "grace", t.w.settings.Grace)
	t.kill()
	if t.awaitEnd(context.Background(), t.w.limits.abandon) {
		return
	}
	// Invariant 9: what a task that hangs could still write with is closed before a successor may start.
	t.fence()
	t.mu.Lock()
	t.abandoned = true
	t.mu.Unlock()
	t.log.Error("task does not end and is abandoned: its plug-in does not return. Its clients are closed, so it can not write to the log or store offsets; what it still does in the external system can not be stopped. Restart this process to be rid of it")
}

func (t *task) awaitEnd(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// onFence adds what must be closed before a successor may start.
func (t *task) onFence(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fences = append(t.fences, f)
}

func (t *task) fence() {
	t.mu.Lock()
	fences := t.fences
	t.fences = nil
	t.mu.Unlock()
	for _, f := range fences {
		f()
	}
}

func (t *task) draining() bool {
	select {
	case <-t.drain:
		return true
	default:
		return t.now.Err() != nil
	}
}

// until gives a context that ends when the task is to drain.
func (t *task) until(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		select {
		case <-t.drain:
		case <-ctx.Done():
		}
		cancel()
	}()
	return ctx, cancel
}

func (t *task) setTarget(s State) {
	t.mu.Lock()
	if t.target == s || t.ended {
		t.mu.Unlock()
		return
	}
	if t.target == Paused {
		t.paused += time.Since(t.pausedAt)
	}
	t.target = s
	if s == Paused {
		t.pausedAt = time.Now()
	}
	close(t.moved)
	t.moved = make(chan struct{})
	t.mu.Unlock()
	t.tell()
}

func (t *task) isPaused() (bool, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.target != Running, t.moved
}

// whilePaused returns when the task is to run, errStopped when it is to stop.
func (t *task) whilePaused() error {
	for {
		paused, moved := t.isPaused()
		if !paused {
			return nil
		}
		select {
		case <-moved:
		case <-t.drain:
			return errStopped
		case <-t.now.Done():
			return errStopped
		}
	}
}

// tell reports the present state.
func (t *task) tell() {
	t.w.reportBy(t.id.connector, func() (Status, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		st := Status{Connector: t.id.connector, Task: t.id.task, State: t.target, Version: t.version, Restarts: t.restarts}
		if t.target == Running {
			st.Trace = t.trace
		}
		t.scope.Text(metrics.TaskStatus).Set(string(st.State))
		return st, !t.ended && !t.abandoned
	})
}

func (t *task) fail(err error) {
	t.scope.Gauge(metrics.TaskWaiting).Set(0)
	t.w.reportBy(t.id.connector, func() (Status, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.ended = true
		t.scope.Text(metrics.TaskStatus).Set(string(Failed))
		st := Status{Connector: t.id.connector, Task: t.id.task, State: Failed, Version: t.version, Restarts: t.restarts, Trace: err.Error()}
		return st, !t.abandoned
	})
}

// plugTask is what the plug-in gets to know.
func (t *task) plugTask(p *plan) connector.Task {
	return connector.Task{
		Connector: t.id.connector, ID: t.id.task, Log: t.log, Props: p.props,
		StoredOffset: func(ctx context.Context, partition record.Value) (record.Value, error) {
			v, err := t.w.opts.Offsets.Get(ctx, t.id.connector, partition)
			return v, ofLog(err)
		},
		Waiting: func(reason string) {
			if reason == "" {
				t.goesOn()
				return
			}
			t.waits(reason, time.Time{})
		},
		Gauge:   t.gauge(p),
		Skipped: t.skipped(),
	}
}

// skipped counts what a sink leaves out on purpose, and logs each reason once.
func (t *task) skipped() func(reason string, n int) {
	counter := t.scope.Counter(metrics.StageFiltered, record.Deliver.String())
	var told sync.Map
	return func(reason string, n int) {
		counter.Add(int64(n))
		if _, before := told.LoadOrStore(reason, true); !before {
			t.log.Info("records are left out: see leat_stage_filtered_total", "reason", reason)
		}
	}
}

// gauge gives the plug-in's way to show a number under a name of the metrics table.
func (t *task) gauge(p *plan) func(name string, read func() float64) {
	labels := map[string]string{"plugin": p.plugin.Name, "name": p.props["topic.prefix"]}
	return func(name string, read func() float64) {
		if !t.scope.Func(name, read, labels) {
			t.log.Warn("the plug-in gives a number that the metrics table does not have", "name", name)
		}
	}
}
