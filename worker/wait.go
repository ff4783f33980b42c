package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"leat/metrics"
	"leat/record"
)

// outage waits out errors of something that is away: growing pauses with jitter, told in the task's status.
type outage struct {
	t     *task
	stage record.Stage
	what  string // what is tried, for the status
	pause time.Duration
	most  time.Duration
}

func (t *task) outage(stage record.Stage, what string) *outage {
	return &outage{t: t, stage: stage, what: what, most: t.w.limits.retryMax}
}

// next gives the pause before the next try and tells the status of it.
func (o *outage) next(err error) time.Duration {
	if o.pause == 0 {
		o.pause = o.t.w.limits.retryFirst
		o.t.log.Warn("waiting for what is away", "for", o.what, "error", err)
	} else {
		o.pause *= 2
	}
	o.pause = min(o.pause, o.most)
	d := time.Duration(float64(o.pause) * (0.8 + 0.4*rand.Float64()))
	o.t.scope.Counter(metrics.StageRetries, o.stage.String()).Add(1)
	o.t.scope.Counter(metrics.TotalRetries).Add(1)
	o.t.waits(fmt.Sprintf("%s: %v", o.what, err), time.Now().Add(d))
	return d
}

// wait pauses; it gives errStopped when the task is to stop.
func (o *outage) wait(ctx context.Context, err error) error {
	timer := time.NewTimer(o.next(err))
	defer timer.Stop()
	select {
	case <-timer.C:
		o.t.restarted()
		return nil
	case <-o.t.drain:
		return errStopped
	case <-ctx.Done():
		return errStopped
	}
}

// over tells that the outage has ended, if there was one.
func (o *outage) over() {
	if o.pause != 0 {
		o.pause = 0
		o.t.log.Info("what was away is back", "for", o.what)
		o.t.goesOn()
	}
}

// running calls f, and takes an f that goes on for long for the end of the outage.
func (o *outage) running(f func()) {
	if o.pause == 0 {
		f()
		return
	}
	timer := time.AfterFunc(o.t.w.limits.settle, o.t.goesOn)
	defer timer.Stop()
	f()
}

// waits tells the status what the task waits for.
func (t *task) waits(reason string, next time.Time) {
	t.mu.Lock()
	if t.since.IsZero() {
		t.since = time.Now()
	}
	trace := fmt.Sprintf("waiting since %s: %s", t.since.UTC().Format(time.RFC3339), reason)
	if !next.IsZero() {
		t.tries++
		trace += fmt.Sprintf(" (try %d, next at %s)", t.tries, next.UTC().Format(time.RFC3339))
	}
	same := t.trace == trace
	t.trace = trace
	t.mu.Unlock()
	if !same {
		t.scope.Gauge(metrics.TaskWaiting).Set(1)
		t.tell()
	}
}

// goesOn tells the status that the task waits no longer.
func (t *task) goesOn() {
	t.mu.Lock()
	was := t.trace != ""
	t.trace, t.since, t.tries = "", time.Time{}, 0
	t.mu.Unlock()
	if was {
		t.scope.Gauge(metrics.TaskWaiting).Set(0)
		t.tell()
	}
}

func (t *task) restarted() {
	t.mu.Lock()
	t.restarts++
	t.mu.Unlock()
	t.scope.Counter(metrics.TaskRestarts).Add(1)
}
