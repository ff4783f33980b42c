package sql

import (
	"context"
	"slices"
	"sync"
	"time"

	"leat/connector"
	"leat/record"
)

// bufferBytes bounds what waits to be written; as much again is being written. A single batch may be larger.
const bufferBytes = 12 << 20

// sink gathers records while the transaction before is under way: the busier the target, the larger the next one.
type sink struct {
	writer  *writer
	task    connector.Task
	cancel  context.CancelFunc
	stopped chan struct{} // closed when run has returned
	wake    chan struct{} // for run: there is something to do

	mu        sync.Mutex
	changed   chan struct{} // closed, and made anew, at every change of what follows
	pending   *buffer
	writing   *buffer
	round     context.CancelFunc // of the write that is under way, else nil
	holding   bool               // no write begins: the records of lost partitions are being taken out
	failure   error              // of writing; run waits until somebody was told
	safe      record.Offsets
	published record.Offsets // safe, as far as no bad record is untold
	untold    []connector.RecordError
}

// buffer is what goes into one transaction.
type buffer struct {
	changes []change
	offsets record.Offsets
	bytes   int64
}

func newBuffer() *buffer { return &buffer{offsets: record.Offsets{}} }

// open starts the sink; its goroutine ends with Close.
func open(s *settings, task connector.Task) *sink {
	ctx, cancel := context.WithCancel(context.Background())
	k := &sink{
		writer: newWriter(s, task.Log), task: task, cancel: cancel, stopped: make(chan struct{}), wake: make(chan struct{}, 1),
		changed: make(chan struct{}), pending: newBuffer(), safe: record.Offsets{}, published: record.Offsets{},
	}
	go k.run(ctx)
	return k
}

