package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"leat/connector"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
)

// sourceTask moves batches from a Source to the log in four stages, a goroutine each, with the order kept:
//
//	read → encode (transform, create topics, convert) → append → store offsets and confirm to the source
//
// All that is between Read and acknowledgement counts against one budget of bytes. Stopping closes the stages one after the
// other: what was read is still written, acknowledged and stored.
type sourceTask struct {
	*task
	plan     *plan
	source   connector.Source
	appender kafka.Appender
	encoder  *encoder
	bad      *tolerance
	held     *budget // Invariant 8
	acks     *acks
	gate     *gate

	now      context.Context // ends when the run is to end at once: the task's, and after a failure the grace period
	killRun  context.CancelFunc
	flow     context.Context // ends when a stage has failed, or now
	stopFlow context.CancelFunc
	doomed   atomic.Bool // an answer was bad: nothing counts as written any more
	failMu   sync.Mutex
	failure  error
}

// idleBytes is what a batch counts for at least: its bookkeeping.
const idleBytes = 1 << 10

// encoded is a batch on its way to Append.
type encoded struct {
	messages []kafka.Message
	ticket   *ticket
}

func runSource(t *task, p *plan) error {
	s := &sourceTask{task: t, plan: p, held: newBudget(t.w.limits.sourceBytes), acks: newAcks(), gate: &gate{}}
	s.bad = newTolerance(t, p.common)
	s.now, s.killRun = context.WithCancel(t.now)
	defer s.killRun()
	s.flow, s.stopFlow = context.WithCancel(s.now)
	t.onFence(s.gate.shut)
	appender, err := t.w.opts.Log.NewAppender(clientID("producer", t.id), stripped(p.props, "producer.override."))
	if err != nil {
		return fmt.Errorf("open producer: %w", ofLog(err))
	}
	s.appender = appender
	t.onFence(appender.Close)
	s.encoder = newEncoder(s)
	s.gauges()
	if err := s.open(); err != nil {
		return err
	}
	defer s.closeSource()
	return s.move()
}

func clientID(kind string, id taskID) string { return "connector-" + kind + "-" + id.String() }

func (s *sourceTask) gauges() {
	s.scope.GaugeFunc(metrics.InFlightBytes, func() float64 { return float64(s.held.inUse()) })
}

// open makes the source, for as long as it takes.
func (s *sourceTask) open() error {
	ctx, cancel := s.until(s.now)
	defer cancel()
	o := s.outage(record.Capture, "open "+s.plan.plugin.Name)
	for {
		src, err := s.plan.plugin.NewSource(ctx, s.plan.cfg, s.plugTask(s.plan))
		if err == nil {
			s.source = src
			o.over()
			return nil
		}
		if s.draining() {
			return errStopped
		}
		if connector.ClassOf(err) != connector.Retriable {
			return err
		}
		if err := o.wait(ctx, err); err != nil {
			return err
		}
	}
}

func (s *sourceTask) closeSource() {
	// The context of a killed task is over; closing gets a moment of its own.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.now), s.w.limits.abandon)
	defer cancel()
	if err := guarded(func() error { return s.source.Close(ctx) }); err != nil {
		s.log.Warn("source did not close well", "error", err)
	}
}

// move runs the stages until the source is stopped or something fails.
func (s *sourceTask) move() error {
	read := make(chan record.Batch)
	ready := make(chan encoded)
	finished := make(chan struct{})
	var reading, storing sync.WaitGroup
	reading.Go(func() {
		defer close(read)
		// What was read before the error is still written.
		s.remember(guarded(func() error { return s.readAll(read) }))
	})
	s.stage(&reading, func() error { defer close(ready); return s.encodeAll(read, ready) })
	s.stage(&reading, func() error { return s.appendAll(ready) })
	s.stage(&storing, func() error { return s.storeAll(finished) })
	reading.Wait()
	if err := s.appender.Flush(s.now); err != nil && s.now.Err() == nil {
		s.remember(fmt.Errorf("flush producer: %w", ofLog(err)))
	}
	close(finished)
	storing.Wait()
	s.failMu.Lock()
	defer s.failMu.Unlock()
	return s.failure
}

// stage runs one stage; when it ends, for whatever reason, those before it have nobody to give to and end too.
func (s *sourceTask) stage(in *sync.WaitGroup, f func() error) {
	in.Go(func() {
		defer s.stopFlow()
		s.remember(guarded(f))
	})
}

