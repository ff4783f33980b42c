package connector_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"leat/connector"
	"leat/record"
)

func TestClassOfFindsTheClassThroughWrapping(t *testing.T) {
	cause := errors.New("connection refused")
	for _, c := range []struct {
		err  error
		want connector.Class
	}{
		{cause, connector.Fatal},
		{fmt.Errorf("put: %w", connector.Retriablef("dial: %w", cause)), connector.Retriable},
		{&connector.StageError{Err: connector.BadRecordf("x")}, connector.BadRecord},
		{&connector.BatchError{Failed: []connector.RecordError{{Record: &record.Record{}, Err: cause}}}, connector.BadRecord},
	} {
		if got := connector.ClassOf(c.err); got != c.want {
			t.Errorf("%v: class %s, want %s", c.err, got, c.want)
		}
	}
	if !errors.Is(connector.Retriablef("dial: %w", cause), cause) {
		t.Error("the cause is lost")
	}
}

func TestErrorsTellWhatToDo(t *testing.T) {
	err := connector.Fatalf("wal_level is %s", "replica").WithHint("Set wal_level = logical and restart the server.")
	if got, want := err.Error(), "wal_level is replica. Set wal_level = logical and restart the server."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// scripted fails as told and otherwise accepts.
type scripted struct{ err error }

func (w *scripted) Write(context.Context, record.Batch) error { return w.err }
func (w *scripted) Close(context.Context) error               { return nil }

func TestSinkOfIsDurableOnlyForWhatWriteAccepted(t *testing.T) {
	ctx := context.Background()
	p := record.Partition{Topic: "t"}
	batch := func(from, to record.Offset) record.Batch {
		var b record.Batch
		for o := from; o < to; o++ {
			b.Records = append(b.Records, record.Record{Origin: p, Offset: o})
		}
		return b
	}
	w := &scripted{}
	s := connector.SinkOf(w)
	check := func(want record.Offset) {
		t.Helper()
		got, err := s.Durable(ctx, true)
		if err != nil || got[p] != want {
			t.Errorf("durable to %d (%v), want %d", got[p], err, want)
		}
	}
	if err := s.Put(ctx, batch(0, 3)); err != nil {
		t.Fatal(err)
	}
	check(3)
	w.err = connector.Retriablef("away")
	if err := s.Put(ctx, batch(3, 5)); err == nil {
		t.Fatal("the error is lost")
	}
	check(3)
	w.err = &connector.BatchError{Failed: []connector.RecordError{{Record: &record.Record{}, Err: errors.New("bad")}}}
	if err := s.Put(ctx, batch(3, 5)); err == nil {
		t.Fatal("the error is lost")
	}
	check(5)
	if err := s.Assign(ctx, nil, []record.Partition{p}); err != nil {
		t.Fatal(err)
	}
	check(0)
}
