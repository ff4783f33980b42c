package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"leat/connector"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
)

// tolerance decides what becomes of a bad record, by errors.*.
type tolerance struct {
	t       *task
	all     bool
	log     bool
	values  bool
	timeout time.Duration
	delay   time.Duration

	failures, errors, skipped, logged *metrics.Counter
	last                              *metrics.Gauge
}

func newTolerance(t *task, s *settings) *tolerance {
	return &tolerance{
		t: t, all: s.Tolerance == "all", log: s.LogErrors, values: s.LogMessages, timeout: s.RetryTimeout, delay: s.RetryDelayMax,
		failures: t.scope.Counter(metrics.TotalRecordFailures), errors: t.scope.Counter(metrics.TotalRecordErrors),
		skipped: t.scope.Counter(metrics.TotalRecordsSkipped), logged: t.scope.Counter(metrics.TotalErrorsLogged),
		last: t.scope.Gauge(metrics.LastErrorTimestampMs),
	}
}

// again tries f again while it fails with something Retriable: what is away for a while makes no record bad. With errors.retry.timeout
// above 0 that long, after which the error counts as the record's; else until it works or the task stops.
func (e *tolerance) again(ctx context.Context, stage record.Stage, err error, f func() error) error {
	if connector.ClassOf(err) != connector.Retriable {
		return err
	}
	o := e.t.outage(stage, stage.String())
	o.most = min(o.most, max(e.delay, time.Millisecond))
	end := time.Now().Add(e.timeout)
	for connector.ClassOf(err) == connector.Retriable {
		if e.timeout > 0 && !time.Now().Before(end) {
			o.over()
			return connector.BadRecordf("given up after errors.retry.timeout of %v: %w", e.timeout, err)
		}
		if stop := o.wait(ctx, err); stop != nil {
			return stop
		}
		if err = f(); err == nil {
			break
		}
	}
	o.over()
	return err
}

// skip decides about a bad record: nil when it is tolerated, which is counted and logged, else the error that fails the task.
func (e *tolerance) skip(err *connector.StageError, r *record.Record) error {
	if errors.Is(err, errStopped) {
		return errStopped
	}
	e.failures.Add(1)
	e.errors.Add(1)
	e.last.Set(float64(time.Now().UnixMilli()))
	e.t.scope.Counter(metrics.StageErrors, err.Stage.String()).Add(1)
	e.write(err, r)
	if !e.all || fatal(err) {
		return err
	}
	// Invariant 6: skipped under the user's policy, and counted.
	e.skipped.Add(1)
	return nil
}

// fatal tells of errors that are no single record's: an explicit class Fatal. Errors without a class are taken as the record's.
func fatal(err error) bool {
	var c *connector.Error
	return errors.As(err, &c) && c.Class == connector.Fatal
}

func (e *tolerance) write(err *connector.StageError, r *record.Record) {
	if !e.log {
		return
	}
	e.logged.Add(1)
	args := []any{"stage", err.Stage.String(), "part", err.Part.String(), "where", err.Where, "error", err.Err}
	if e.values && r != nil {
		args = append(args, slog.String("key", text(r.KeySchema != nil, r.Key)), slog.String("value", text(r.ValueSchema != nil, r.Value)))
		if r.Raw != nil {
			args = append(args, slog.String("rawKey", string(r.Raw.Key)), slog.String("rawValue", string(r.Raw.Value)))
		}
	}
	e.t.log.Error("error in a record", args...)
}

// text shows a value for errors.log.include.messages.
func text(_ bool, v record.Value) string {
	if v.Kind() == record.KindStruct {
		return fmt.Sprintf("struct of %d fields", v.Len())
	}
	b, err := v.MarshalJSON()
	if err != nil {
		return v.Kind().String()
	}
	return string(b)
}

// ofLog gives an error of the log its class.
func ofLog(err error) error {
	if err == nil || errors.As(err, new(*connector.Error)) || !kafka.Retriable(err) {
		return err
	}
	return &connector.Error{Class: connector.Retriable, Err: err}
}

func stageError(stage record.Stage, part record.Part, name, where string, err error) *connector.StageError {
	var inner *connector.StageError
	if errors.As(err, &inner) && inner.Stage == stage && inner.Where == "" {
		return &connector.StageError{Stage: stage, Part: inner.Part, Name: inner.Name, Where: where, Err: inner.Err}
	}
	return &connector.StageError{Stage: stage, Part: part, Name: name, Where: where, Err: err}
}

// describeRecord says which record: where it came from, or topic and key.
func describeRecord(r *record.Record) string {
	if r.Raw != nil {
		return fmt.Sprintf("%s-%d@%d", r.Origin.Topic, r.Origin.ID, r.Offset)
	}
	key := "?"
	switch b, err := r.Key.MarshalJSON(); {
	case err == nil:
		key = shortKey(b)
	case r.Key.Kind() == record.KindStruct && r.KeySchema != nil:
		key = structKey(r)
	}
	return fmt.Sprintf("topic %s, key %s", r.Topic, key)
}

func structKey(r *record.Record) string {
	out := "{"
	for i, f := range r.KeySchema.Fields() {
		if i > 0 {
			out += ", "
		}
		b, err := r.Key.Field(i).MarshalJSON()
		if err != nil {
			b = []byte(r.Key.Field(i).Kind().String())
		}
		out += f.Name + "=" + shortKey(b)
	}
	return out + "}"
}

// shortKey shows a key in an error message; a key names a row, and is cut where it is long.
func shortKey(b []byte) string {
	const most = 200
	if b == nil {
		return "null"
	}
	if len(b) > most {
		return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
	}
	return string(b)
}
