package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"leat/connector"
	"leat/metrics"
	"leat/record"
)

// This file is about the offsets of a sink task: commits, rebalances and the end.

// commitWhenDue commits what is durable, once per interval.
func (s *sinkTask) commitWhenDue() error {
	if s.letters != nil {
		if err := s.letters.Err(); err != nil {
			return err
		}
	}
	if time.Now().Before(s.nextCommit) {
		return nil
	}
	s.nextCommit = time.Now().Add(s.w.limits.flush)
	s.watchLag()
	before := s.commits
	err := s.commit(s.work, false)
	if s.sinkAway != nil && connector.ClassOf(s.sinkAway) == connector.Retriable && s.work.Err() == nil {
		// The sink could not write what it holds. On an idle topic nothing else would say so, nor ask it to try again.
		s.nextCommit = time.Now().Add(s.flushing.next(s.sinkAway))
		return nil
	}
	if s.flushing.pause != 0 && err == nil {
		if s.commits != before || len(s.assigned) == 0 {
			s.flushing.over()
		} else {
			s.nextCommit = time.Now().Add(s.flushing.pause) // it still tries
		}
	}
	if err != nil && (s.work.Err() != nil || connector.ClassOf(err) == connector.Retriable) {
		s.log.Warn("offsets are not committed now, the next time will", "error", err)
		return nil
	}
	return err
}

// commit commits what is durable or needs nothing more. flush asks the sink to make everything durable first; that it can not is told
// after what it could is committed.
func (s *sinkTask) commit(ctx context.Context, flush bool) error {
	durable, problem := s.durable(ctx, flush)
	s.sinkAway = problem
	if durable == nil {
		return problem
	}
	// Invariant 4: only what is durable in the target, dead-lettered or skipped by policy.
	offsets := s.frontier.Committable(durable)
	s.active.Observe(float64(s.frontier.Pending(offsets)))
	maps.DeleteFunc(offsets, func(p record.Partition, o record.Offset) bool {
		old, ok := s.committed[p]
		return !s.assigned[p] || ok && o <= old
	})
	if len(offsets) == 0 {
		return problem
	}
	start := time.Now()
	outcome := s.scope.Outcome(metrics.OffsetCommit)
	s.commits++
	s.scope.Gauge(metrics.OffsetCommitSeqNo).Set(float64(s.commits))
	if err := s.fetcher.Commit(ctx, offsets); err != nil {
		outcome.Failure()
		s.skippedCommits.Add(1)
		return errors.Join(problem, commitError(err))
	}
	outcome.Success()
	s.completed.Add(1)
	s.scope.Distribution(metrics.OffsetCommitTime).Since(start)
	maps.Copy(s.committed, offsets)
	return problem
}

// commitError makes a commit that the group did not take a matter of the next commit: at worst records come again.
func commitError(err error) error {
	return &connector.Error{Class: connector.Retriable, Err: fmt.Errorf("commit offsets: %w", err)}
}

// durable asks the sink. What it reports as bad is handled first.
func (s *sinkTask) durable(ctx context.Context, flush bool) (record.Offsets, error) {
	if s.broken {
		return nil, nil
	}
	offsets, err := s.sink.Durable(ctx, flush)
	if err == nil {
		return nonNil(offsets), nil
	}
	if connector.ClassOf(err) == connector.BadRecord {
		if err := s.refused(nil, err); err != nil {
			return nil, err
		}
		if offsets != nil && !flush {
			return offsets, nil
		}
		offsets, err = s.sink.Durable(ctx, false)
		return nonNil(offsets), err
	}
	if connector.ClassOf(err) == connector.Retriable && flush {
		// The target is away: what it had before counts all the same.
		if offsets, again := s.sink.Durable(ctx, false); again == nil {
			return nonNil(offsets), err
		}
	}
	s.broken = s.now.Err() == nil && connector.ClassOf(err) != connector.Retriable
	if !s.broken && !flush {
		return offsets, err
	}
	return nil, err
}

func nonNil(o record.Offsets) record.Offsets {
	if o == nil {
		return record.Offsets{}
	}
	return o
}

// flushAll makes durable and commits what can be, dead letters included.
func (s *sinkTask) flushAll(ctx context.Context) error {
	if s.letters != nil {
		if err := s.letters.Flush(ctx); err != nil {
			return err
		}
	}
	return s.commit(ctx, true)
}

