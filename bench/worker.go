package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/internal/harness"
	"leat/rest/client"
)

// worker is a system under measurement: a Connect worker, leat or the peer, with its log.
type worker struct {
	name      string // as the figures call it
	rest      *client.Client
	bootstrap string
	kafka     *kgo.Client
	admin     *kadm.Client
	pid       int
	logPID    int
	peer      bool
	profile   string // address of the profiling port
	check     func() error
	stops     []func() error
}

// workers starts leat and, if wanted, the peer.
func (b *bench) workers(ctx context.Context, peer bool) ([]*worker, error) {
	leat, err := b.leatWorker(ctx)
	if err != nil || !peer || !b.peer {
		return []*worker{leat}, err
	}
	other, err := b.peerWorker(ctx)
	if err != nil {
		return nil, errors.Join(err, leat.stop())
	}
	return []*worker{leat, other}, nil
}

func stopAll(workers []*worker) error {
	var errs []error
	for _, w := range workers {
		errs = append(errs, w.stop())
	}
	return errors.Join(errs...)
}

// stop ends what belongs to the worker, last started first.
func (w *worker) stop() error {
	if w.kafka != nil {
		w.kafka.Close()
	}
	var errs []error
	for i := len(w.stops) - 1; i >= 0; i-- {
		errs = append(errs, w.stops[i]())
	}
	w.stops = nil
	return errors.Join(errs...)
}

// leatWorker starts a log and leat on it.
func (b *bench) leatWorker(ctx context.Context) (w *worker, err error) {
	w = &worker{name: "leat"}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if err := b.startLog(ctx, w); err != nil {
		return w, err
	}
	p, err := b.startLeat(ctx, "-D", "bootstrap.servers="+w.bootstrap)
	if err != nil {
		return w, err
	}
	w.stops = append(w.stops, func() error { p.stop(); return nil })
	w.pid, w.rest, w.profile, w.check = p.pid(), p.rest, p.profile, p.exited
	return w, w.connect()
}

// startLog starts the log of -log.
func (b *bench) startLog(ctx context.Context, w *worker) error {
	if b.log == "kafka" {
		return startKafka(ctx, w)
	}
	progress("starting the stand-in log")
	dir, err := os.MkdirTemp(b.dir, "log-")
	if err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	c, err := startChild(filepath.Join(dir, "output"), nil, b.standin, "-listen", address, "-dir", filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	w.bootstrap, w.logPID = address, c.pid()
	w.stops = append(w.stops, func() error { c.stop(); return os.RemoveAll(dir) })
	return waitFor(ctx, "the stand-in log", func() error {
		if err := c.exited(); err != nil {
			return fatal{err}
		}
		return dial(ctx, address)
	})
}

func startKafka(ctx context.Context, w *worker) error {
	progress("starting Kafka")
	k, err := harness.StartKafka(ctx, harness.KafkaOptions{Heap: "1g", Settings: map[string]string{"message.max.bytes": "33554432"}})
	if err != nil {
		return err
	}
	w.bootstrap, w.logPID = k.Bootstrap, k.PID()
	w.stops = append(w.stops, k.Stop)
	return nil
}

// peerWorker starts Kafka and Kafka Connect with Debezium.
func (b *bench) peerWorker(ctx context.Context) (w *worker, err error) {
	w = &worker{name: "Debezium", peer: true, check: func() error { return nil }}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if err := startKafka(ctx, w); err != nil {
		return w, err
	}
	progress("starting Kafka Connect")
	c, err := harness.StartConnect(ctx, harness.ConnectOptions{
		Bootstrap: w.bootstrap, Plugins: []harness.Plugin{harness.DebeziumPostgres, harness.DebeziumJDBC},
	})
	if err != nil {
		return w, err
	}
	w.stops = append(w.stops, c.Stop)
	w.pid, w.rest = c.PID(), client.New(c.URL, nil)
	return w, w.connect()
}

func (w *worker) connect() error {
	// The client keeps what it knows of topics for this long; the default of 5 s would count as a topic's way to its first record.
	k, err := kgo.NewClient(kgo.SeedBrokers(w.bootstrap), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	w.kafka, w.admin = k, kadm.NewClient(k)
	return nil
}

// leatProcess is a leat server whose REST API answers.
type leatProcess struct {
	*child
	rest    *client.Client
	answers time.Duration // from the start of the process until REST answered
	profile string
}

// startLeat runs leat with settings of its worker ("-D", "key=value", …) and waits for REST.
func (b *bench) startLeat(ctx context.Context, args ...string) (*leatProcess, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args = append([]string{"server", "-D", "listeners=http://" + address, "-D", "config.storage.replication.factor=1",
		"-D", "offset.storage.replication.factor=1", "-D", "status.storage.replication.factor=1"}, args...)
	p := &leatProcess{rest: client.New("http://"+address, nil)}
	var env []string
	if b.profile != "" {
		if p.profile, err = freeAddress(); err != nil {
			return nil, err
		}
		env = append(env, "LEAT_BENCH_PROFILE="+p.profile)
	}
	if p.child, err = startChild(b.leatLog(), env, b.leat, args...); err != nil {
		return nil, err
	}
	err = waitFor(ctx, "leat's REST API", func() error {
		if err := p.exited(); err != nil {
			return fatal{err}
		}
		_, err := p.rest.Connectors(ctx)
		return err
	})
	p.answers = time.Since(p.started)
	if err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// profiling collects a CPU profile of leat until the function it gives is called.
func (b *bench) profiling(ctx context.Context, w *worker, name string) (stop func(), err error) {
	if w.profile == "" {
		return func() {}, nil
	}
	file, err := filepath.Abs(filepath.Join(b.profile, name+".pprof"))
	if err != nil {
		return nil, err
	}
	if err := call(ctx, "http://"+w.profile+"/start?file="+url.QueryEscape(file)); err != nil {
		return nil, err
	}
	return func() {
		if err := call(context.WithoutCancel(ctx), "http://"+w.profile+"/stop"); err != nil {
			progress("profile %s: %v", name, err)
		}
	}, nil
}

func call(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

func freeAddress() (string, error) {
	port, err := harness.FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

func dial(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// fatal marks an answer after which waiting is of no use.
type fatal struct{ error }

const (
	pollEvery  = 5 * time.Millisecond
	stallLimit = 90 * time.Second
)

// waitFor asks every few milliseconds until check gives nil, or nothing but the same answer for a long time. harness.WaitFor pauses longer
// than a measurement can bear.
func waitFor(ctx context.Context, what string, check func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	answer, changed := "", time.Now()
	for {
		err := check()
		var last fatal
		if err == nil || errors.As(err, &last) {
			return err
		}
		if err.Error() != answer {
			answer, changed = err.Error(), time.Now()
		}
		if time.Since(changed) > stallLimit {
			return fmt.Errorf("waiting for %s: nothing new in %s: %w", what, stallLimit, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last answer: %w", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
