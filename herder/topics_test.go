package herder

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"leat/kafka"
	"leat/worker"
)

func TestTopicsOfARealConnectClusterAreTakenOver(t *testing.T) {
	log := broker(t)
	for _, topic := range []string{"connect-configs", "connect-status"} {
		fill(t, log, topic)
	}
	s := start(t, log, func(o *Options) { o.Topics.Status.Topic = "connect-status" })
	names, err := s.Connectors(soon(t))
	if err != nil || strings.Join(names, " ") != "failed paused run-ning stopped" {
		t.Fatalf("connectors %v, %v", names, err)
	}
	s.becomes("run-ning", "RUNNING [RUNNING]")
	s.becomes("paused", "PAUSED [PAUSED PAUSED]")
	s.becomes("stopped", "STOPPED []")
	s.becomes("failed", "RUNNING [RUNNING]")
	s.becomes("deleted", "")
	info, err := s.Connector(soon(t), "run-ning")
	want := map[string]string{"connector.class": "FileStreamSource", "topic": "rest-x", "file": "/data/in.txt", "mark": "<&>é", "name": "run-ning"}
	if err != nil || !reflect.DeepEqual(info.Config, want) {
		t.Fatalf("config %v, %v", info.Config, err)
	}
	if topics, err := s.Topics(soon(t), "run-ning"); err != nil || strings.Join(topics, " ") != "rest-x" {
		t.Fatalf("topics %v, %v", topics, err)
	}
}

