package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"leat/connector"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
	"leat/worker/deadletter"
	"leat/worker/frontier"
)

// sinkTask moves records from the log to a Sink. One goroutine does everything, since the fetcher and the sink want one caller: poll,
// decode and transform, put, commit. A Sink that is slow or whose target is away holds back this task only; the fetcher bounds
// in bytes what waits meanwhile.
type sinkTask struct {
	*task
	plan     *plan
	sink     connector.Sink
	fetcher  kafka.Fetcher
	letters  *deadletter.Writer // nil: no dead letters
	decoder  *decoder
	bad      *tolerance
	frontier *frontier.Tracker

	now        context.Context // ends when the run is to end at once: the task's, and after a failure the grace period
	killRun    context.CancelFunc
	work       context.Context // ends when the task drains
	assigned   map[record.Partition]bool
	lost       map[record.Partition]bool // since the batch at hand was polled
	early      []kafka.Message           // polled while the fetcher should have been paused
	committed  record.Offsets
	nextCommit time.Time
	commits    int
	flushing   *outage // of what the sink holds: the target is away
	sinkAway   error   // what the sink said at the last commit
	broken     bool    // the sink failed: nothing more is flushed through it
	pausedAll  bool
	fenced     atomic.Bool // the fetcher is being closed, maybe by another goroutine

	send, completed, skippedCommits *metrics.Counter
	putTime, active                 *metrics.Distribution
}

func runSink(t *task, p *plan) error {
	s := &sinkTask{
		task: t, plan: p, frontier: frontier.New(), assigned: map[record.Partition]bool{}, committed: record.Offsets{},
		send: t.scope.Counter(metrics.SinkRecordSend), completed: t.scope.Counter(metrics.OffsetCommitCompletion),
		skippedCommits: t.scope.Counter(metrics.OffsetCommitSkip),
		putTime:        t.scope.Distribution(metrics.PutBatchTime), active: t.scope.Distribution(metrics.SinkRecordActive),
	}
	s.bad = newTolerance(t, p.common)
	s.decoder = newDecoder(s)
	s.now, s.killRun = context.WithCancel(t.now)
	defer s.killRun()
	s.work, _ = t.until(s.now)
	if err := s.openLetters(); err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	defer s.closeSink()
	if err := s.subscribe(); err != nil {
		return err
	}
	err := guarded(s.loop)
	if last := s.finish(err); err == nil || errors.Is(err, errStopped) {
		return last
	}
	return err
}

// openLetters opens the dead letter queue.
func (s *sinkTask) openLetters() error {
	topic := s.plan.sink.DeadTopic
	if topic == "" {
		return nil
	}
	appender, err := s.w.opts.Log.NewAppender("connector-dlq-producer-"+s.id.String(), stripped(s.plan.props, "producer.override."))
	if err != nil {
		return fmt.Errorf("open producer of dead letters: %w", ofLog(err))
	}
	s.onFence(appender.Close)
	requests, failures := s.scope.Counter(metrics.DeadLetterRequests), s.scope.Counter(metrics.DeadLetterFailures)
	done := s.scope.Counter(metrics.DeadLettered)
	_, chosen := s.plan.props["errors.deadletterqueue.topic.replication.factor"]
	s.letters = deadletter.New(deadletter.Options{
		Topic: topic, ReplicationFactor: s.plan.sink.DeadReplicas, Preferred: !chosen, ContextHeaders: s.plan.sink.DeadWithHeader,
		Connector: s.id.connector, Task: s.id.task, Admin: s.w.opts.Log.Admin(), Appender: appender,
		Written: func(err error) {
			requests.Add(1)
			if err != nil {
				failures.Add(1)
			} else {
				done.Add(1)
			}
		},
	})
	return s.patiently(record.Append, "open the dead letter topic", s.letters.Prepare)
}

// open makes the sink, for as long as it takes.
func (s *sinkTask) open() error {
	return s.patiently(record.Deliver, "open "+s.plan.plugin.Name, func(ctx context.Context) (err error) {
		s.sink, err = s.plan.plugin.NewSink(ctx, s.plan.cfg, s.plugTask(s.plan))
		return err
	})
}

