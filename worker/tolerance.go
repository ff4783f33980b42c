package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"leat/connector"
	"leat/kafka"
	"leat/metrics"
	"leat/record"
	"leat/schema"
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
		args = append(args, slog.String("key", text(r.KeySchema, r.Key)), slog.String("value", text(r.ValueSchema, r.Value)))
		if r.Raw != nil {
			args = append(args, slog.String("rawKey", string(r.Raw.Key)), slog.String("rawValue", string(r.Raw.Value)))
		}
	}
	e.t.log.Error("error in a record", args...)
}

// text shows a value for errors.log.include.messages and keys in error messages.
func text(s *schema.Schema, v record.Value) string {
	if v.Kind() != record.KindStruct || s == nil || s.Type() != schema.Struct {
		b, err := v.MarshalJSON()
		if err != nil {
			return v.Kind().String()
		}
		return string(b)
	}
	var out strings.Builder
	out.WriteByte('{')
	for i, f := range s.Fields() {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(f.Name + "=" + text(f.Schema, v.Field(i)))
	}
	out.WriteByte('}')
	return out.String()
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
	return fmt.Sprintf("topic %s, key %s", r.Topic, shortKey(text(r.KeySchema, r.Key)))
}

// shortKey cuts a key in an error message where it is long: it is there to find the row.
func shortKey(key string) string {
	const most = 200
	if len(key) > most {
		return fmt.Sprintf("%s… (%d bytes)", key[:most], len(key))
	}
	return key
}
