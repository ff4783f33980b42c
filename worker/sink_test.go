package worker

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leat/connector"
	"leat/kafka"
	"leat/record"
)

var shelfProps = map[string]string{"connector.class": "shelf", "topics": "t"}

func numbers(n int) []kafka.Message {
	out := make([]kafka.Message, n)
	for i := range out {
		out[i] = kafka.Message{Key: []byte(`"k"`), Value: []byte(strconv.Itoa(i))}
	}
	return out
}

func TestSinkDeliversAllInOrderAndCommits(t *testing.T) {
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(1200)...)
	r.start(shelfProps)
	eventually(t, "all delivered", func() bool { return len(s.values()) == 1200 })
	eventually(t, "all committed", func() bool { return r.committed("t") == 1200 })
	r.stop()
	for i, v := range s.values() {
		if v != strconv.Itoa(i) {
			t.Fatalf("value %d is %s", i, v)
		}
	}
}

func TestSinkCommitsNothingThatIsNotDurable(t *testing.T) {
	s := &shelf{buffer: 1 << 30}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(10)...)
	r.start(shelfProps)
	eventually(t, "put", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.puts > 0 })
	time.Sleep(100 * time.Millisecond) // several commits are due in it
	if n := r.committed("t"); n != 0 {
		t.Fatalf("committed %d, nothing is durable", n)
	}
	r.stop() // flushes
	if n := r.committed("t"); n != 10 || len(s.values()) != 10 {
		t.Errorf("committed %d, delivered %d after the stop", n, len(s.values()))
	}
}

func TestSinkResumesAfterKillsWithoutLoss(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const rows = 2000
	s := &shelf{buffer: 30, put: func(record.Batch) error { time.Sleep(time.Millisecond); return nil }}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(rows)...)
	props := with(shelfProps, "consumer.override.max.poll.records", "20")
	for range 8 {
		r.start(props)
		seed = seed*6364136223846793005 + 1442695040888963407
		time.Sleep(time.Duration(seed>>33) % (60 * time.Millisecond))
		r.w.mu.Lock()
		task := r.w.tasks[taskID{"c", 0}]
		r.w.mu.Unlock()
		task.kill()
		r.stop()
		committed, have := r.committed("t"), map[string]bool{}
		for _, v := range s.values() {
			have[v] = true
		}
		for n := range committed {
			if !have[strconv.Itoa(n)] {
				t.Fatalf("committed %d, but row %d is not in the target", committed, n)
			}
		}
	}
	r.start(props)
	eventually(t, "all committed", func() bool { return r.committed("t") >= rows-30 })
	r.stop()
	have := map[string]bool{}
	for _, v := range s.values() {
		have[v] = true
	}
	if len(have) != rows || r.committed("t") != rows {
		t.Errorf("%d of %d rows in the target, committed %d", len(have), rows, r.committed("t"))
	}
}

// mixed is ten numbers, of which number 3 has bytes that are no JSON.
func mixed() []kafka.Message {
	m := numbers(10)
	m[3] = kafka.Message{Key: []byte(`"bad"`), Value: []byte(`{"s3cret`), Headers: []record.RawHeader{{Key: "h", Value: []byte("v")}}}
	return m
}

