package herder

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"leat/kafka"
	"leat/record"
	"leat/worker"
)

// statuses is the status topic: states of connectors and tasks, and the topics in use. What this process sets is seen at once and
// written behind, newest per key, so that a log that is away delays no task; run does the writing.
type statuses struct {
	topic    string
	table    kafka.Table
	log      *slog.Logger
	workerID string

	mu         sync.Mutex
	generation int
	connectors map[string]statusValue
	tasks      map[string]map[int]statusValue
	topics     map[string]map[string]bool // connector -> topic
	// own are the values set here that have not come back yet: until then what comes back for the key is older.
	own map[string][]byte
	// unsent are the values to write, in the order of keys. Bounded by the number of keys, as only the newest value of each is kept.
	unsent  map[string][]byte
	order   []string
	wake    chan struct{}
	written *sync.Cond // unsent is empty and nothing is being written
	writing bool
}

func newStatuses(topic, workerID string, log *slog.Logger) *statuses {
	s := &statuses{
		topic: topic, workerID: workerID, log: log,
		connectors: map[string]statusValue{}, tasks: map[string]map[int]statusValue{}, topics: map[string]map[string]bool{},
		own: map[string][]byte{}, unsent: map[string][]byte{}, wake: make(chan struct{}, 1),
	}
	s.written = sync.NewCond(&s.mu)
	return s
}

// changed takes one message of the topic.
func (s *statuses) changed(m kafka.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := string(m.Key)
	if mine, ok := s.own[key]; ok {
		if bytes.Equal(mine, m.Value) && (mine == nil) == (m.Value == nil) {
			delete(s.own, key)
		}
		return
	}
	if err := s.apply(key, m.Value); err != nil {
		s.log.Warn("Ignoring a record of the status topic that can not be read", "key", key, "offset", m.Offset, "error", err)
	}
}

func (s *statuses) apply(key string, value []byte) error {
	switch {
	case strings.HasPrefix(key, statusConnector):
		return s.applyConnector(key[len(statusConnector):], value)
	case strings.HasPrefix(key, statusTask):
		return s.applyTask(key[len(statusTask):], value)
	case strings.HasPrefix(key, statusTopic):
		return s.applyTopic(key[len(statusTopic):], value)
	}
	return fmt.Errorf("unknown key")
}

func (s *statuses) applyConnector(name string, value []byte) error {
	if value == nil {
		delete(s.connectors, name)
		return nil
	}
	v, err := s.decode(value)
	if err == nil {
		s.connectors[name] = v
	}
	return err
}

func (s *statuses) applyTask(id string, value []byte) error {
	name, task, ok := splitTask(id)
	if !ok {
		return fmt.Errorf("not a task's key")
	}
	if value == nil {
		delete(s.tasks[name], task)
		return nil
	}
	v, err := s.decode(value)
	if err != nil {
		return err
	}
	if s.tasks[name] == nil {
		s.tasks[name] = map[int]statusValue{}
	}
	s.tasks[name][task] = v
	return nil
}

func (s *statuses) applyTopic(id string, value []byte) error {
	name, topic, ok := splitTopic(id)
	if !ok {
		return fmt.Errorf("not a topic's key")
	}
	if value == nil {
		delete(s.topics[name], topic)
		return nil
	}
	if s.topics[name] == nil {
		s.topics[name] = map[string]bool{}
	}
	s.topics[name][topic] = true
	return nil
}

func (s *statuses) decode(value []byte) (statusValue, error) {
	var v statusValue
	if err := json.Unmarshal(value, &v); err != nil {
		return v, err
	}
	s.generation = max(s.generation, v.Generation)
	return v, nil
}

// nextGeneration begins a generation above all that the topic has seen, so that no reader takes our states for stale ones.
func (s *statuses) nextGeneration() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