// patiently tries f until it works, fails for good, or the task stops. It is for calls before the task is a member of its group.
func (s *sinkTask) patiently(stage record.Stage, what string, f func(ctx context.Context) error) error {
	o := s.outage(stage, what)
	for {
		err := ofLog(f(s.work))
		if err == nil {
			o.over()
			return nil
		}
		if s.draining() {
			return errStopped
		}
		if connector.ClassOf(err) != connector.Retriable {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := o.wait(s.work, err); err != nil {
			return err
		}
	}
}

func (s *sinkTask) subscribe() error {
	overrides := stripped(s.plan.props, "consumer.override.")
	group := "connect-" + s.id.connector
	if g := overrides["group.id"]; g != "" {
		group = g
		delete(overrides, "group.id")
	}
	f, err := s.w.opts.Log.NewFetcher(kafka.FetcherOptions{
		// Invariant 9: a task's successor fences it, and need not wait for the session of one that was killed to end.
		Group: group, ClientID: clientID("consumer", s.id), InstanceID: "leat-" + s.id.String(), Topics: s.plan.sink.Topics, Regex: s.plan.sink.TopicsRegex,
		Overrides: overrides, Rebalanced: s.rebalanced, Lost: s.ousted,
	})
	if err != nil {
		return fmt.Errorf("open consumer of group %s: %w", group, ofLog(err))
	}
	s.fetcher = f
	s.onFence(func() {
		s.fenced.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), s.w.limits.abandon)
		defer cancel()
		if err := f.Close(ctx); err != nil {
			s.log.Warn("consumer did not close well", "error", err)
		}
	})
	return nil
}

func (s *sinkTask) loop() error {
	s.nextCommit = time.Now().Add(s.w.limits.flush)
	s.flushing = s.outage(record.Deliver, "write to "+s.plan.plugin.Name)
	o := s.outage(record.Fetch, "read from the log")
	for !s.draining() {
		s.followTarget()
		messages, err := s.poll(s.w.limits.poll)
		switch {
		case s.work.Err() != nil:
			return nil
		case err != nil && connector.ClassOf(err) == connector.Retriable:
			if s.work.Err() == nil && o.wait(s.work, err) != nil {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		o.over()
		if err := s.handle(messages); err != nil {
			return err
		}
		if err := s.commitWhenDue(); err != nil {
			return err
		}
	}
	return nil
}

// followTarget pauses and resumes fetching; the membership of the group goes on.
func (s *sinkTask) followTarget() {
	switch paused, _ := s.isPaused(); {
	case paused && !s.pausedAll:
		s.fetcher.Pause(nil)
		s.pausedAll = true
	case !paused && s.pausedAll:
		s.fetcher.Resume(nil)
		s.pausedAll = false
	}
}

// poll gives what is to be handled next: what came too early, or what the fetcher has.
func (s *sinkTask) poll(wait time.Duration) ([]kafka.Message, error) {
	if !s.pausedAll && len(s.early) > 0 {
		messages := s.early
		s.early = nil
		return messages, nil
	}
	messages, err := s.fetcher.Poll(s.work, wait)
	err = ofLog(err)
	if paused, _ := s.isPaused(); paused && !s.pausedAll { // the task was paused while it waited
		s.fetcher.Pause(nil)
		s.pausedAll = true
	}
	if s.pausedAll && err == nil && len(messages) > 0 {
		// A pause has no hold on what the client had fetched before, and none on partitions gained since.
		s.early = append(s.early, messages...)
		s.fetcher.Pause(nil)
		return nil, nil
	}
	return messages, err
}

// handle brings one poll's messages to the sink.
func (s *sinkTask) handle(messages []kafka.Message) error {
	if len(messages) == 0 {
		return nil
	}
	s.lost = nil
	batch, err := s.decoder.decode(s.work, messages)
	if err != nil {
		return err
	}
	return s.put(batch)
}

// put gives a batch to the sink, and waits while its target is away.
func (s *sinkTask) put(batch record.Batch) error {
	if len(batch.Records) == 0 {
		return nil
	}
	o := s.outage(record.Deliver, "write to "+s.plan.plugin.Name)
	for {
		start := time.Now()
		err := s.sink.Put(s.now, batch)
		s.putTime.Since(start)
		if err == nil || connector.ClassOf(err) == connector.BadRecord {
			o.over()
			s.send.Add(int64(len(batch.Records)))
			s.scope.Counter(metrics.StageRecords, record.Deliver.String()).Add(int64(len(batch.Records)))
			return s.refused(batch.Records, err)
		}
		if s.now.Err() != nil {
			return errStopped
		}
		if connector.ClassOf(err) != connector.Retriable {
			s.broken = true
			return stageError(record.Deliver, record.PartValue, first(s.plan.plugin.Classes, s.plan.plugin.Name), "", err)
		}
		if err := s.standBy(o, err); err != nil {
			return err
		}
		if batch = s.stillOurs(batch); len(batch.Records) == 0 {
			o.over()
			return nil
		}
	}
}

// standBy waits for the next try of a put, as a member of the group that fetches nothing.
func (s *sinkTask) standBy(o *outage, err error) error {
	wasPaused := s.pausedAll
	if !wasPaused {
		s.fetcher.Pause(nil)
		s.pausedAll = true
	}
	end := time.Now().Add(o.next(err))
	for rest := time.Until(end); rest > 0; rest = time.Until(end) {
		if _, err := s.poll(min(rest, s.w.limits.poll)); err != nil && s.work.Err() == nil {
			if connector.ClassOf(err) != connector.Retriable {
				return err
			}
			if o.t.sleep(s.work, min(rest, time.Second)) != nil {
				return errStopped
			}
		}
		if s.draining() {
			return errStopped
		}
	}
	s.restarted()
	if !wasPaused {
		s.fetcher.Resume(nil)
		s.pausedAll = false
	}
	return nil
}

func (t *task) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errStopped
	}
}