func TestSinkToleranceMatrix(t *testing.T) {
	break3 := func(r *record.Record) (bool, error) {
		if r.Offset == 3 {
			return false, errors.New("three is not wanted")
		}
		return true, nil
	}
	tests := []struct {
		name      string
		messages  []kafka.Message
		put       func(record.Batch) error
		transform func(*record.Record) (bool, error)
		stage     string
		class     string
		exception string
		message   string
		trace     []string
	}{
		{"decode", mixed(), nil, nil, "VALUE_CONVERTER", "org.apache.kafka.connect.json.JsonConverter", "org.apache.kafka.connect.errors.DataException", "",
			[]string{"decode (org.apache.kafka.connect.json.JsonConverter) of t-0@3: "}},
		{"transform", numbers(10), nil, break3, "TRANSFORMATION", "m: marker", "org.apache.kafka.connect.errors.DataException", "three is not wanted",
			[]string{"transform (m: marker) of t-0@3: three is not wanted"}},
		{"put", numbers(10), refuse(3), nil, "TASK_PUT", "test.ShelfSinkConnector", "org.apache.kafka.connect.errors.ConnectException", "no such column",
			[]string{"deliver (test.ShelfSinkConnector) of t-0@3: no such column"}},
	}
	for _, tt := range tests {
		for _, mode := range []string{"none", "all", "all with dead letters"} {
			t.Run(tt.name+", "+mode, func(t *testing.T) {
				s := &shelf{put: tt.put}
				r := newRig(t, rigOptions{sink: s, transform: tt.transform})
				r.makeTopic("t", 1)
				r.fill("t", tt.messages...)
				props := with(shelfProps, "errors.tolerance", strings.Fields(mode)[0], "errors.log.enable", "true")
				if tt.transform != nil {
					props["transforms"], props["transforms.m.type"] = "m", "marker"
				}
				if strings.HasSuffix(mode, "letters") {
					props = with(props, "errors.deadletterqueue.topic.name", "dlq", "errors.deadletterqueue.topic.replication.factor", "1",
						"errors.deadletterqueue.context.headers.enable", "true")
				}
				r.start(props)
				if mode == "none" {
					st := r.awaitState(Failed)
					for _, part := range tt.trace {
						if !strings.Contains(st.Trace, part) {
							t.Errorf("trace %q lacks %q", st.Trace, part)
						}
					}
					if n := r.committed("t"); n > 3 {
						t.Errorf("committed %d, record 3 was not handled", n)
					}
					return
				}
				eventually(t, "all committed", func() bool { return r.committed("t") == 10 })
				if got := len(s.values()); got != 9 {
					t.Errorf("%d delivered: %v", got, s.values())
				}
				if n := r.metric("task-error-metrics:total-records-skipped"); n != 1 {
					t.Errorf("%d counted as skipped", n)
				}
				if log := r.logged(); !strings.Contains(log, "error in a record") || strings.Contains(log, "s3cret") {
					t.Errorf("log:\n%s", log)
				}
				if strings.HasSuffix(mode, "letters") {
					checkLetter(t, r, tt.messages[3], tt.stage, tt.class, tt.exception, tt.message)
				}
			})
		}
	}
}

// refuse refuses the records of one offset by name.
func refuse(offset record.Offset) func(record.Batch) error {
	return func(b record.Batch) error {
		e := &connector.BatchError{}
		for i := range b.Records {
			if b.Records[i].Offset == offset {
				e.Failed = append(e.Failed, connector.RecordError{Record: &b.Records[i], Err: errors.New("no such column")})
			}
		}
		if len(e.Failed) == 0 {
			return nil
		}
		return e
	}
}

func TestBadRecordThatFailedTheTaskComesAgain(t *testing.T) {
	s := &shelf{put: refuse(3)}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(10)...)
	r.start(shelfProps)
	r.awaitState(Failed)
	if n := r.committed("t"); n > 3 {
		t.Fatalf("committed %d, past bad record 3", n)
	}
	s.mu.Lock()
	s.put = nil // the target was mended
	s.mu.Unlock()
	r.start(shelfProps)
	eventually(t, "record 3 delivered", func() bool { return slices.Contains(s.values(), "3") })
	eventually(t, "all committed", func() bool { return r.committed("t") == 10 })
}

