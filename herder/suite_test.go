package herder

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"leat/herder/herdertest"
	"leat/herder/loggers"
	"leat/kafka"
	"leat/record"
	"leat/worker"
)

// logText keeps what is logged.
type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// suite is a herder with a worker for tests.
type suite struct {
	*Single
	t    *testing.T
	w    *herdertest.Worker
	logs *logText
	stop func()
}

// start runs a herder over log, nil for memory, until stop or the test's end.
func start(t *testing.T, log kafka.Log, change ...func(*Options)) *suite {
	t.Helper()
	s := &suite{t: t, w: herdertest.NewWorker(), logs: &logText{}}
	topics, err := NewInternalTopics(map[string]string{"status.storage.partitions": "2"}, true)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opts := Options{
		WorkerID: "127.0.0.1:8083", Version: "0.1", Commit: "c", Log: log, Topics: topics, Props: map[string]string{"group.id": "leat"},
		Offsets: s.w, Loggers: loggers.New(slog.DiscardHandler, "INFO"), Logger: logger,
	}
	for _, c := range change {
		c(&opts)
	}
	s.Single = New(opts)
	s.w.Changed = s.Changed
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, s.w) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	if err := s.await(soon(t)); err != nil {
		t.Fatalf("not ready: %v\n%s", err, s.logs)
	}
	return s
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func broker(t *testing.T) kafka.Log {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return clusterOf(t, strings.Join(k.ListenAddrs(), ","))
}

func clusterOf(t *testing.T, servers string) kafka.Log {
	t.Helper()
	c, err := kafka.Open(map[string]string{"bootstrap.servers": servers}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func source(topic string) map[string]string {
	return map[string]string{"connector.class": "FileStreamSource", "topic": topic}
}

func sink(tasks string) map[string]string {
	return map[string]string{"connector.class": "FileStreamSink", "topics": "t", "tasks.max": tasks}
}

func (s *suite) put(name string, props map[string]string) {
	s.t.Helper()
	change := ChangeTo(props)
	change["name"] = &name
	if _, _, err := s.Configure(soon(s.t), name, change); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) target(name string, target TargetState) {
	s.t.Helper()
	if err := s.SetTarget(soon(s.t), name, target); err != nil {
		s.t.Fatal(err)
	}
}

// shape is a status as "RUNNING [RUNNING PAUSED]", "" when there is none.
func (s *suite) shape(name string) string {
	st, err := s.Status(soon(s.t), name)
	if err != nil {
		return ""
	}
	var tasks []string
	for _, task := range st.Tasks {
		tasks = append(tasks, string(task.State))
	}
	return string(st.Connector.State) + " [" + strings.Join(tasks, " ") + "]"
}

func (s *suite) becomes(name, shape string) {
	s.t.Helper()
	s.eventually(func() string { return s.shape(name) }, shape)
}

func (s *suite) eventually(get func() string, want string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		got := get()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("got %q, want %q\n%s", got, want, s.logs)
		}
	}
}

// read gives all messages of a topic as "key value", without the ones that do not last.
func read(t *testing.T, log kafka.Log, topic string) []string {
	t.Helper()
	var mu sync.Mutex
	var out []string
	table, err := log.OpenTable(soon(t), kafka.TableOptions{Topic: topic, Partitions: 1, ReplicationFactor: 1, Changed: func(m kafka.Message) {
		mu.Lock()
		defer mu.Unlock()
		value := "null"
		if m.Value != nil {
			value = string(m.Value)
		}
		out = append(out, string(m.Key)+" "+value)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := table.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(out)
}

// recorded are the topics of a real Connect 4.3.1 with five connectors: run-ning, paused (two tasks), stopped, failed and deleted.
func recorded(t *testing.T) []kafka.Message {
	t.Helper()
	f, err := os.Open("testdata/connect-topics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []kafka.Message
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l struct {
			Topic, Key string
			Value      *string
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		m := kafka.Message{Topic: l.Topic, Key: []byte(l.Key), Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Offset: record.Offset(len(out))}
		if l.Value != nil {
			m.Value = []byte(*l.Value)
		}
		out = append(out, m)
	}
	return out
}

func statusOf(name string, task int, state worker.State, trace string) worker.Status {
	return worker.Status{Connector: name, Task: task, State: state, Trace: trace, Version: herdertest.Version}
}
