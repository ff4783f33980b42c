package sinktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
)

// Run tries the whole contract on a target.
func Run(t *testing.T, target Target) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
		off  bool // the target has nothing of the kind
	}{
		{"rows_arrive_and_are_durable", arrive, false},
		{"last_write_and_delete_of_a_key_win_in_order", order, false},
		{"same_batches_again_converge", replay, false},
		{"random_changes_converge", random, false},
		{"empty_batch_moves_nothing", empty, false},
		{"null_everything", nulls, false},
		{"unchanged_columns_are_left_alone", unchanged, false},
		{"changed_key_keeps_unsent_columns", changedKey, false},
		{"partial_failure_names_exactly_the_bad_records", partial, target.Refuse == nil},
		{"connection_cut_loses_nothing", cut, target.Cut == nil},
		{"blocked_target_bounds_what_is_taken", blocked, target.Block == nil},
		{"durable_is_never_ahead", ahead, false},
		{"lost_partition_is_flushed", lost, false},
		{"close_returns_with_work_left", closing, false},
	} {
		if c.off {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			topic := "t_" + strings.ReplaceAll(c.name, "-", "_")
			c.test(t, &suite{Target: target, topic: topic, part: record.Partition{Topic: topic}})
		})
	}
}

type suite struct {
	Target
	topic string
	part  record.Partition
}

func (s *suite) open(t testing.TB) connector.Sink {
	sink := Open(t, s.Plugin, s.Props)
	if err := sink.Assign(Context(t), []record.Partition{s.part}, nil); err != nil {
		t.Fatal(err)
	}
	return sink
}

func (s *suite) want(t testing.TB, want ...Row) {
	t.Helper()
	got := s.Read(t, s.topic)
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("target has %s, want %s", show(got), show(want))
	}
}

func show(rows []Row) string {
	var parts []string
	for _, r := range rows {
		text := "null"
		if r.Text != nil {
			text = fmt.Sprintf("%.20q", *r.Text)
		}
		parts = append(parts, fmt.Sprintf("%d:%s", r.ID, text))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func of(id int64, text string) Row { return Row{id, &text} }

func put(id int64, text string) record.Record {
	return Upsert(record.OpUpdate, id, record.String(text))
}

func arrive(t *testing.T, s *suite) {
	sink := s.open(t)
	if err := Put(t, sink, Batch(s.topic, 10, Upsert(record.OpRead, 1, record.String("a")), Upsert(record.OpCreate, 2, record.String("b")), put(3, "c"))); err != nil {
		t.Fatal(err)
	}
	offsets, err := Flush(t, sink)
	if err != nil {
		t.Fatal(err)
	}
	if offsets[s.part] != 13 {
		t.Fatalf("durable to %d, want 13", offsets[s.part])
	}
	s.want(t, of(1, "a"), of(2, "b"), of(3, "c"))
}

func order(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(1, "a"), put(1, "b"), put(2, "a"), Delete(2), Tombstone(2), put(3, "a"), Delete(3), Tombstone(3), put(3, "again")))
	s.want(t, of(1, "b"), of(3, "again"))
	Write(t, sink, Batch(s.topic, 9, Delete(1), Tombstone(1), put(3, "c"), put(4, "d"), Delete(3), put(1, "new")))
	s.want(t, of(1, "new"), of(4, "d"))
}

func replay(t *testing.T, s *suite) {
	batches := []record.Batch{
		Batch(s.topic, 0, Upsert(record.OpRead, 1, record.String("a")), Upsert(record.OpRead, 2, record.String("b"))),
		Batch(s.topic, 2, put(1, "c"), Delete(2), Tombstone(2), Upsert(record.OpCreate, 3, record.String("d"))),
		Batch(s.topic, 6, Delete(3), Upsert(record.OpCreate, 2, record.String("e"))),
	}
	for kept := range len(batches) + 1 {
		// The process dies after some batches were written, and its successor begins at the first again.
		sink := s.open(t)
		for _, b := range batches[:kept] {
			Write(t, sink, b)
		}
		if err := sink.Close(Context(t)); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, of(1, "c"), of(2, "e"))
}

