package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
	"leat/schema"
)

var tapeProps = map[string]string{"connector.class": "TapeSource"}

func with(base map[string]string, kv ...string) map[string]string {
	out := pairs(kv...)
	for k, v := range base {
		if _, ok := out[k]; !ok {
			out[k] = v
		}
	}
	return out
}

func TestSourceWritesAllInOrderAndStoresThePosition(t *testing.T) {
	s := &tape{rows: 1000, keys: 7, perBatch: 13, topic: "t"}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	eventually(t, "all stored", func() bool { return r.stored() == 1000 })
	r.stop()
	messages := r.topic("t")
	if len(messages) != 1000 {
		t.Fatalf("%d messages, want 1000", len(messages))
	}
	for i, m := range messages {
		if string(m.Value) != strconv.Itoa(i) || string(m.Key) != `"k`+strconv.Itoa(i%7)+`"` {
			t.Fatalf("message %d is %s: %s", i, m.Key, m.Value)
		}
	}
	if s.confirm[len(s.confirm)-1] != 1000 || !slices.IsSorted(s.confirm) {
		t.Errorf("confirmed to the source: %v", s.confirm)
	}
	if !slices.Equal(r.topics, []string{"t"}) {
		t.Errorf("topics told: %v", r.topics)
	}
	r.awaitState(Unassigned)
}

func TestIdleBatchMovesTheOffset(t *testing.T) {
	s := &tape{rows: 10, perBatch: 5, topic: "t", row: func(n int) record.Record { return record.Record{Topic: "t", Value: record.Int(int64(n))} }}
	drop := func(*record.Record) (bool, error) { return false, nil }
	r := newRig(t, rigOptions{source: s, transform: drop})
	r.start(with(tapeProps, "transforms", "m", "transforms.m.type", "marker"))
	eventually(t, "offset stored", func() bool { return r.stored() == 10 })
	if n := r.metric("leat_task_in_flight_bytes"); n != 0 {
		t.Errorf("%d bytes still held", n)
	}
}

// Each run is ended at a random point without draining, as a crash does; the next begins from what is stored.
func TestNothingAcknowledgedIsLostThroughKills(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const rows = 3000
	s := &tape{rows: rows, keys: 5, perBatch: 7, topic: "t"}
	r := newRig(t, rigOptions{source: s})
	r.makeTopic("t", 1)
	for kill := 0; kill < 12 && r.stored() < rows; kill++ {
		r.start(tapeProps)
		seed = seed*6364136223846793005 + 1442695040888963407
		time.Sleep(time.Duration(seed>>33) % (30 * time.Millisecond))
		r.w.mu.Lock()
		task := r.w.tasks[taskID{"c", 0}]
		r.w.mu.Unlock()
		task.kill()
		task.fence()
		r.stop()
		stored := r.stored()
		if got := distinct(r, "t", stored); got != stored {
			t.Fatalf("offset %d is stored, but only %d rows before it are in the log", stored, got)
		}
		s.mu.Lock()
		for _, c := range s.confirm {
			if c > stored {
				t.Fatalf("%d is confirmed upstream, but %d stored", c, stored)
			}
		}
		s.mu.Unlock()
	}
	r.start(tapeProps)
	eventually(t, "all stored", func() bool { return r.stored() == rows })
	r.stop()
	last := map[string]int{}
	for _, m := range r.topic("t") {
		n, _ := strconv.Atoi(string(m.Value))
		last[string(m.Key)] = n
	}
	for k := range 5 {
		if got, want := last[fmt.Sprintf(`"k%d"`, k)], rows-5+k; got != want {
			t.Errorf("last row of key %d is %d, want %d", k, got, want)
		}
	}
	if got := distinct(r, "t", rows); got != rows {
		t.Errorf("%d of %d rows in the log", got, rows)
	}
}

// distinct counts the different rows below a number that a topic holds.
func distinct(r *rig, topic string, below int) int {
	seen := map[string]bool{}
	for _, m := range r.topic(topic) {
		if n, _ := strconv.Atoi(string(m.Value)); n < below {
			seen[string(m.Value)] = true
		}
	}
	return len(seen)
}

func TestSourceWaitsForWhatIsAwayAndSaysSo(t *testing.T) {
	var down atomic.Int32
	down.Store(3)
	s := &tape{rows: 20, perBatch: 5, topic: "t", breaks: func(at int) error {
		if at == 10 && down.Add(-1) >= 0 {
			return connector.Retriablef("database db1 refuses connections")
		}
		return nil
	}}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	st := r.await("that tells of the wait", func(s Status) bool { return strings.Contains(s.Trace, "try 2") })
	for _, part := range []string{"waiting since 20", "read from tape", "database db1 refuses connections", "next at 20"} {
		if !strings.Contains(st.Trace, part) {
			t.Errorf("trace %q lacks %q", st.Trace, part)
		}
	}
	if st.State != Running || st.Restarts != 1 {
		t.Errorf("status %+v", st)
	}
	eventually(t, "all stored", func() bool { return r.stored() == 20 })
	r.await("without a trace after the wait", func(s Status) bool { return s.Restarts == 3 && s.Trace == "" && s.State == Running })
	r.noStatus(Failed)
	if s.opens != 1 {
		t.Errorf("opened %d times", s.opens)
	}
}

