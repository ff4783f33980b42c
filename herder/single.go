package herder

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leat/herder/loggers"
	"leat/kafka"
	"leat/worker"
)

// Options are what a herder needs.
type Options struct {
	WorkerID string // host:port of REST, as statuses name this worker
	Version  string // of leat, as GET / shows it
	Commit   string
	// Log holds the topics and the sinks' consumer groups; nil is no log at all. InMemory keeps what the topics would hold in memory
	// (standalone).
	Log      kafka.Log
	InMemory bool
	Topics   InternalTopics
	// Props are the worker's properties: group.id, topic.tracking.*, task.shutdown.graceful.timeout.ms.
	Props   map[string]string
	Offsets worker.OffsetStore
	Loggers *loggers.Registry
	Logger  *slog.Logger
}

// Single is the herder of one worker process.
type Single struct {
	opts     Options
	log      *slog.Logger
	configs  *configs
	statuses *statuses
	worker   worker.API // set before ready is closed

	ready chan struct{}
	stage atomic.Value // string: what is being done until then

	writes sync.Mutex // one config change at a time: what it was checked against is what it changes

	mu      sync.Mutex
	ctx     context.Context // of Run, once it has begun
	ending  bool            // no runner is made any more
	runners map[string]*runner
	wg      sync.WaitGroup
}

var _ Herder = (*Single)(nil)

// New makes a herder. Changed and TopicUsed are for the worker's Options; Run does the work.
func New(opts Options) *Single {
	h := &Single{
		opts: opts, log: opts.Logger, ready: make(chan struct{}), runners: map[string]*runner{},
		configs:  newConfigs(opts.Topics.Config.Topic, opts.Logger),
		statuses: newStatuses(opts.Topics.Status.Topic, opts.WorkerID, opts.Logger),
	}
	h.configs.connectorChanged = h.wake
	h.configs.loggerChanged = func(name, level string) { h.setLogger(name, level) }
	h.stage.Store("awaiting startup")
	return h
}

// Run reads the topics, starts what they say, and keeps what runs in step with them until ctx ends; then it closes the worker, writes
// the last states and returns. An error means that it could not begin.
func (h *Single) Run(ctx context.Context, w worker.API) error {
	h.stage.Store("reading to the end of the internal topics")
	h.worker = w
	closeTables, err := h.open(ctx)
	if err != nil {
		w.Close(ctx)
		return err
	}
	defer closeTables()

	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	var writer sync.WaitGroup
	writer.Go(func() { h.statuses.run(writing) })
	defer writer.Wait()
	defer stopWriting()

	h.statuses.nextGeneration()
	h.begin(ctx)
	<-ctx.Done()
	h.end(context.WithoutCancel(ctx))
	return nil
}

// open reads both topics to their end.
func (h *Single) open(ctx context.Context) (closeTables func(), err error) {
	if h.opts.Log == nil || h.opts.InMemory {
		h.configs.table, h.statuses.table = OpenMemory(h.configs.changed), OpenMemory(h.statuses.changed)
		return func() {}, nil
	}
	topic := h.opts.Topics.Config
	topic.Changed = h.configs.changed
	if h.configs.table, err = h.opts.Log.OpenTable(ctx, topic); err != nil {
		return nil, fmt.Errorf("config topic %s: %w", topic.Topic, err)
	}
	if err := h.onePartition(ctx, topic.Topic); err != nil {
		h.configs.table.Close()
		return nil, err
	}
	topic = h.opts.Topics.Status
	topic.Changed = h.statuses.changed
	if h.statuses.table, err = h.opts.Log.OpenTable(ctx, topic); err != nil {
		h.configs.table.Close()
		return nil, fmt.Errorf("status topic %s: %w", topic.Topic, err)
	}
	return func() { h.configs.table.Close(); h.statuses.table.Close() }, nil
}