func checkLetter(t *testing.T, r *rig, want kafka.Message, stage, class, exception, message string) {
	t.Helper()
	letters := r.topic("dlq")
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	l := letters[0]
	if string(l.Key) != string(want.Key) || string(l.Value) != string(want.Value) {
		t.Errorf("dead letter %s: %s", l.Key, l.Value)
	}
	headers := map[string]string{}
	for _, h := range l.Headers {
		headers[h.Key] = string(h.Value)
	}
	if len(want.Headers) > 0 && headers["h"] != "v" {
		t.Errorf("the record's own headers are lost: %v", headers)
	}
	for name, value := range map[string]string{
		"topic": "t", "partition": "0", "offset": "3", "connector.name": "c", "task.id": "0", "stage": stage, "class.name": class, "exception.class.name": exception,
	} {
		if got := headers["__connect.errors."+name]; got != value {
			t.Errorf("header %s is %q, want %q", name, got, value)
		}
	}
	if message != "" && headers["__connect.errors.exception.message"] != message || headers["__connect.errors.exception.stacktrace"] == "" {
		t.Errorf("headers %v", headers)
	}
	if n := r.metric("leat_task_dead_lettered_total"); n != 1 {
		t.Errorf("%d counted as dead letters", n)
	}
}

func TestSinkPutsTheSameBatchAgainWhileItsTargetIsAway(t *testing.T) {
	var away atomic.Int32
	away.Store(4)
	var first []record.Offset
	s := &shelf{put: func(b record.Batch) error {
		if away.Add(-1) >= 0 {
			first = append(first, b.Records[0].Offset)
			return connector.Retriablef("index is read-only")
		}
		return nil
	}}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(700)...)
	r.start(shelfProps)
	st := r.await("that tells of the wait", func(s Status) bool { return strings.Contains(s.Trace, "try 3") })
	if st.State != Running || !strings.Contains(st.Trace, "write to shelf: index is read-only") {
		t.Errorf("status %+v", st)
	}
	eventually(t, "all committed", func() bool { return r.committed("t") == 700 })
	for i, v := range s.values() {
		if v != strconv.Itoa(i) {
			t.Fatalf("value %d is %s: order is lost or records come twice", i, v)
		}
	}
	if !slices.Equal(first, []record.Offset{0, 0, 0, 0}) {
		t.Errorf("batches put while it was away begin at %v", first)
	}
	r.await("without a trace", func(s Status) bool { return s.Restarts == 4 && s.Trace == "" })
	if got := len(s.assigns); got != 1 {
		t.Errorf("the group was left while waiting: %v", s.assigns)
	}
}

func TestSinkIsAskedAgainOnAnIdleTopicWhileItsTargetIsAway(t *testing.T) {
	var away atomic.Int32
	away.Store(4)
	s := &shelf{buffer: 1 << 30, late: func() error {
		if away.Add(-1) >= 0 {
			return connector.Retriablef("target is down")
		}
		return nil
	}}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(1)...)
	r.start(shelfProps)
	r.await("that tells of the wait", func(s Status) bool {
		return s.State == Running && strings.Contains(s.Trace, "write to shelf: target is down (try 2")
	})
	eventually(t, "committed", func() bool { return r.committed("t") == 1 })
	r.await("without a trace", func(s Status) bool { return s.Trace == "" })
}

func TestSinkThatFailsOnAnIdleTopicFailsItsTask(t *testing.T) {
	s := &shelf{buffer: 1 << 30, late: func() error { return connector.Fatalf("no such column") }}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(1)...)
	r.start(shelfProps)
	r.await("failed", func(s Status) bool { return s.State == Failed && strings.Contains(s.Trace, "no such column") })
}

func TestSinkStopsWhileItsTargetIsAway(t *testing.T) {
	s := &shelf{put: func(record.Batch) error { return connector.Retriablef("away") }}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(5)...)
	r.start(shelfProps)
	r.await("that tells of the wait", func(s Status) bool { return s.Trace != "" })
	start := time.Now()
	r.stop()
	if d := time.Since(start); d > 1500*time.Millisecond {
		t.Errorf("stopping took %v", d)
	}
	if n := r.committed("t"); n != 0 {
		t.Errorf("committed %d", n)
	}
}