// random writes changes of few keys in batches of any size, some of them twice, and compares with a map.
func random(t *testing.T, s *suite) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 0))
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(0, "first")))
	model := map[int64]*string{0: new("first")}
	offset := int64(1)
	for range 60 {
		var records []record.Record
		// Unsent columns of changed keys that come again can end up in another row: see the sinks' READMEs.
		once := rng.IntN(2) == 0
		for range 1 + rng.IntN(150) {
			if rng.IntN(6) == 0 {
				records = append(records, changeKey(rng, model, once)...)
			} else {
				records = append(records, change(rng, model))
			}
		}
		b := Batch(s.topic, offset, records...)
		offset += int64(len(records))
		times := 1
		if !once {
			times += rng.IntN(2)
		}
		for range times { // a batch that comes again whole leaves the same state
			if err := Put(t, sink, b); err != nil {
				t.Fatal(err)
			}
		}
		if rng.IntN(5) == 0 {
			if _, err := Flush(t, sink); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := Flush(t, sink); err != nil {
		t.Fatal(err)
	}
	var want []Row
	for id := range int64(20) {
		if text, ok := model[id]; ok {
			want = append(want, Row{id, text})
		}
	}
	s.want(t, want...)
}

// change makes one change of a key, in the model and as a record.
func change(rng *rand.Rand, model map[int64]*string) record.Record {
	id := rng.Int64N(20)
	_, there := model[id]
	switch n := rng.IntN(10); {
	case n < 3:
		delete(model, id)
		if n == 0 {
			return Tombstone(id)
		}
		return Delete(id)
	case n == 3 && there:
		model[id] = nil
		return Upsert(record.OpUpdate, id, record.Null)
	}
	op := record.OpUpdate
	if !there {
		op = record.OpCreate
	}
	text := fmt.Sprint("v", rng.Int64())
	model[id] = &text
	return Upsert(op, id, record.String(text))
}

// changeKey gives a row a key that is free; unsent without the row's text.
func changeKey(rng *rand.Rand, model map[int64]*string, unsent bool) []record.Record {
	from, to := rng.Int64N(20), rng.Int64N(20)
	text, there := model[from]
	if _, taken := model[to]; !there || taken {
		return nil
	}
	delete(model, from)
	model[to] = text
	switch {
	case unsent:
		return ChangedKey(from, to, record.Unchanged)
	case text == nil:
		return ChangedKey(from, to, record.Null)
	}
	return ChangedKey(from, to, record.String(*text))
}

func changedKey(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(1, "long"), put(2, "other")))
	Write(t, sink, Batch(s.topic, 2, ChangedKey(1, 3, record.Unchanged)...))
	Write(t, sink, Batch(s.topic, 5, append(ChangedKey(2, 1, record.String("sent")), ChangedKey(3, 2, record.Unchanged)...)...))
	s.want(t, of(1, "sent"), of(2, "long"))
}

func empty(t *testing.T, s *suite) {
	sink := s.open(t)
	if err := Put(t, sink, record.Batch{}); err != nil {
		t.Fatal(err)
	}
	offsets, err := Flush(t, sink)
	if err != nil || len(offsets) != 0 {
		t.Fatalf("durable %v, %v; want nothing", offsets, err)
	}
}

func nulls(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, Upsert(record.OpCreate, 1, record.Null), put(2, "x"), Upsert(record.OpUpdate, 2, record.Null), Upsert(record.OpUpdate, 3, record.String(""))))
	s.want(t, Row{ID: 1}, Row{ID: 2}, of(3, ""))
	err := Put(t, sink, Batch(s.topic, 4, record.Record{}, put(4, "y")))
	if err == nil {
		_, err = Flush(t, sink)
	}
	var bad *connector.BatchError
	if err != nil && !errors.As(err, &bad) {
		t.Fatalf("a record of nulls: %v", err)
	}
	if _, err := Flush(t, sink); err != nil {
		t.Fatal(err)
	}
	s.want(t, Row{ID: 1}, Row{ID: 2}, of(3, ""), of(4, "y"))
}

func unchanged(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(1, "long"), put(2, "old")))
	Write(t, sink, Batch(s.topic, 2, Upsert(record.OpUpdate, 1, record.Unchanged), put(2, "new"), Upsert(record.OpUpdate, 2, record.Unchanged),
		Upsert(record.OpUpdate, 1, record.String("__debezium_unavailable_value"))))
	s.want(t, of(1, "long"), of(2, "new"))
}