// onePartition refuses a config topic whose records have no order among each other.
func (h *Single) onePartition(ctx context.Context, topic string) error {
	infos, err := h.opts.Log.Admin().Topics(ctx, topic)
	if err != nil {
		return fmt.Errorf("config topic %s: %w", topic, err)
	}
	if n := len(infos[topic].Partitions); n > 1 {
		return fmt.Errorf("config topic %s has %d partitions and must have exactly 1 to keep its order: "+
			"name another topic in config.storage.topic, or create this one anew with one partition", topic, n)
	}
	return nil
}

// begin starts what the topics say and answers from then on.
func (h *Single) begin(ctx context.Context) {
	h.mu.Lock()
	h.ctx = ctx
	h.mu.Unlock()
	names := h.configs.goLive()
	for _, name := range h.statuses.known() {
		if !slices.Contains(names, name) {
			h.statuses.forget(name)
		}
	}
	for _, name := range names {
		h.wake(name)
	}
	close(h.ready)
	h.log.Info("Herder started", "connectors", len(names), "config_topic", h.configs.topic)
}

// end stops everything in two steps: the worker drains within the grace period, then states are written.
func (h *Single) end(ctx context.Context) {
	h.mu.Lock()
	h.ending = true
	h.mu.Unlock()
	h.wg.Wait()
	ctx, cancel := context.WithTimeout(ctx, h.grace()+10*time.Second)
	defer cancel()
	h.worker.Close(ctx)
	h.statuses.flush(ctx)
}

func (h *Single) grace() time.Duration {
	if d, err := time.ParseDuration(strings.TrimSpace(h.opts.Props["task.shutdown.graceful.timeout.ms"]) + "ms"); err == nil {
		return d
	}
	return 5 * time.Second
}

// wake lets a connector's runner look at its config again, and makes the runner when there is none.
func (h *Single) wake(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r := h.runnerOf(name); r != nil {
		r.wakeUp()
	}
}

// runnerOf finds or starts the runner of a connector, nil when the herder ends; h.mu is held.
func (h *Single) runnerOf(name string) *runner {
	if h.ending {
		return nil
	}
	r := h.runners[name]
	if r == nil {
		r = newRunner(h, name)
		h.runners[name] = r
		ctx := h.ctx
		h.wg.Go(func() { r.run(ctx) })
	}
	return r
}

// retire removes a runner that has nothing left to do, unless something came for it meanwhile.
func (h *Single) retire(r *runner) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.pending() {
		return false
	}
	delete(h.runners, r.name)
	return true
}

// Changed takes a worker's change of state.
func (h *Single) Changed(s worker.Status) {
	h.mu.Lock()
	r := h.runners[s.Connector]
	h.mu.Unlock()
	if r != nil && r.expects(s.Task) {
		h.statuses.set(s)
	}
}

// TopicUsed takes a worker's word that a task reads or writes a topic.
func (h *Single) TopicUsed(connector string, task int, topic string) {
	if _, ok := h.configs.get(connector); ok && h.enabled("topic.tracking.enable") {
		h.statuses.useTopic(connector, task, topic)
	}
}

// enabled reads a switch of the worker that is on unless it is set to false.
func (h *Single) enabled(key string) bool {
	return !strings.EqualFold(strings.TrimSpace(h.opts.Props[key]), "false")
}

// Ready tells whether the topics have been read.
func (h *Single) Ready() bool {
	select {
	case <-h.ready:
		return true
	default:
		return false
	}
}

// Stage says what is being done until the herder is ready.
func (h *Single) Stage() string {
	if h.Ready() {
		return "handling requests"
	}
	return h.stage.Load().(string)
}

// await waits until the herder is ready.
func (h *Single) await(ctx context.Context) error {
	select {
	case <-h.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Health waits until the herder is ready and, over a log, the config topic has answered.
func (h *Single) Health(ctx context.Context) error {
	if err := h.await(ctx); err != nil {
		return err
	}
	return h.configs.table.Sync(ctx)
}

// Server gives what GET / shows.
func (h *Single) Server(ctx context.Context) (ServerInfo, error) {
	info := ServerInfo{Version: h.opts.Version, Commit: h.opts.Commit}
	if h.opts.Log == nil {
		return info, nil
	}
	var err error
	info.ClusterID, err = h.opts.Log.ID(ctx)
	return info, err
}