// stillOurs drops the records of partitions that were lost while the batch waited.
func (s *sinkTask) stillOurs(b record.Batch) record.Batch {
	if len(s.lost) == 0 {
		return b
	}
	kept := make([]record.Record, 0, len(b.Records))
	for _, r := range b.Records {
		if !s.lost[r.Origin] {
			kept = append(kept, r)
		}
	}
	b.Records = kept
	return b
}

// refused handles the records that the sink names as bad.
func (s *sinkTask) refused(records []record.Record, err error) error {
	if err == nil {
		return nil
	}
	class := first(s.plan.plugin.Classes, s.plan.plugin.Name)
	var batch *connector.BatchError
	if !errors.As(err, &batch) {
		if len(records) != 1 {
			s.broken = true // which record it is nobody knows: nothing more may count as durable
			return stageError(record.Deliver, record.PartValue, class, "", err)
		}
		batch = &connector.BatchError{Failed: []connector.RecordError{{Record: &records[0], Err: err}}}
	}
	// Invariant 4: the sink has told of them once and counts them as done from now on; whatever becomes of the task, its last commit
	// passes none that was not handled here.
	holds := make([]*frontier.Hold, len(batch.Failed))
	for i, f := range batch.Failed {
		holds[i] = s.frontier.Hold(f.Record.Origin, f.Record.Offset)
	}
	for i, f := range batch.Failed {
		if err := s.failed(f.Record, stageError(record.Deliver, record.PartValue, class, describeRecord(f.Record), f.Err)); err != nil {
			return err
		}
		holds[i].Release()
	}
	return nil
}

// failed decides about a bad record; nil when it is tolerated, and on its way to the dead letters if there are any.
func (s *sinkTask) failed(r *record.Record, err *connector.StageError) error {
	if stop := s.bad.skip(err, r); stop != nil {
		return stop
	}
	if s.letters == nil {
		return nil
	}
	// Invariant 4: the offset does not pass the record before its dead letter is acknowledged.
	hold := s.frontier.Hold(r.Origin, r.Offset)
	letter := deadletter.Letter{Origin: r.Origin, Offset: r.Offset, Timestamp: r.Timestamp, Raw: r.Raw, Err: err, Class: err.Name}
	return s.patiently(record.Append, "write a dead letter", func(context.Context) error {
		return s.letters.Write(s.now, letter, hold.Release)
	})
}

func (s *sinkTask) closeSink() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.now), s.w.limits.abandon)
	defer cancel()
	if err := guarded(func() error { return s.sink.Close(ctx) }); err != nil {
		s.log.Warn("sink did not close well", "error", err)
	}
}
