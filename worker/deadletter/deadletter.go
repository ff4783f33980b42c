// Package deadletter writes records that a sink connector could not handle to its dead letter topic, as Kafka Connect does: the bytes
// as they were consumed, and on request headers that tell the context of the error.
//
// Guarantees: acknowledged is called only when the log holds the dead letter; the headers are named as Kafka Connect's and hold its
// stage names, which are written here and nowhere else. A secret is hidden as far as error messages hide it.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"leat/connector"
	"leat/kafka"
	"leat/record"
)

// Options say where dead letters go.
type Options struct {
	Topic             string
	ReplicationFactor int16
	// Preferred tells that the replication factor is no choice of the user: on a cluster that is too small for it, its default is used.
	Preferred      bool
	ContextHeaders bool
	Connector      string
	Task           int
	Admin          kafka.Admin
	Appender       kafka.Appender
	// Written is called for every dead letter that the log has answered; err is nil when it is acknowledged.
	Written func(err error)
}

// Writer writes dead letters. One goroutine uses it.
type Writer struct {
	opts    Options
	created bool

	mu      sync.Mutex
	failure error
}

// New makes a writer. The topic is created with the first dead letter, or by Prepare.
func New(opts Options) *Writer { return &Writer{opts: opts} }

// Prepare creates the topic if it is absent.
func (w *Writer) Prepare(ctx context.Context) error {
	if w.created {
		return nil
	}
	there, err := w.opts.Admin.Topics(ctx, w.opts.Topic)
	if err != nil {
		return fmt.Errorf("look for dead letter topic %s: %w", w.opts.Topic, err)
	}
	if _, ok := there[w.opts.Topic]; !ok {
		spec := kafka.TopicSpec{Name: w.opts.Topic, Partitions: 1, ReplicationFactor: w.opts.ReplicationFactor}
		_, err := w.opts.Admin.CreateTopic(ctx, spec)
		if err != nil && w.opts.Preferred && !kafka.Retriable(err) && ctx.Err() == nil {
			spec.ReplicationFactor = -1
			_, err = w.opts.Admin.CreateTopic(ctx, spec)
		}
		if err != nil {
			return fmt.Errorf("create dead letter topic %s with replication factor %d (errors.deadletterqueue.topic.replication.factor): %w",
				w.opts.Topic, w.opts.ReplicationFactor, err)
		}
	}
	w.created = true
	return nil
}

// Letter is one record that failed.
type Letter struct {
	Origin    record.Partition
	Offset    record.Offset
	Timestamp int64
	Raw       *record.Raw
	Err       *connector.StageError
	Class     string // of the plug-in that failed
}

// Write hands a dead letter to the log; acknowledged is called when the log has it. An error, and Err later, fail the task.
func (w *Writer) Write(ctx context.Context, l Letter, acknowledged func()) error {
	if err := w.Prepare(ctx); err != nil {
		return err
	}
	m := kafka.Message{Topic: w.opts.Topic, Partition: record.AnyPartition, Timestamp: l.Timestamp, Headers: l.Raw.Headers}
	m.Key, m.Value = l.Raw.Key, l.Raw.Value
	if w.opts.ContextHeaders {
		m.Headers = append(m.Headers[:len(m.Headers):len(m.Headers)], w.context(l)...)
	}
	return w.opts.Appender.Append(ctx, []kafka.Message{m}, func(err error) {
		w.opts.Written(err)
		if err == nil {
			acknowledged()
			return
		}
		w.mu.Lock()
		if w.failure == nil {
			w.failure = fmt.Errorf("write dead letter of %s-%d offset %d to %s: %w", l.Origin.Topic, l.Origin.ID, l.Offset, w.opts.Topic, err)
		}
		w.mu.Unlock()
	})
}

// Err gives the first dead letter that the log refused.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// Flush waits until every dead letter is answered.
func (w *Writer) Flush(ctx context.Context) error {
	if err := w.opts.Appender.Flush(ctx); err != nil {
		return err
	}
	return w.Err()
}

// The headers of KIP-298.
const prefix = "__connect.errors."

func (w *Writer) context(l Letter) []record.RawHeader {
	root := cause(l.Err)
	h := func(name, value string) record.RawHeader {
		return record.RawHeader{Key: prefix + name, Value: []byte(value)}
	}
	return []record.RawHeader{
		h("topic", l.Origin.Topic),
		h("partition", strconv.Itoa(int(l.Origin.ID))),
		h("offset", strconv.FormatInt(int64(l.Offset), 10)),
		h("connector.name", w.opts.Connector),
		h("task.id", strconv.Itoa(w.opts.Task)),
		h("stage", StageName(l.Err.Stage, l.Err.Part)),
		h("class.name", l.Class),
		h("exception.class.name", ExceptionClass(l.Err)),
		h("exception.message", root.Error()),
		h("exception.stacktrace", chain(l.Err)),
	}
}

// StageName is Kafka Connect's word for a stage.
func StageName(s record.Stage, p record.Part) string {
	switch s {
	case record.Capture:
		return "TASK_POLL"
	case record.Transform:
		return "TRANSFORMATION"
	case record.Append:
		return "KAFKA_PRODUCE"
	case record.Fetch:
		return "KAFKA_CONSUME"
	case record.Deliver:
		return "TASK_PUT"
	}
	switch p { // Encode and Decode
	case record.PartKey:
		return "KEY_CONVERTER"
	case record.PartHeader:
		return "HEADER_CONVERTER"
	}
	return "VALUE_CONVERTER"
}

// ExceptionClass is the Java class that tools which read dead letters expect for an error.
func ExceptionClass(err error) string {
	const pkg = "org.apache.kafka.connect.errors."
	var stage *connector.StageError
	switch {
	case errors.As(err, new(*kafka.AppendError)):
		return "org.apache.kafka.common.errors.RecordTooLargeException"
	case connector.ClassOf(err) == connector.Retriable:
		return pkg + "RetriableException"
	case errors.As(err, &stage) && stage.Stage == record.Deliver:
		return pkg + "ConnectException"
	}
	return pkg + "DataException"
}

// cause gives the error beneath the stage error, which has its place in other headers.
func cause(e *connector.StageError) error {
	if e.Err == nil {
		return e
	}
	return e.Err
}

// chain writes an error and its causes, one a line, as a Java stack trace begins.
func chain(e *connector.StageError) string {
	var b strings.Builder
	b.WriteString(ExceptionClass(e) + ": " + e.Error() + "\n")
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&b, "Caused by: %T: %s\n", err, err.Error())
	}
	return b.String()
}
