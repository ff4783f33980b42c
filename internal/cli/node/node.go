// Package node puts a leat process together: the log (embedded or Kafka), the worker, the herder and REST, from a worker's
// configuration. The commands server, standalone and demo run one.
//
// Guarantees: Open either gives a node that listens, or an error that says in one line what is in the way, with everything closed
// again. Run stops in two steps: drain (REST stops, connectors finish what they hold within task.shutdown.graceful.timeout.ms),
// then now.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"leat/herder"
	"leat/herder/loggers"
	"leat/internal/cli/workerconfig"
	"leat/kafka"
	"leat/kafka/embedded"
	"leat/metrics"
	"leat/worker"
)

// Options say what to run.
type Options struct {
	Worker  *workerconfig.Worker
	Plugins worker.Plugins
	// Logs takes every record; levels are kept above it.
	Logs    slog.Handler
	Version string
	Commit  string
	// Standalone keeps connectors and states in memory, and source offsets in a file.
	Standalone bool
	// Connectors are started once the node is ready.
	Connectors []Connector
}

// Connector is a connector to start.
type Connector struct {
	Name         string
	InitialState string // "" is RUNNING
	Config       map[string]string
}

// Node is a running process' parts.
type Node struct {
	opts     Options
	log      *slog.Logger
	broker   *embedded.Server // nil with Kafka
	cluster  *kafka.Cluster
	topics   herder.InternalTopics
	offsets  *lateOffsets
	worker   *worker.Worker
	herder   *herder.Single
	surfaces []*surface
}

// Open listens, starts the embedded log, and puts the parts together; it waits for no other machine. The node lives until Run returns,
// or Close.
func Open(opts Options) (*Node, error) {
	levels := loggers.New(opts.Logs, string(opts.Worker.LogLevel))
	n := &Node{opts: opts, log: levels.Logger("leat")}
	if err := n.open(levels); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

func (n *Node) open(levels *loggers.Registry) error {
	for _, note := range n.opts.Worker.Notes {
		n.log.Warn(note)
	}
	// Listening comes first: a port in use is the commonest reason to give up, and is known at once.
	if err := n.listen(); err != nil {
		return err
	}
	if err := n.openLog(levels); err != nil {
		return err
	}
	registry := metrics.New()
	registry.SetWindow(n.opts.Worker.MetricsWindow, n.opts.Worker.MetricsSamples)
	if err := n.openEngine(levels, registry); err != nil {
		return err
	}
	return n.serve(levels, registry)
}

// openLog starts the embedded log, if that is the one, and opens the clients to it.
func (n *Node) openLog(levels *loggers.Registry) error {
	props := n.opts.Worker.Props
	if n.opts.Worker.Embedded() {
		var err error
		if props, err = n.startBroker(levels.Logger("leat.log")); err != nil {
			return err
		}
	}
	var err error
	n.cluster, err = kafka.Open(props, levels.Logger("leat.kafka"))
	if err != nil {
		return err
	}
	for _, note := range n.cluster.Notes() {
		n.log.Warn(note)
	}
	return nil
}

func (n *Node) openEngine(levels *loggers.Registry, registry *metrics.Registry) error {
	w := n.opts.Worker
	var err error
	if n.topics, err = herder.NewInternalTopics(w.Props, w.Embedded()); err != nil {
		return err
	}
	n.offsets = newLateOffsets()
	id := n.workerID()
	herding := herder.Options{
		WorkerID: id, Version: n.opts.Version, Commit: n.opts.Commit, Topics: n.topics, Props: w.Props,
		Offsets: n.offsets, Loggers: levels, Logger: levels.Logger("leat.herder"), Log: n.cluster, InMemory: n.opts.Standalone,
	}
	n.herder = herder.New(herding)
	n.worker = worker.New(worker.Options{
		ID: id, Plugins: n.opts.Plugins, Log: n.cluster, Metrics: registry, Logger: levels.Logger("leat.worker"), Props: w.Props,
		Resolve: w.Providers.Transform, Offsets: n.offsets, Changed: n.herder.Changed, TopicUsed: n.herder.TopicUsed,
	})
	return nil
}

// URL is the address of REST, as other machines or the user reach it.
func (n *Node) URL() string { return n.surfaces[0].url }

// Bootstrap is the address of the log for Kafka clients.
func (n *Node) Bootstrap() string {
	if n.broker != nil {
		if advertised := n.opts.Worker.EmbeddedAdvertised; advertised != "" {
			return advertised
		}
		return n.broker.Addr()
	}
	return n.opts.Worker.Props["bootstrap.servers"]
}

// Log gives the log.
func (n *Node) Log() kafka.Log { return n.cluster }

// Run works until drain ends, then stops in order; when now ends it returns at once. Everything is closed when it returns.
func (n *Node) Run(drain, now context.Context) error {
	defer n.Close()
	ctx, cancel := context.WithCancelCause(drain)
	defer cancel(nil)
	var group sync.WaitGroup
	failed := make(chan error, len(n.surfaces)+3)
	task := func(f func() error) {
		group.Go(func() {
			if err := f(); err != nil {
				failed <- err
				cancel(err)
			}
		})
	}
	for _, s := range n.surfaces {
		task(func() error { return s.run(ctx) })
	}
	// Side by side: whoever needs the offsets waits for them.
	task(func() error { return ended(ctx, n.offsets.open(ctx, n, n.topics, n.log)) })
	task(func() error { return ended(ctx, n.herder.Run(ctx, n.worker)) })
	task(func() error { return n.startConnectors(ctx) })
	go func() { // tells when stopping begins; ends with ctx, which ends before Run does
		<-ctx.Done()
		n.log.Info("stopping: connectors finish what they hold (another signal stops at once)", "reason", context.Cause(ctx))
	}()
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-now.Done():
		return errors.New("stopped at once: what was in flight is read again at the next start")
	}
	select {
	case err := <-failed:
		return err
	default:
		n.log.Info("stopped")
		return nil
	}
}

// ended hides an error that only says that ctx ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// targets are the target states by REST's words for initial states; any other word is the default.
var targets = map[string]herder.TargetState{"PAUSED": herder.TargetPaused, "STOPPED": herder.TargetStopped}

// startConnectors makes the connectors given.
func (n *Node) startConnectors(ctx context.Context) error {
	for _, c := range n.opts.Connectors {
		props := map[string]string{"name": c.Name}
		for k, v := range c.Config {
			props[k] = v
		}
		_, err := n.herder.Create(ctx, c.Name, herder.ChangeTo(props), targets[strings.ToUpper(c.InitialState)])
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("connector %s: %w", c.Name, err)
		}
	}
	return nil
}

// Close gives everything up. It is safe to call twice.
func (n *Node) Close() {
	for _, s := range n.surfaces {
		s.close()
	}
	if n.offsets != nil {
		n.offsets.close()
	}
	if n.cluster != nil {
		n.cluster.Close()
	}
	if n.broker != nil {
		if err := n.broker.Close(); err != nil {
			n.log.Error("closing the embedded log", "error", err)
		}
	}
	*n = Node{opts: n.opts, log: n.log}
}