func TestFatalErrorFailsAfterWhatWasReadIsStored(t *testing.T) {
	s := &tape{rows: 100, perBatch: 10, topic: "t", breaks: func(at int) error {
		if at == 50 {
			return connector.Fatalf("slot s1 is gone").WithHint("create it again")
		}
		return nil
	}}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	st := r.awaitState(Failed)
	if st.Trace != "slot s1 is gone. create it again" || r.stored() != 50 || s.closed != 1 {
		t.Errorf("status %+v, stored %d, closed %d", st, r.stored(), s.closed)
	}
	s.breaks = nil
	r.start(tapeProps)
	eventually(t, "all stored after a restart", func() bool { return r.stored() == 100 })
}

func TestPanicFailsTheTaskWithItsStack(t *testing.T) {
	s := &tape{rows: 10, perBatch: 1, topic: "t", breaks: func(at int) error {
		if at == 5 {
			panic("index out of range")
		}
		return nil
	}}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	st := r.awaitState(Failed)
	if !strings.Contains(st.Trace, "index out of range") || !strings.Contains(st.Trace, "fakes_test.go") {
		t.Errorf("trace %s", st.Trace)
	}
}

func badRow(bad ...int) func(n int) record.Record {
	return func(n int) record.Record {
		r := record.Record{Topic: "t", Partition: record.AnyPartition, Key: record.String("k" + strconv.Itoa(n)), Value: record.Int(int64(n))}
		if slices.Contains(bad, n) {
			r.ValueSchema, r.Value = schema.New(schema.Int32), record.String("s3cret") // does not fit its schema
		}
		return r
	}
}