func TestPausedSinkFetchesNothingAndStaysInItsGroup(t *testing.T) {
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(5)...)
	r.start(shelfProps)
	eventually(t, "delivered", func() bool { return len(s.values()) == 5 })
	r.w.SetTarget("c", Paused)
	r.awaitState(Paused)
	time.Sleep(50 * time.Millisecond)
	r.fill("t", numbers(5)...)
	time.Sleep(100 * time.Millisecond) // nothing may happen in it
	if n := len(s.values()); n != 5 {
		t.Fatalf("%d delivered while paused", n)
	}
	r.w.SetTarget("c", Running)
	eventually(t, "delivered", func() bool { return len(s.values()) == 10 })
	if len(s.assigns) != 1 {
		t.Errorf("assignments %v", s.assigns)
	}
}

func TestRebalanceCommitsBeforePartitionsAreGivenAway(t *testing.T) {
	s := &shelf{buffer: 1 << 30}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 4)
	r.w.StartTask(t.Context(), "c", 0, with(shelfProps, "name", "c"), Running)
	eventually(t, "first task has all", func() bool { return r.metric("sink-task-metrics:partition-count") == 4 })
	for p := range int32(4) {
		m := numbers(50)
		for i := range m {
			m[i].Partition = p
		}
		r.fill("t", m...)
	}
	eventually(t, "first task was given all", func() bool { return r.metric("sink-task-metrics:sink-record-send-total") == 200 })
	r.w.StartTask(t.Context(), "c", 1, with(shelfProps, "name", "c"), Running)
	eventually(t, "the tasks share", func() bool {
		a, _ := r.metrics.Value("sink-task-metrics:partition-count", "c", "0")
		b, _ := r.metrics.Value("sink-task-metrics:partition-count", "c", "1")
		return a == 2 && b == 2
	})
	r.w.Close(t.Context())
	seen := map[string]int{}
	for _, rec := range s.got {
		seen[fmt.Sprintf("%d@%d", rec.Origin.ID, rec.Offset)]++
	}
	if len(seen) != 200 {
		t.Errorf("%d of 200 records delivered", len(seen))
	}
	for at, n := range seen {
		if n > 1 {
			t.Errorf("record %s came %d times: its offset was not committed before the partition moved", at, n)
			break
		}
	}
}

func TestMemberThatWasReplacedFlushesNothing(t *testing.T) {
	s := &shelf{buffer: 1 << 30}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(10)...)
	r.start(with(shelfProps, "consumer.override.heartbeat.interval.ms", "50"))
	eventually(t, "put", func() bool { return r.metric("sink-task-metrics:sink-record-send-total") == 10 })
	successor, err := r.log.NewFetcher(kafka.FetcherOptions{Group: "connect-c", InstanceID: "leat-c-0", Topics: []string{"t"}})
	if err != nil {
		t.Fatal(err)
	}
	defer successor.Close(t.Context())
	got := 0
	eventually(t, "the successor has all", func() bool {
		messages, err := successor.Poll(t.Context(), 50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		got += len(messages)
		return got == 10
	})
	r.awaitState(Failed)
	if n := len(s.values()); n != 0 || r.committed("t") != 0 {
		t.Errorf("%d records were flushed and %d committed by a member that was replaced", n, r.committed("t"))
	}
}

func TestDeadLettersHoldTheOffsetUntilAcknowledged(t *testing.T) {
	k := fakeBroker(t)
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s, cluster: k})
	r.makeTopic("t", 1)
	r.makeTopic("dlq", 1)
	r.fill("t", mixed()...)
	hold := make(chan struct{})
	k.ControlKey(0, refuseProduce(k, hold))
	r.start(with(shelfProps, "errors.tolerance", "all", "errors.deadletterqueue.topic.name", "dlq", "errors.deadletterqueue.topic.replication.factor", "1"))
	eventually(t, "the others delivered", func() bool { return len(s.values()) == 9 })
	eventually(t, "committed up to the dead letter", func() bool { return r.committed("t") == 3 })
	time.Sleep(60 * time.Millisecond) // commits are due in it
	if n := r.committed("t"); n != 3 {
		t.Fatalf("committed %d while the dead letter of 3 is not acknowledged", n)
	}
	close(hold)
	eventually(t, "all committed", func() bool { return r.committed("t") == 10 })
}