// fill writes what Connect wrote to one of its topics.
func fill(t *testing.T, log kafka.Log, topic string) {
	t.Helper()
	table, err := log.OpenTable(soon(t), kafka.TableOptions{Topic: topic, Partitions: 1, ReplicationFactor: 1, Changed: func(kafka.Message) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for _, m := range recorded(t) {
		if m.Topic == topic {
			if err := table.Put(soon(t), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRecordsAreWrittenAsConnectWritesThem(t *testing.T) {
	for _, m := range recorded(t) {
		key, value := string(m.Key), string(m.Value)
		if m.Value == nil {
			continue
		}
		var ours []byte
		switch {
		case strings.HasPrefix(key, targetStatePrefix):
			target, err := decodeTarget(m.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours = encodeTarget(target)
		case strings.HasPrefix(key, commitPrefix):
			ours = again(t, m.Value, &commitValue{})
		case strings.HasPrefix(key, loggerPrefix):
			ours = again(t, m.Value, &loggerValue{})
		case strings.HasPrefix(key, statusTopic):
			ours = again(t, m.Value, &topicValue{})
		case strings.HasPrefix(key, statusConnector), strings.HasPrefix(key, statusTask):
			var v statusValue
			again(t, m.Value, &v)
			ours = encodeStatus(worker.Status{State: v.State, Trace: v.trace(), Version: v.version()}, v.WorkerID, v.Generation)
		default: // properties are a hash map, whose order means nothing
			props, err := decodeProps(m.Value)
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, value, string(encodeProps(props)))
			continue
		}
		if string(ours) != value {
			t.Errorf("%s\n got %s\nwant %s", key, ours, value)
		}
	}
}

func again(t *testing.T, data []byte, v any) []byte {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	return encode(v)
}

func sameJSON(t *testing.T, a, b string) {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil || !reflect.DeepEqual(x, y) {
		t.Errorf("differ:\n%s\n%s", a, b)
	}
}

func TestConfigTopicIsWrittenAsConnectWritesIt(t *testing.T) {
	log := broker(t)
	s := start(t, log)
	ctx := soon(t)
	name := "c"
	if _, err := s.Create(ctx, name, Change{"name": &name, "connector.class": ptr("FileStreamSource"), "topic": ptr("t")}, TargetPaused); err != nil {
		t.Fatal(err)
	}
	s.becomes(name, "PAUSED []") // as in Connect, work is split when the connector runs
	s.target(name, TargetStarted)
	s.becomes(name, "RUNNING [RUNNING]")
	s.target(name, TargetStopped)
	s.becomes(name, "STOPPED []")
	if err := s.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
	s.becomes(name, "")
	want := []string{
		`target-state-c {"state":"PAUSED","state.v2":"PAUSED"}`,
		`connector-c {"properties":{"connector.class":"FileStreamSource","name":"c","topic":"t"}}`,
		`target-state-c {"state":"STARTED","state.v2":"STARTED"}`,
		`task-c-0 {"properties":{"connector.class":"FileStreamSource","name":"c","task.class":"org.apache.kafka.connect.file.FileStreamSourceTask","topic":"t"}}`,
		`commit-c {"tasks":1}`,
		`commit-c {"tasks":0}`,
		`target-state-c {"state":"PAUSED","state.v2":"STOPPED"}`,
		`connector-c null`,
		`target-state-c null`,
	}
	if got := read(t, log, "connect-configs"); !reflect.DeepEqual(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func ptr(s string) *string { return &s }

func TestRestartRestoresWithoutNewTaskConfigs(t *testing.T) {
	log := broker(t)
	first := start(t, log)
	first.put("on", source("a"))
	first.put("two", sink("2"))
	first.put("halted", source("a"))
	first.becomes("on", "RUNNING [RUNNING]")
	first.becomes("two", "RUNNING [RUNNING RUNNING]")
	first.becomes("halted", "RUNNING [RUNNING]")
	first.target("two", TargetPaused)
	first.target("halted", TargetStopped)
	first.becomes("two", "PAUSED [PAUSED PAUSED]")
	first.becomes("halted", "STOPPED []")
	first.TopicUsed("on", 0, "a")
	first.stop()
	before := read(t, log, "connect-configs")

	second := start(t, log)
	second.becomes("on", "RUNNING [RUNNING]")
	second.becomes("two", "PAUSED [PAUSED PAUSED]")
	second.becomes("halted", "STOPPED []")
	second.eventually(func() string { return strings.Join(second.w.Running(), " ") }, "on-0 two-0 two-1")
	if topics, err := second.Topics(soon(t), "on"); err != nil || strings.Join(topics, " ") != "a" {
		t.Fatalf("topics %v, %v", topics, err)
	}
	second.stop()
	if after := read(t, log, "connect-configs"); !reflect.DeepEqual(before, after) {
		t.Fatalf("the config topic changed from\n%s\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func TestTaskConfigsThatCompactionTookAreMadeAnew(t *testing.T) {
	log := broker(t)
	table, err := log.OpenTable(soon(t), kafka.TableOptions{Topic: "connect-configs", Partitions: 1, ReplicationFactor: 1, Changed: func(kafka.Message) {}})
	if err != nil {
		t.Fatal(err)
	}
	c := newConfigs("connect-configs", nil)
	c.table = table
	props := map[string]string{"connector.class": "FileStreamSink", "tasks.max": "2", "name": "c", "topics": "t"}
	if err := c.putConnector(soon(t), "c", props, ""); err != nil {
		t.Fatal(err)
	}
	// One of two task configs is gone; and what is left of a connector that was deleted long ago means nothing.
	if err := c.write(soon(t), c.message("task-c-1", encodeProps(props)), c.message("commit-c", []byte(`{"tasks":2}`)),
		c.message("task-old-0", encodeProps(props)), c.message("commit-old", []byte(`{"tasks":1}`))); err != nil {
		t.Fatal(err)
	}
	table.Close()
	s := start(t, log)
	s.becomes("c", "RUNNING [RUNNING RUNNING]")
	if _, err := s.Connector(soon(t), "old"); KindOf(err) != NotFound {
		t.Fatalf("old: %v", err)
	}
}

func TestConfigTopicWithTwoPartitionsIsRefused(t *testing.T) {
	log := broker(t)
	if _, err := log.Admin().CreateTopic(soon(t), kafka.TopicSpec{Name: "connect-configs", Partitions: 2, ReplicationFactor: 1,
		Settings: map[string]string{"cleanup.policy": "compact"}}); err != nil {
		t.Fatal(err)
	}
	topics, err := NewInternalTopics(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, nil) // for its options
	h := New(Options{Log: log, Topics: topics, Logger: s.log, Offsets: s.w, Loggers: s.opts.Loggers})
	err = h.Run(soon(t), s.w)
	if err == nil || !strings.Contains(err.Error(), "exactly 1") {
		t.Fatalf("Run: %v", err)
	}
}

func TestInternalTopicsFromWorkerProperties(t *testing.T) {
	topics, err := NewInternalTopics(map[string]string{
		"config.storage.topic": "c", "config.storage.partitions": "3", "config.storage.replication.factor": "2", "config.storage.min.insync.replicas": "2",
		"offset.storage.topic": "o", "offset.storage.partitions": "-1", "status.storage.cleanup.policy": "delete",
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	c := topics.Config
	if c.Topic != "c" || c.Partitions != 1 || c.ReplicationFactor != 2 || c.Settings["min.insync.replicas"] != "2" {
		t.Errorf("config topic %+v", c)
	}
	if o := topics.Offset; o.Topic != "o" || o.Partitions != -1 || o.ReplicationFactor != 3 {
		t.Errorf("offset topic %+v", o)
	}
	if st := topics.Status; st.Partitions != 5 || st.Settings["cleanup.policy"] != "compact" {
		t.Errorf("status topic %+v", st)
	}
	for _, bad := range []map[string]string{
		{"config.storage.topic": " "}, {"offset.storage.partitions": "0"}, {"status.storage.replication.factor": "many"},
	} {
		if _, err := NewInternalTopics(bad, false); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestTableInMemoryForgetsNothingWhileItLives(t *testing.T) {
	var seen []kafka.Message
	m := OpenMemory(func(m kafka.Message) { seen = append(seen, m) })
	if err := m.Put(context.Background(), kafka.Message{Key: []byte("a")}, kafka.Message{Key: []byte("a")}); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2 || seen[0].Offset != 0 || seen[1].Offset != 1 {
		t.Fatalf("seen %v", seen)
	}
}

func FuzzConfigTopicRecords(f *testing.F) {
	f.Add("connector-a", []byte(`{"properties":{"x":null}}`))
	f.Add("task-a-0", []byte(`{"properties":{"x":"y"}}`))
	f.Add("commit-a", []byte(`{"tasks":1}`))
	f.Add("target-state-a", []byte(`{"state":"PAUSED"}`))
	f.Add("logger-cluster-", []byte(`{"level":1}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		c := newConfigs("t", nil)
		_, _, _ = c.apply(connectorPrefix+"a", []byte(`{"properties":{"k":"v"}}`), 0)
		_, _, _ = c.apply(key, value, 1) // must not panic
		if e, ok := c.get("a"); ok {
			for task := range e.runnable() {
				if task < 0 || task >= e.count {
					t.Fatalf("task %d of %d", task, e.count)
				}
			}
		}
	})
}