func TestSourceToleranceMatrix(t *testing.T) {
	breakOn7 := func(r *record.Record) (bool, error) {
		if r.Value.Kind() == record.KindInt && r.Value.Int() == 7 {
			return false, errors.New("seven is not wanted")
		}
		return true, nil
	}
	chain := []string{"transforms", "m", "transforms.m.type", "marker"}
	big := func(n int) record.Record {
		r := badRow()(n)
		if n == 7 {
			r.Value = record.String(strings.Repeat("x", 3<<20))
		}
		return r
	}
	tests := []struct {
		name      string
		row       func(int) record.Record
		transform func(*record.Record) (bool, error)
		props     []string
		trace     []string // parts of the trace; nil: the bad row is skipped and the others written
	}{
		{"transform, none", badRow(), breakOn7, chain, []string{"transform (m: marker)", `key "k7"`, "seven is not wanted"}},
		{"transform, all", badRow(), breakOn7, append(chain, "errors.tolerance", "all"), nil},
		{"encode, none", badRow(7), nil, nil, []string{"encode (org.apache.kafka.connect.json.JsonConverter)", `topic t, key "k7"`}},
		{"encode, all", badRow(7), nil, []string{"errors.tolerance", "all"}, nil},
		{"append, none", big, nil, nil, []string{"append", "topic t", "k7", "314573"}},
		{"append, all", big, nil, []string{"errors.tolerance", "all"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &tape{rows: 20, perBatch: 4, row: tt.row}
			r := newRig(t, rigOptions{source: s, transform: tt.transform})
			r.start(with(tapeProps, append(tt.props, "errors.log.enable", "true")...))
			if tt.trace != nil {
				st := r.awaitState(Failed)
				for _, part := range tt.trace {
					if !strings.Contains(st.Trace, part) {
						t.Errorf("trace %q lacks %q", st.Trace, part)
					}
				}
				if r.stored() != 4 {
					t.Errorf("stored %d, want 4: the batch before", r.stored())
				}
			} else {
				eventually(t, "all stored", func() bool { return r.stored() == 20 })
				if got := distinct(r, "t", 20); got != 19 {
					t.Errorf("%d rows written, want 19", got)
				}
				if n := r.metric("task-error-metrics:total-records-skipped"); n != 1 {
					t.Errorf("%d counted as skipped", n)
				}
			}
			if log := r.logged(); !strings.Contains(log, "error in a record") || strings.Contains(log, "s3cret") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

func TestRetriableErrorOfATransformIsWaitedOutUnlessATimeoutIsSet(t *testing.T) {
	for _, tt := range []struct {
		name    string
		props   []string
		skipped int
	}{{"no timeout", nil, 0}, {"timeout", []string{"errors.retry.timeout", "30", "errors.tolerance", "all"}, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			away := func(r *record.Record) (bool, error) {
				if r.Value.Int() == 7 && (tt.skipped == 1 || calls.Add(1) < 6) {
					return false, connector.Retriablef("registry is away")
				}
				return true, nil
			}
			s := &tape{rows: 20, perBatch: 4, row: badRow()}
			r := newRig(t, rigOptions{source: s, transform: away})
			r.start(with(tapeProps, append(tt.props, "transforms", "m", "transforms.m.type", "marker", "errors.retry.delay.max.ms", "15")...))
			eventually(t, "all stored", func() bool { return r.stored() == 20 })
			if got := distinct(r, "t", 20); got != 20-tt.skipped {
				t.Errorf("%d rows written", got)
			}
			r.noStatus(Failed)
		})
	}
}

func TestPauseKeepsThePositionAndResumeGoesOn(t *testing.T) {
	s := &tape{rows: 50, perBatch: 5, topic: "t"}
	r := newRig(t, rigOptions{source: s})
	r.start(tapeProps)
	eventually(t, "all stored", func() bool { return r.stored() == 50 })
	r.w.SetTarget("c", Paused)
	r.awaitState(Paused)
	s.mu.Lock()
	s.rows = 100
	s.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // nothing may happen in it; too short only hides an error
	if n := len(r.topic("t")); n != 50 {
		t.Fatalf("%d rows written while paused", n)
	}
	r.w.SetTarget("c", Running)
	eventually(t, "all stored", func() bool { return r.stored() == 100 })
	if s.opens != 1 {
		t.Errorf("opened %d times", s.opens)
	}
}

func TestTaskThatStartsPausedOpensNothing(t *testing.T) {
	s := &tape{rows: 5, topic: "t"}
	r := newRig(t, rigOptions{source: s})
	r.w.StartTask(t.Context(), "c", 0, tapeProps, Paused)
	r.awaitState(Paused)
	r.stop()
	if s.opens != 0 {
		t.Errorf("opened %d times", s.opens)
	}
}

// A plug-in that does not return is abandoned; its successor gets on, and what the zombie still has goes nowhere.
func TestZombieIsFencedBeforeItsSuccessorStarts(t *testing.T) {
	hang := make(chan struct{})
	s := &tape{rows: 10, perBatch: 5, topic: "t"}
	r := newRig(t, rigOptions{source: s, props: pairs("task.shutdown.graceful.timeout.ms", "50")})
	r.start(tapeProps)
	eventually(t, "all stored", func() bool { return r.stored() == 10 })
	s.mu.Lock()
	s.hang, s.rows = hang, 20
	s.mu.Unlock()
	eventually(t, "the reader hangs", func() bool {
		before := readsOf(s)
		time.Sleep(20 * time.Millisecond)
		return readsOf(s) == before
	})
	r.w.mu.Lock()
	zombie := r.w.tasks[taskID{"c", 0}]
	r.w.mu.Unlock()
	r.stop()
	if log := r.logged(); !strings.Contains(log, "abandoned") {
		t.Fatalf("not told:\n%s", log)
	}
	s.mu.Lock()
	s.hang = nil
	s.mu.Unlock()
	r.start(tapeProps)
	eventually(t, "the successor stored all", func() bool { return r.stored() == 20 })
	close(hang)
	select {
	case <-zombie.done:
	case <-time.After(time.Minute):
		t.Fatal("the zombie does not end although it is let go")
	}
	if n := len(r.topic("t")); n != 20 {
		t.Errorf("%d rows written", n)
	}
}

// An answer of the log that passes ends the run, since nothing after the message may count; the task begins anew from what is stored.
func TestTaskBeginsAnewWhenTheLogGaveUpAMessage(t *testing.T) {
	k := fakeBroker(t)
	s := &tape{rows: 50, perBatch: 5, row: func(n int) record.Record {
		rec := badRow()(n)
		rec.Timestamp = record.NoTimestamp // the client counts delivery.timeout.ms from a record's timestamp
		return rec
	}}
	r := newRig(t, rigOptions{source: s, cluster: k})
	r.makeTopic("t", 1)
	hold := make(chan struct{})
	k.ControlKey(0, refuseProduce(k, hold))
	r.start(with(tapeProps, "producer.override.delivery.timeout.ms", "200", "producer.override.request.timeout.ms", "100", "producer.override.linger.ms", "0"))
	st := r.await("that tells of the wait", func(s Status) bool { return strings.Contains(s.Trace, "run tape") })
	if st.State != Running {
		t.Errorf("status %+v", st)
	}
	close(hold)
	eventually(t, "all stored", func() bool { return r.stored() == 50 })
	r.noStatus(Failed)
	eventually(t, "no trace", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.statuses[len(r.statuses)-1].Trace == "" })
	if got := distinct(r, "t", 50); got != 50 || s.opens < 2 {
		t.Errorf("%d rows written, opened %d times", got, s.opens)
	}
}

// With a log that does not answer, what a source reads ahead is bounded.
func TestMemoryIsBoundedWhileTheLogDoesNotAnswer(t *testing.T) {
	k := fakeBroker(t)
	s := &tape{rows: 1 << 20, perBatch: 10, topic: "t"}
	r := newRig(t, rigOptions{source: s, cluster: k})
	r.makeTopic("t", 1)
	r.w.limits.sourceBytes = 64 << 10
	hold := make(chan struct{})
	k.ControlKey(0, refuseProduce(k, hold))
	r.start(tapeProps)
	eventually(t, "the reader is held back", func() bool {
		before := readsOf(s)
		time.Sleep(30 * time.Millisecond)
		return before > 5 && readsOf(s) == before
	})
	if n := r.metric("leat_task_in_flight_bytes"); n > 80<<10 {
		t.Errorf("%d bytes in flight", n)
	}
	s.mu.Lock()
	s.rows = 500
	s.mu.Unlock()
	close(hold)
	eventually(t, "all that was read is stored", func() bool { return r.stored() >= 100 })
}

func readsOf(s *tape) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func TestBudgetLetsInWhatFitsOrOneAlone(t *testing.T) {
	b := newBudget(10)
	if err := b.take(t.Context(), 100); err != nil { // alone, whatever its size
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if err := b.take(ctx, 1); err == nil {
		t.Fatal("more was let in beside what is too large")
	}
	b.change(-100)
	if err := b.take(t.Context(), 10); err != nil || b.inUse() != 10 {
		t.Fatalf("%v, %d in use", err, b.inUse())
	}
}

func TestAcksKeepTheOrder(t *testing.T) {
	other := record.Map([]record.Entry{{Key: record.String("server"), Value: record.String("o")}})
	a := newAcks()
	var tickets []*ticket
	for n := range 4 {
		tk := &ticket{offsets: []record.SourceOffset{position(n)}}
		if n == 1 {
			tk.offsets = append(tk.offsets, record.SourceOffset{Partition: other, Offset: record.Int(1)})
		}
		tickets = append(tickets, tk)
		a.add(tk)
	}
	a.ack(tickets[1])
	a.ack(tickets[3])
	if got := a.take(); len(got) != 0 {
		t.Fatalf("%v ready before the first is acknowledged", got)
	}
	a.ack(tickets[0])
	got := a.take()
	if len(got) != 2 || positionOf(got[0].Offset) != 1 || got[1].Offset.Int() != 1 {
		t.Fatalf("ready: %v", got)
	}
	a.ack(tickets[2])
	if got = a.take(); len(got) != 1 || positionOf(got[0].Offset) != 3 {
		t.Fatalf("ready: %v", got)
	}
}

func TestLogOfABadRecordHoldsItsValuesOnlyOnRequest(t *testing.T) {
	key := schema.NewStruct([]schema.Field{schema.F("id", schema.New(schema.Int64)), schema.F("part", schema.New(schema.String, schema.Optional()))})
	row := func(n int) record.Record {
		return record.Record{Topic: "t", Partition: record.AnyPartition, KeySchema: key, Key: record.Struct([]record.Value{record.Int(int64(n)), record.Null}),
			ValueSchema: schema.New(schema.Int32), Value: record.String("s3cret")}
	}
	for _, include := range []string{"false", "true"} {
		r := newRig(t, rigOptions{source: &tape{rows: 1, perBatch: 1, row: row}})
		r.start(with(tapeProps, "errors.tolerance", "all", "errors.log.enable", "true", "errors.log.include.messages", include))
		eventually(t, "skipped and stored", func() bool { return r.stored() == 1 })
		log := r.logged()
		if !strings.Contains(log, "topic t, key {id=0, part=null}") {
			t.Errorf("the log does not say which record:\n%s", log)
		}
		if strings.Contains(log, "s3cret") != (include == "true") {
			t.Errorf("errors.log.include.messages=%s, log:\n%s", include, log)
		}
	}
}

func TestSourceShowsItsNumbersUnderTheirExportedNames(t *testing.T) {
	r := newRig(t, rigOptions{source: &tape{}})
	r.start(with(tapeProps, "topic.prefix", "shop"))
	eventually(t, "a number of the source", func() bool {
		v, ok := r.metrics.Value("debezium_metrics_RemainingTableCount", "c", "0", "tape", "snapshot", "shop")
		return ok && v == 3
	})
	if log := r.logged(); strings.Contains(log, "metrics table") {
		t.Errorf("log:\n%s", log)
	}
}