func (s *statuses) set(st worker.Status) {
	key := statusConnector + st.Connector
	if st.Task != worker.ConnectorTask {
		key = taskKey(statusTask, st.Connector, st.Task)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.State == worker.Destroyed {
		s.write(key, nil)
		return
	}
	s.write(key, encodeStatus(st, s.workerID, s.generation))
}

func (s *statuses) useTopic(name string, task int, topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.topics[name][topic] {
		s.write(topicKey(name, topic), encode(topicValue{topicUse{topic, name, task, time.Now().UnixMilli()}}))
	}
}

// write applies and queues one value; s.mu is held.
func (s *statuses) write(key string, value []byte) {
	if err := s.apply(key, value); err != nil {
		s.log.Error("A status was not kept", "key", key, "error", err)
		return
	}
	s.own[key] = value
	if _, ok := s.unsent[key]; !ok {
		s.order = append(s.order, key)
	}
	s.unsent[key] = value
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes what was set until ctx ends.
func (s *statuses) run(ctx context.Context) {
	pause := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-time.After(cmp.Or(pause, time.Hour)):
		}
		if err := s.send(ctx); err != nil && ctx.Err() == nil {
			pause = min(max(2*pause, 100*time.Millisecond), 10*time.Second)
			s.log.Warn("The status topic can not be written, trying again", "topic", s.topic, "pause", pause, "error", err)
			continue
		}
		pause = 0
	}
}

func (s *statuses) send(ctx context.Context) error {
	s.mu.Lock()
	var messages []kafka.Message
	for _, key := range s.order {
		messages = append(messages, kafka.Message{
			Topic: s.topic, Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Key: []byte(key), Value: s.unsent[key],
		})
	}
	s.order = nil
	clear(s.unsent)
	s.writing = true
	s.mu.Unlock()
	var err error
	if len(messages) > 0 {
		err = s.table.Put(ctx, messages...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	if err != nil {
		s.requeue(messages)
	}
	s.written.Broadcast()
	return err
}

// requeue puts back what could not be written, except where something newer waits.
func (s *statuses) requeue(messages []kafka.Message) {
	var order []string
	for _, m := range messages {
		key := string(m.Key)
		if _, newer := s.unsent[key]; !newer {
			s.unsent[key] = m.Value
			order = append(order, key)
		}
	}
	s.order = append(order, s.order...)
}

// flush waits until all is written.
func (s *statuses) flush(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { s.mu.Lock(); defer s.mu.Unlock(); s.written.Broadcast() })
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for (len(s.order) > 0 || s.writing) && ctx.Err() == nil {
		s.written.Wait()
	}
}

// get gives a connector's state and those of its tasks.
func (s *statuses) get(name string) (conn StateInfo, tasks []TaskStatus, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.connectors[name]
	if !ok {
		return StateInfo{}, nil, false
	}
	tasks = []TaskStatus{}
	for _, id := range slices.Sorted(maps.Keys(s.tasks[name])) {
		tasks = append(tasks, s.tasks[name][id].task(id))
	}
	return StateInfo{v.State, v.WorkerID, v.version(), v.trace()}, tasks, true
}

func (s *statuses) task(name string, task int) (TaskStatus, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.tasks[name][task]
	return v.task(task), ok
}

func (s *statuses) taskIDs(name string) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.tasks[name]))
}

// known are all connectors that have a state, a task's state or a topic.
func (s *statuses) known() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for name := range s.connectors {
		all[name] = true
	}
	for name, tasks := range s.tasks {
		all[name] = all[name] || len(tasks) > 0
	}
	for name, topics := range s.topics {
		all[name] = all[name] || len(topics) > 0
	}
	maps.DeleteFunc(all, func(_ string, there bool) bool { return !there })
	return slices.Sorted(maps.Keys(all))
}

func (s *statuses) topicsOf(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(s.topics[name]))))
}

func (s *statuses) resetTopics(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range slices.Sorted(maps.Keys(s.topics[name])) {
		s.write(topicKey(name, topic), nil)
	}
}

// forget removes everything of a deleted connector.
func (s *statuses) forget(name string) {
	s.resetTopics(name)
	for _, task := range s.taskIDs(name) {
		s.set(worker.Status{Connector: name, Task: task, State: worker.Destroyed})
	}
	s.set(worker.Status{Connector: name, Task: worker.ConnectorTask, State: worker.Destroyed})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tasks, name)
	delete(s.topics, name)
}

func (v statusValue) task(id int) TaskStatus {
	return TaskStatus{id, v.State, v.WorkerID, v.version(), v.trace()}
}

func (v statusValue) trace() string {
	if v.Trace == nil {
		return ""
	}
	return *v.Trace
}

func (v statusValue) version() string {
	if v.Version == nil || *v.Version == undefinedVersion {
		return ""
	}
	return *v.Version
}