func TestFilteredRecordsMoveTheOffset(t *testing.T) {
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s, transform: func(rec *record.Record) (bool, error) { return rec.Offset < 3, nil }})
	r.makeTopic("t", 1)
	r.fill("t", numbers(10)...)
	r.start(with(shelfProps, "transforms", "m", "transforms.m.type", "marker"))
	eventually(t, "all committed", func() bool { return r.committed("t") == 10 })
	if n := len(s.values()); n != 3 {
		t.Errorf("%d delivered", n)
	}
}

func TestConsumerGroupMayBeOverridden(t *testing.T) {
	s := &shelf{}
	r := newRig(t, rigOptions{sink: s})
	r.makeTopic("t", 1)
	r.fill("t", numbers(5)...)
	r.start(with(shelfProps, "consumer.override.group.id", "mine"))
	eventually(t, "committed", func() bool {
		o, err := r.log.Admin().GroupOffsets(t.Context(), "mine")
		return err == nil && o[record.Partition{Topic: "t"}] == 5
	})
}

func TestConnectorLifeAndSplit(t *testing.T) {
	s, src := &shelf{}, &tape{}
	r := newRig(t, rigOptions{sink: s, source: src})
	r.w.StartConnector(t.Context(), "c", with(shelfProps, "tasks.max", "3"), Running)
	split, err := r.w.TaskProps(t.Context(), "c")
	if err != nil || len(split) != 3 || split[2]["task.class"] != "test.ShelfTask" || split[0]["topics"] != "t" {
		t.Errorf("split %v, %v", split, err)
	}
	r.w.StartConnector(t.Context(), "c", with(tapeProps, "tasks.max", "3"), Paused)
	if split, err = r.w.TaskProps(t.Context(), "c"); err != nil || len(split) != 1 {
		t.Errorf("split %v, %v", split, err)
	}
	r.w.StartConnector(t.Context(), "c", pairs("connector.class", "nothing"), Running)
	if _, err = r.w.TaskProps(t.Context(), "c"); err == nil {
		t.Error("a connector without a plug-in was split")
	}
	r.w.StopConnector(t.Context(), "c")
	r.mu.Lock()
	defer r.mu.Unlock()
	var states []State
	for _, st := range r.statuses {
		states = append(states, st.State)
	}
	if !slices.Equal(states, []State{Running, Paused, Failed, Unassigned}) || !strings.Contains(r.statuses[2].Trace, "which name matches nothing") {
		t.Errorf("statuses %+v", r.statuses)
	}
}

func TestDeadLetterTopicOfASmallCluster(t *testing.T) {
	for name, props := range map[string][]string{"default": nil, "chosen": {"errors.deadletterqueue.topic.replication.factor", "3"}} {
		s := &shelf{}
		r := newRig(t, rigOptions{sink: s})
		r.makeTopic("t", 1)
		r.fill("t", mixed()...)
		r.start(with(shelfProps, append(props, "errors.tolerance", "all", "errors.deadletterqueue.topic.name", "dlq")...))
		if name == "default" { // 3 replicas are wished for, the one broker gives what it has
			eventually(t, "all committed", func() bool { return r.committed("t") == 10 })
			continue
		}
		if st := r.awaitState(Failed); !strings.Contains(st.Trace, "dead letter topic dlq with replication factor 3 (errors.deadletterqueue.topic.replication.factor)") {
			t.Errorf("trace %s", st.Trace)
		}
	}
}