// run writes one buffer after the other until ctx ends.
func (k *sink) run(ctx context.Context) {
	defer close(k.stopped)
	defer k.writer.disconnect()
	for {
		b, round := k.next(ctx)
		if b == nil {
			select {
			case <-k.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := k.tryRound(round, b)
		if ctx.Err() != nil {
			return
		}
		k.finish(round, b, err)
	}
}

// next takes what is to be written, and the context to write it in; nil when there is nothing or a failure was not told yet.
func (k *sink) next(ctx context.Context) (*buffer, context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure != nil || k.holding {
		return nil, nil
	}
	if k.writing == nil && len(k.pending.offsets) > 0 {
		k.writing, k.pending = k.pending, newBuffer()
		k.signal()
	}
	if k.writing == nil {
		return nil, nil
	}
	ctx, k.round = context.WithCancel(ctx)
	return k.writing, ctx
}

// tryRound writes b, trying again as often as retries say while the target is away.
func (k *sink) tryRound(ctx context.Context, b *buffer) error {
	s := k.writer.settings
	for try := 0; ; try++ {
		if len(b.changes) == 0 {
			return nil
		}
		err := k.writer.write(ctx, b.changes)
		if err == nil {
			k.waiting("")
			return nil
		}
		if connector.ClassOf(err) != connector.Retriable || ctx.Err() != nil {
			return err
		}
		k.waiting(err.Error())
		if try >= s.retries {
			return err
		}
		select {
		case <-time.After(s.retryDelay):
		case <-ctx.Done():
		}
	}
}

func (k *sink) waiting(reason string) {
	if k.task.Waiting != nil {
		k.task.Waiting(reason)
	}
}

// finish takes note of how the round went. One that was cancelled is no failure: what is left of its buffer is written again.
func (k *sink) finish(round context.Context, b *buffer, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.signal()
	cancelled := round.Err() != nil
	k.round()
	k.round = nil
	if err != nil && cancelled {
		return
	}
	if err != nil {
		k.failure = err
		return
	}
	for i := range b.changes {
		if c := &b.changes[i]; c.bad != nil {
			k.untold = append(k.untold, connector.RecordError{Record: c.rec, Err: c.bad})
		}
	}
	for p, o := range b.offsets {
		k.safe[p] = o
	}
	k.writing = nil
}

// signal wakes everyone who waits for a change; mu is held.
func (k *sink) signal() {
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *sink) wakeRun() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// await blocks until ready, a failure, or the end of ctx; it returns with mu held, also with an error.
func (k *sink) await(ctx context.Context, ready func() bool) error {
	k.mu.Lock()
	for {
		if err := k.takeFailure(); err != nil {
			return err
		}
		if ready() {
			return nil
		}
		changed := k.changed
		k.mu.Unlock()
		k.wakeRun()
		select {
		case <-changed:
			k.mu.Lock()
		case <-ctx.Done():
			k.mu.Lock()
			return ctx.Err()
		}
	}
}

// takeFailure gives the failure of the last round, nil for none; mu is held. After one that time may heal, run goes on.
func (k *sink) takeFailure() error {
	err := k.failure
	if err != nil && connector.ClassOf(err) == connector.Retriable {
		k.failure = nil
		k.wakeRun()
	}
	return err
}

// Put implements connector.Sink.
func (k *sink) Put(ctx context.Context, batch record.Batch) error {
	err := k.await(ctx, func() bool { return k.pending.bytes < bufferBytes }) // Invariant 8: what waits is bounded in bytes
	defer k.mu.Unlock()
	if err != nil {
		return err
	}
	for i := range batch.Records {
		r := &batch.Records[i]
		c, err := k.writer.translate(r)
		if err != nil {
			k.untold = append(k.untold, connector.RecordError{Record: r, Err: err})
		} else if c.action != skip {
			k.pending.changes = append(k.pending.changes, c)
		} else if k.task.Skipped != nil {
			k.task.Skipped(c.why, 1) // Invariant 6: what is left out on purpose is counted
		}
		k.pending.offsets[r.Origin] = r.Offset + 1
	}
	k.pending.bytes += max(batch.Bytes, int64(len(batch.Records))*64)
	k.wakeRun()
	return k.tell()
}

// tell gives the bad records that nobody was told of; mu is held.
func (k *sink) tell() error {
	if len(k.untold) == 0 {
		return nil
	}
	err := &connector.BatchError{Failed: k.untold}
	k.untold = nil
	return err
}

// Durable implements connector.Sink. A failure is told without flush too: when the topic is idle there may be no other call.
func (k *sink) Durable(ctx context.Context, flush bool) (record.Offsets, error) {
	var err error
	if flush {
		err = k.await(ctx, func() bool { return k.writing == nil && len(k.pending.offsets) == 0 })
	} else {
		k.mu.Lock()
		err = k.takeFailure()
	}
	defer k.mu.Unlock()
	// Invariant 4: an offset is told only when every record before it is committed, or was reported bad.
	if len(k.untold) == 0 {
		for p, o := range k.safe {
			k.published[p] = o
		}
	}
	out := make(record.Offsets, len(k.published))
	for p, o := range k.published {
		out[p] = o
	}
	if err != nil {
		return out, err
	}
	return out, k.tell()
}

// Assign implements connector.Sink.
func (k *sink) Assign(ctx context.Context, gained, lost []record.Partition) error {
	if ctx.Err() != nil {
		// Invariant 9: another task may have them already; asking the writer for them would be too late.
		k.mu.Lock()
		k.giveUp(lost)
	} else if len(lost) > 0 {
		// What can not be written is given up: the next owner reads it again.
		if err := k.await(ctx, func() bool { return k.writing == nil && len(k.pending.offsets) == 0 }); err != nil {
			k.giveUp(lost)
		}
	} else {
		k.mu.Lock()
	}
	defer k.mu.Unlock()
	for _, p := range slices.Concat(lost, gained) {
		delete(k.safe, p)
		delete(k.published, p)
		delete(k.pending.offsets, p)
		if k.writing != nil {
			delete(k.writing.offsets, p)
		}
	}
	k.untold = slices.DeleteFunc(k.untold, func(e connector.RecordError) bool { return slices.Contains(lost, e.Record.Origin) })
	return nil
}

// giveUp drops the records of lost partitions; mu is held. A write of them that is under way is cancelled and waited for, and one that
// failed is not tried again with them: it would undo what the next owner has written since.
func (k *sink) giveUp(lost []record.Partition) {
	k.holding = true
	for k.round != nil {
		k.round()
		changed := k.changed
		k.mu.Unlock()
		select {
		case <-changed:
			k.mu.Lock()
		case <-k.stopped:
			k.mu.Lock()
			return
		}
	}
	k.pending.drop(lost)
	if k.writing != nil {
		k.writing.drop(lost)
	}
	k.holding = false
	k.wakeRun()
}

// drop takes out the changes of lost partitions.
func (b *buffer) drop(lost []record.Partition) {
	b.changes = slices.DeleteFunc(b.changes, func(c change) bool { return slices.Contains(lost, c.rec.Origin) })
}

// Close implements connector.Sink.
func (k *sink) Close(ctx context.Context) error {
	k.cancel()
	select {
	case <-k.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