// rebalanced is called inside Poll. When the fetcher is closed, everything is flushed already, or the task is a zombie whose
// goroutine may be inside the sink: then nothing is touched.
func (s *sinkTask) rebalanced(ctx context.Context, gained, lost []record.Partition) error {
	if s.fenced.Load() {
		return nil
	}
	var refused error
	if len(lost) > 0 {
		if err := s.flushAll(ctx); err != nil {
			s.log.Warn("not everything could be flushed before partitions are given away; the next owner reads it again", "error", err)
			if connector.ClassOf(err) == connector.BadRecord {
				refused = err // it may be of a partition that stays here
			}
		}
		s.disown(lost)
	}
	s.frontier.Forget(lost)
	s.frontier.Forget(gained)
	for _, p := range gained {
		s.assigned[p] = true
	}
	s.scope.Gauge(metrics.SinkPartitionCount).Set(float64(len(s.assigned)))
	err := s.patiently(record.Deliver, "assign partitions to "+s.plan.plugin.Name, func(context.Context) error {
		return s.sink.Assign(s.now, gained, lost)
	})
	if err == nil {
		err = s.resumeLedger(gained)
	}
	s.broken = err != nil && !errors.Is(err, errStopped)
	return cmp.Or(err, refused)
}

// ousted is called inside Poll when the group went on without this member: a successor may have the partitions already, and be ahead.
func (s *sinkTask) ousted(lost []record.Partition) error {
	if s.fenced.Load() {
		return nil
	}
	s.log.Warn("the group has taken partitions away without asking: what is not yet in the target is given up, the next owner reads it again", "partitions", len(lost))
	s.disown(lost)
	s.frontier.Forget(lost)
	s.scope.Gauge(metrics.SinkPartitionCount).Set(float64(len(s.assigned)))
	// Invariant 9: nothing of them is flushed or committed any more; a context that is over has the sink give up its buffer.
	over, cancel := context.WithCancel(s.now)
	cancel()
	if err := s.sink.Assign(over, nil, lost); err != nil && !errors.Is(err, context.Canceled) && connector.ClassOf(err) != connector.Retriable {
		s.broken = true
		return err
	}
	return nil
}

// disown forgets partitions that are lost.
func (s *sinkTask) disown(lost []record.Partition) {
	if s.lost == nil {
		s.lost = map[record.Partition]bool{}
	}
	for _, p := range lost {
		s.lost[p] = true
		delete(s.assigned, p)
		delete(s.committed, p)
	}
	s.dropEarly()
}

// resumeLedger seeks to where the target's own ledger says, for sinks that are exactly once.
func (s *sinkTask) resumeLedger(gained []record.Partition) error {
	ledger, ok := s.sink.(connector.Ledger)
	if !ok || len(gained) == 0 {
		return nil
	}
	return s.patiently(record.Deliver, "read the offsets in the target", func(context.Context) error {
		offsets, err := ledger.Resume(s.now, gained)
		if err == nil && len(offsets) > 0 {
			s.fetcher.Seek(offsets)
		}
		return err
	})
}

// dropEarly drops what was polled early of partitions that are lost.
func (s *sinkTask) dropEarly() {
	kept := s.early[:0]
	for _, m := range s.early {
		if !s.lost[record.Partition{Topic: m.Topic, ID: m.Partition}] {
			kept = append(kept, m)
		}
	}
	s.early = kept
}

// finish leaves the group: what is durable is committed on the way, unless the sink itself failed.
func (s *sinkTask) finish(failure error) error {
	if failure != nil && !errors.Is(failure, errStopped) {
		s.broken = s.broken || errors.As(failure, new(*panicError))
		defer time.AfterFunc(s.w.settings.Grace, s.killRun).Stop()
	}
	err := guarded(func() error { return s.flushLast(failure) })
	s.fence()
	return err
}

func (s *sinkTask) flushLast(failure error) error {
	if s.broken || s.now.Err() != nil {
		return nil
	}
	err := s.flushAll(s.now)
	if err != nil && failure == nil && s.now.Err() == nil && connector.ClassOf(err) != connector.Retriable {
		return err
	}
	if err != nil {
		s.log.Warn("not everything could be flushed at the end; it is read again by the next start", "error", err)
	}
	return nil
}

// watchLag shows how far the task is behind the log.
func (s *sinkTask) watchLag() {
	var worst, sum int64
	for _, n := range s.fetcher.Lag() {
		worst = max(worst, n)
		sum += n
	}
	s.scope.Gauge(metrics.SinkRecordLagMax).Set(float64(worst))
	s.scope.Gauge(metrics.SinkLagRecords).Set(float64(sum))
}