func partial(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(1, "a")))
	s.Refuse(t, s.topic, 13)
	s.Refuse(t, s.topic, 17)
	var batch record.Batch
	for i := range int64(40) {
		batch.Records = append(batch.Records, put(i, "n"))
	}
	batch = Batch(s.topic, 1, batch.Records...)
	err := Put(t, sink, batch)
	if err == nil {
		_, err = Flush(t, sink)
	}
	var bad *connector.BatchError
	if !errors.As(err, &bad) {
		t.Fatalf("got %v, want a batch error", err)
	}
	var got []int64
	for _, f := range bad.Failed {
		got = append(got, int64(f.Record.Offset)-1)
		if connector.ClassOf(f.Err) != connector.BadRecord {
			t.Errorf("class of %v is %s", f.Err, connector.ClassOf(f.Err))
		}
	}
	if !reflect.DeepEqual(got, []int64{13, 17}) {
		t.Fatalf("named %v, want [13 17]: %v", got, err)
	}
	if offsets, err := Flush(t, sink); err != nil || offsets[s.part] != 41 {
		t.Fatalf("durable %v, %v; want 41", offsets, err)
	}
	if n := len(s.Read(t, s.topic)); n != 38 {
		t.Fatalf("%d rows, want 38", n)
	}
}

func cut(t *testing.T, s *suite) {
	sink := s.open(t)
	var want []Row
	for i := range int64(30) {
		if i%7 == 3 {
			s.Cut(t)
		}
		if err := Put(t, sink, Batch(s.topic, i, put(i, "v"))); err != nil {
			t.Fatal(err)
		}
		want = append(want, of(i, "v"))
	}
	s.Cut(t)
	if offsets, err := Flush(t, sink); err != nil || offsets[s.part] != 30 {
		t.Fatalf("durable %v, %v; want 30", offsets, err)
	}
	s.want(t, want...)
}

func blocked(t *testing.T, s *suite) {
	sink := s.open(t)
	Write(t, sink, Batch(s.topic, 0, put(0, "a")))
	release := s.Block(t, s.topic)
	released := false
	defer func() {
		if !released {
			release()
		}
	}()
	text := strings.Repeat("x", 1<<20)
	took := int64(0)
	for ; took < 200; took++ {
		b := Batch(s.topic, 1+took, put(took, text))
		b.Bytes = 1 << 20
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := sink.Put(ctx, b)
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) && connector.ClassOf(err) != connector.Retriable {
				t.Fatal(err)
			}
			break
		}
	}
	if took > 100 {
		t.Fatalf("took %d MiB for a target that does not write", took)
	}
	if offsets, err := sink.Durable(Context(t), false); err != nil || offsets[s.part] > 1 { // Durable without flush waits for nothing
		t.Fatalf("durable %v, %v while nothing is written", offsets, err)
	}
	release()
	released = true
	if offsets, err := Flush(t, sink); err != nil || int64(offsets[s.part]) != 1+took {
		t.Fatalf("durable %v, %v; want %d", offsets, err, 1+took)
	}
}

func ahead(t *testing.T, s *suite) {
	sink := s.open(t)
	for i := range int64(50) {
		if err := Put(t, sink, Batch(s.topic, i*2, put(i*2, "v"), put(i*2+1, "v"))); err != nil {
			t.Fatal(err)
		}
		offsets, err := sink.Durable(Context(t), i == 20)
		if err != nil {
			t.Fatal(err)
		}
		if n := int64(offsets[s.part]); n > 0 {
			if rows := s.Read(t, s.topic); int64(len(rows)) < n {
				t.Fatalf("durable to %d with %d rows written", n, len(rows))
			}
		}
	}
}

func lost(t *testing.T, s *suite) {
	sink := s.open(t)
	if err := Put(t, sink, Batch(s.topic, 0, put(1, "a"))); err != nil {
		t.Fatal(err)
	}
	if err := sink.Assign(Context(t), nil, []record.Partition{s.part}); err != nil {
		t.Fatal(err)
	}
	s.want(t, of(1, "a"))
	if offsets, err := sink.Durable(Context(t), true); err != nil || len(offsets) != 0 {
		t.Fatalf("durable %v, %v of a partition that is lost", offsets, err)
	}
	if err := sink.Assign(Context(t), []record.Partition{s.part}, nil); err != nil {
		t.Fatal(err)
	}
	Write(t, sink, Batch(s.topic, 0, put(1, "a"), put(2, "b")))
	s.want(t, of(1, "a"), of(2, "b"))
}

func closing(t *testing.T, s *suite) {
	sink := s.open(t)
	for i := range int64(20) {
		if err := Put(t, sink, Batch(s.topic, i, put(i, strings.Repeat("y", 1000)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(Context(t)); err != nil {
		t.Fatal(err)
	}
}
