package herder

import (
	"strings"
	"testing"

	"leat/kafka"
	"leat/record"
)

func value(t *testing.T, text string) record.Value {
	t.Helper()
	var v record.Value
	if err := v.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return v
}

func offset(t *testing.T, partition, offset string) Offset {
	return Offset{value(t, partition), value(t, offset)}
}

func TestSinkOffsetsOfTheWrongShapeHaveConnectsMessages(t *testing.T) {
	const good = `{"kafka_topic":"t","kafka_partition":0}`
	for _, c := range []struct{ partition, offset, message string }{
		{`null`, `null`, "The partition for a sink connector offset cannot be null or missing"},
		{`{"a":1}`, `null`, "The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'"},
		{`{"kafka_topic":null,"kafka_partition":0}`, `null`, "Kafka topic names must be valid strings and may not be null"},
		{`{"kafka_topic":"t","kafka_partition":null}`, `null`, "Kafka partitions must be valid numbers and may not be null"},
		{`{"kafka_topic":"t","kafka_partition":"x"}`, `null`, "Failed to parse the following Kafka partition value in the provided offsets: 'x'. " +
			"Partition values for sink connectors need to be integers."},
		{good, `{"a":1}`, "The offset for a sink connector should either be null or contain the key 'kafka_offset'"},
		{good, `{"kafka_offset":1.5}`, "Failed to parse the following Kafka offset value in the provided offsets: '1.5'. " +
			"Offset values for sink connectors need to be integers."},
		{good, `{"kafka_offset":-5}`, "Invalid negative offset -5 for t-0"},
	} {
		_, err := parseSinkOffsets([]Offset{offset(t, c.partition, c.offset)})
		if KindOf(err) != BadRequest || err.Error() != c.message {
			t.Errorf("%s %s: %v", c.partition, c.offset, err)
		}
	}
	got, err := parseSinkOffsets([]Offset{offset(t, `{"kafka_topic":"t","kafka_partition":"1"}`, `{"kafka_offset":"7"}`), offset(t, good, `null`)})
	if err != nil || got[record.Partition{Topic: "t", ID: 1}] != 7 || got[record.Partition{Topic: "t"}] != deleteOffset {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOffsetsOfASinkAreThoseOfItsGroup(t *testing.T) {
	log := broker(t)
	if _, err := log.Admin().CreateTopic(soon(t), kafka.TopicSpec{Name: "t", Partitions: 1, ReplicationFactor: 1}); err != nil {
		t.Fatal(err)
	}
	s := start(t, log)
	s.put("c", sink("1"))
	s.becomes("c", "RUNNING [RUNNING]")
	edit := []Offset{offset(t, `{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":42}`)}
	if _, err := s.AlterOffsets(soon(t), "c", edit); KindOf(err) != BadRequest || !strings.Contains(err.Error(), "'/connectors/c/stop' endpoint") {
		t.Fatalf("alter while running: %v", err)
	}
	s.target("c", TargetStopped)
	message, err := s.AlterOffsets(soon(t), "c", edit)
	if err != nil || !strings.HasPrefix(message, "The Connect framework-managed offsets for this connector have been altered successfully.") {
		t.Fatalf("alter: %q, %v", message, err)
	}
	s.eventually(func() string { return s.offsetsOf("c") }, `{"kafka_partition":0,"kafka_topic":"t"} {"kafka_offset":42}`)
	if _, err := s.AlterOffsets(soon(t), "c", []Offset{offset(t, `{"kafka_topic":"t","kafka_partition":0}`, `null`)}); err != nil {
		t.Fatal(err)
	}
	s.eventually(func() string { return s.offsetsOf("c") }, "")
	if _, err := s.AlterOffsets(soon(t), "c", edit); err != nil {
		t.Fatal(err)
	}
	for range 2 { // to reset what is reset is no error
		message, err = s.ResetOffsets(soon(t), "c")
		if err != nil || !strings.HasPrefix(message, "The Connect framework-managed offsets for this connector have been reset successfully.") {
			t.Fatalf("reset: %q, %v", message, err)
		}
		if got := s.offsetsOf("c"); got != "" {
			t.Fatalf("offsets %s", got)
		}
	}
}

func (s *suite) offsetsOf(name string) string {
	s.t.Helper()
	offsets, err := s.Offsets(soon(s.t), name)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, o := range offsets {
		out = append(out, plainText(o.Partition)+" "+plainText(o.Offset))
	}
	return strings.Join(out, ", ")
}