// fail remembers an error and stops what is before it on the way.
func (s *sourceTask) fail(err error) {
	s.remember(err)
	s.stopFlow()
}

// remember keeps the first error. From then on the rest has the grace period to come to its end.
func (s *sourceTask) remember(err error) {
	if err == nil || errors.Is(err, errStopped) {
		return
	}
	s.failMu.Lock()
	defer s.failMu.Unlock()
	if s.failure == nil {
		s.failure = err
		time.AfterFunc(s.w.settings.Grace, s.killRun)
	}
}

// readAll reads until the task drains or something fails.
func (s *sourceTask) readAll(out chan<- record.Batch) error {
	ctx, cancel := s.until(s.flow)
	defer cancel()
	polls, times := s.scope.Counter(metrics.SourceRecordPoll), s.scope.Distribution(metrics.PollBatchTime)
	o := s.outage(record.Capture, "read from "+s.plan.plugin.Name)
	for {
		if err := s.whilePaused(); err != nil {
			return err
		}
		var b record.Batch
		var err error
		start := time.Now()
		o.running(func() { b, err = s.source.Read(ctx) })
		if len(b.Records) > 0 || len(b.Offsets) > 0 {
			times.Since(start)
			polls.Add(int64(len(b.Records)))
			o.over()
			if stop := s.hand(ctx, out, b); stop != nil {
				return stop
			}
		}
		switch {
		case ctx.Err() != nil:
			return errStopped
		case err == nil:
			o.over()
		case connector.ClassOf(err) == connector.Retriable:
			if err := o.wait(ctx, err); err != nil {
				return err
			}
		case connector.ClassOf(err) == connector.BadRecord:
			if err := s.bad.skip(stageError(record.Capture, record.PartValue, s.plan.plugin.Name, "", err), nil); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// hand gives a batch on, unless the task was paused while it was read: then it waits for the task to go on.
func (s *sourceTask) hand(ctx context.Context, out chan<- record.Batch, b record.Batch) error {
	if err := s.whilePaused(); err != nil {
		return err
	}
	if err := s.held.take(ctx, b.Bytes+idleBytes); err != nil {
		return errStopped
	}
	select {
	case out <- b:
		return nil
	case <-s.flow.Done():
		return errStopped
	}
}

func (s *sourceTask) encodeAll(in <-chan record.Batch, out chan<- encoded) error {
	for b := range in {
		messages, size, err := s.encoder.encode(s.flow, b.Records, b.Bytes)
		if err != nil {
			return err
		}
		s.held.change(size - b.Bytes)
		e := encoded{messages, &ticket{offsets: b.Offsets, records: len(messages), bytes: size + idleBytes}}
		select {
		case out <- e:
		case <-s.flow.Done():
			return errStopped
		}
	}
	return nil
}

func (s *sourceTask) appendAll(in <-chan encoded) error {
	active := s.scope.Distribution(metrics.SourceRecordActive)
	for e := range in {
		s.acks.add(e.ticket)
		active.Observe(float64(s.acks.active()))
		if len(e.messages) == 0 {
			s.acknowledged(e, 0, nil)
			continue
		}
		if err := s.appendOne(e); err != nil {
			if s.now.Err() != nil {
				return errStopped
			}
			return stageError(record.Append, record.PartValue, "", "", ofLog(err))
		}
	}
	return nil
}

func (s *sourceTask) appendOne(e encoded) error {
	if !s.careful.Load() {
		return s.appender.Append(s.now, e.messages, func(err error) { s.acknowledged(e, len(e.messages), err) })
	}
	// Each message gets its own answer. They come in order, so the last one answers for the batch.
	left := len(e.messages)
	for i := range e.messages {
		one := e.messages[i : i+1]
		err := s.appender.Append(s.now, one, func(err error) {
			if left--; left == 0 {
				s.acknowledged(e, 1, err)
				return
			}
			s.answered(1, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// acknowledged is called by the log's client, in the order of Append, with the answer to the last n messages of a batch.
func (s *sourceTask) acknowledged(e encoded, n int, err error) {
	s.held.change(-e.ticket.bytes)
	if s.answered(n, err) {
		s.acks.ack(e.ticket)
	}
}

// answered counts what is written; false: the task fails, and the batch's ticket must stay in the queue, so that no offset of it or
// of a later one is stored (Invariant 3).
func (s *sourceTask) answered(n int, err error) bool {
	if s.doomed.Load() {
		return false
	}
	if err != nil {
		if err = s.refused(n, err); err != nil {
			s.doomed.Store(true)
			s.fail(err)
			return false
		}
		n = 0
	}
	s.encoder.written.Add(int64(n))
	s.encoder.appended.Add(int64(n))
	return true
}

// refused handles messages that the log refused: nil when the one of them is skipped and counted, else why the task can not go on.
func (s *sourceTask) refused(n int, err error) error {
	if s.now.Err() != nil {
		return errStopped
	}
	var one *kafka.AppendError
	if err = ofLog(err); connector.ClassOf(err) == connector.Retriable || !errors.As(err, &one) {
		return stageError(record.Append, record.PartValue, "", "", err)
	}
	if !one.TooLarge {
		// Not this record's fault but the topic's: skipping would skip everything.
		return stageError(record.Append, record.PartValue, "", "", err)
	}
	if n > 1 && s.bad.all {
		// Invariant 6: an answer names one message only; to count each one that is skipped, they must go one by one.
		s.careful.Store(true)
		return errCareful
	}
	return s.bad.skip(stageError(record.Append, record.PartValue, "", "", one), nil)
}

// errCareful begins the task anew, from the offset stored last, with a call of Append for each message.
var errCareful = errors.New("a message was refused; going on message by message")

// storeAll stores what is acknowledged, at most once per interval, and everything at the end.
func (s *sourceTask) storeAll(finished <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for last := false; !last; {
		select {
		case <-s.acks.signal:
		case <-finished:
			last = true
		case <-s.now.Done():
			return errStopped
		}
		if !last {
			last = s.rest(timer, finished)
		}
		if err := s.store(s.acks.take()); err != nil {
			return err
		}
	}
	return nil
}

// rest gathers more for one interval and tells whether the end has come meanwhile.
func (s *sourceTask) rest(timer *time.Timer, finished <-chan struct{}) (last bool) {
	timer.Reset(s.w.limits.flush)
	select {
	case <-timer.C:
		return false
	case <-finished:
		return true
	case <-s.now.Done():
		return false
	}
}

func (s *sourceTask) store(offsets []record.SourceOffset) error {
	if len(offsets) == 0 {
		return nil
	}
	start := time.Now()
	outcome := s.scope.Outcome(metrics.OffsetCommit)
	err := s.retried(record.Append, "store offsets", func() error {
		// Invariant 9: a task that was fenced stores nothing any more.
		return s.gate.pass(func() error { return ofLog(s.w.opts.Offsets.Put(s.now, s.id.connector, offsets)) })
	})
	if err != nil {
		outcome.Failure()
		return err
	}
	outcome.Success()
	s.scope.Distribution(metrics.OffsetCommitTime).Since(start)
	// Invariant 2: the source may let go upstream only now that the offsets themselves are acknowledged.
	return s.retried(record.Capture, "confirm to "+s.plan.plugin.Name, func() error { return s.source.Acked(s.now, offsets) })
}

// retried calls f until it returns nothing Retriable.
func (s *sourceTask) retried(stage record.Stage, what string, f func() error) error {
	o := s.outage(stage, what)
	for {
		err := f()
		if err == nil {
			o.over()
			return nil
		}
		if s.now.Err() != nil || errors.Is(err, errStopped) {
			return errStopped
		}
		if connector.ClassOf(err) != connector.Retriable {
			return fmt.Errorf("%s: %w", what, err)
		}
		timer := time.NewTimer(o.next(err))
		select {
		case <-timer.C:
			s.restarted()
		case <-s.now.Done():
			timer.Stop()
			return errStopped
		}
	}
}

// gate lets calls through until it is shut.
type gate struct {
	mu   sync.Mutex
	gone bool
}

// pass calls f unless the gate is shut. f runs outside the lock: it ends with the task's context.
func (g *gate) pass(f func() error) error {
	g.mu.Lock()
	gone := g.gone
	g.mu.Unlock()
	if gone {
		return errStopped
	}
	return f()
}

func (g *gate) shut() {
	g.mu.Lock()
	g.gone = true
	g.mu.Unlock()
}
