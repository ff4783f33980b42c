package deadletter

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"leat/connector"
	"leat/kafka"
	"leat/record"
)

// shelf is an Appender that keeps messages, and an Admin without topics.
type shelf struct {
	kafka.Admin
	created  []kafka.TopicSpec
	messages []kafka.Message
	answer   error
}

func (s *shelf) Topics(context.Context, ...string) (map[string]kafka.TopicInfo, error) {
	return nil, nil
}

func (s *shelf) CreateTopic(_ context.Context, t kafka.TopicSpec) (bool, error) {
	s.created = append(s.created, t)
	return true, nil
}

func (s *shelf) Append(_ context.Context, m []kafka.Message, done func(error)) error {
	s.messages = append(s.messages, m...)
	done(s.answer)
	return nil
}

func (s *shelf) Flush(context.Context) error { return nil }
func (s *shelf) Close()                      {}

func letter() Letter {
	return Letter{
		Origin: record.Partition{Topic: "orders", ID: 3}, Offset: 17, Timestamp: 99, Class: "org.x.JsonConverter",
		Raw: &record.Raw{Key: []byte("k"), Value: []byte{0xff, 0}, Headers: []record.RawHeader{{Key: "own", Value: []byte("h")}}},
		Err: &connector.StageError{Stage: record.Decode, Part: record.PartValue, Name: "org.x.JsonConverter", Where: "orders-3@17", Err: errors.New("no JSON")},
	}
}

func TestLetterIsTheRawRecordWithContextHeaders(t *testing.T) {
	s := &shelf{}
	w := New(Options{Topic: "dlq", ReplicationFactor: 2, ContextHeaders: true, Connector: "c", Task: 1, Admin: s, Appender: s, Written: func(error) {}})
	acknowledged := 0
	for range 2 {
		if err := w.Write(t.Context(), letter(), func() { acknowledged++ }); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged != 2 || len(s.created) != 1 || s.created[0].ReplicationFactor != 2 || s.created[0].Partitions != 1 {
		t.Errorf("%d acknowledged, created %v", acknowledged, s.created)
	}
	m := s.messages[1]
	if m.Topic != "dlq" || string(m.Key) != "k" || string(m.Value) != "\xff\x00" || m.Timestamp != 99 {
		t.Errorf("message %+v", m)
	}
	want := []string{
		"own=h",
		"__connect.errors.topic=orders", "__connect.errors.partition=3", "__connect.errors.offset=17",
		"__connect.errors.connector.name=c", "__connect.errors.task.id=1", "__connect.errors.stage=VALUE_CONVERTER",
		"__connect.errors.class.name=org.x.JsonConverter", "__connect.errors.exception.class.name=org.apache.kafka.connect.errors.DataException",
		"__connect.errors.exception.message=no JSON",
		"__connect.errors.exception.stacktrace=org.apache.kafka.connect.errors.DataException: decode (org.x.JsonConverter) of orders-3@17: no JSON\nCaused by: *errors.errorString: no JSON\n",
	}
	if len(m.Headers) != len(want) {
		t.Fatalf("%d headers, want %d", len(m.Headers), len(want))
	}
	for i, h := range m.Headers {
		if got := h.Key + "=" + string(h.Value); got != want[i] {
			t.Errorf("header %d is %q, want %q", i, got, want[i])
		}
	}
	if len(letter().Raw.Headers) != 1 {
		t.Error("the record's own headers were changed")
	}
}

func TestWithoutContextHeadersTheRecordIsAsItWas(t *testing.T) {
	s := &shelf{}
	w := New(Options{Topic: "dlq", Admin: s, Appender: s, Written: func(error) {}})
	if err := w.Write(t.Context(), letter(), func() {}); err != nil || len(s.messages[0].Headers) != 1 {
		t.Errorf("headers %v, %v", s.messages[0].Headers, err)
	}
}

func TestRefusedLetterIsNotAcknowledgedAndFails(t *testing.T) {
	s := &shelf{answer: errors.New("too large")}
	failures := 0
	w := New(Options{Topic: "dlq", Admin: s, Appender: s, Written: func(err error) {
		if err != nil {
			failures++
		}
	}})
	if err := w.Write(t.Context(), letter(), func() { t.Error("acknowledged") }); err != nil {
		t.Fatal(err)
	}
	if w.Err() == nil || w.Flush(t.Context()) == nil || failures != 1 {
		t.Errorf("error %v, %d failures", w.Err(), failures)
	}
}

func TestStageNamesAreKafkaConnects(t *testing.T) {
	for _, tt := range []struct {
		stage record.Stage
		part  record.Part
		want  string
	}{
		{record.Capture, record.PartValue, "TASK_POLL"}, {record.Transform, record.PartValue, "TRANSFORMATION"},
		{record.Encode, record.PartKey, "KEY_CONVERTER"}, {record.Encode, record.PartValue, "VALUE_CONVERTER"},
		{record.Decode, record.PartHeader, "HEADER_CONVERTER"}, {record.Append, record.PartValue, "KAFKA_PRODUCE"},
		{record.Fetch, record.PartValue, "KAFKA_CONSUME"}, {record.Deliver, record.PartKey, "TASK_PUT"},
	} {
		if got := StageName(tt.stage, tt.part); got != tt.want {
			t.Errorf("%s %s is %s, want %s", tt.stage, tt.part, got, tt.want)
		}
	}
}

func TestExceptionClasses(t *testing.T) {
	at := func(s record.Stage, err error) error {
		return fmt.Errorf("x: %w", &connector.StageError{Stage: s, Err: err})
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{at(record.Decode, errors.New("x")), "org.apache.kafka.connect.errors.DataException"},
		{at(record.Deliver, errors.New("x")), "org.apache.kafka.connect.errors.ConnectException"},
		{at(record.Decode, connector.Retriablef("x")), "org.apache.kafka.connect.errors.RetriableException"},
		{at(record.Append, &kafka.AppendError{Err: errors.New("x")}), "org.apache.kafka.common.errors.RecordTooLargeException"},
	} {
		if got := ExceptionClass(tt.err); got != tt.want {
			t.Errorf("%v is %s, want %s", tt.err, got, tt.want)
		}
	}
}
