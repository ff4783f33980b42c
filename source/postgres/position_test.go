package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
	"leat/source/postgres/pgoutput"
)

// bad reads until a bad record is told. The offset is the one that came last, the bad record's batch included.
func (r *run) bad() error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		b, err := r.src.Read(ctx)
		if len(b.Offsets) > 0 {
			r.offset = b.Offsets[0].Offset
		}
		switch {
		case err == nil && len(b.Records) > 0:
			r.t.Fatalf("%d records instead of a bad one", len(b.Records))
		case err != nil && connector.ClassOf(err) == connector.BadRecord:
			return err
		case err != nil && connector.ClassOf(err) != connector.Retriable:
			r.t.Fatal(err)
		}
	}
}

func TestTaskThatStopsAtABadEventMeetsItAgain(t *testing.T) {
	for name, insert := range map[string]string{
		"alone": "INSERT INTO n VALUES (1, 'NaN')", "in a transaction": "BEGIN; INSERT INTO skipped VALUES (0); INSERT INTO n VALUES (1, 'NaN'); COMMIT",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDatabase(t)
			d.exec("CREATE TABLE n (id int PRIMARY KEY, n numeric); CREATE TABLE skipped (id int)")
			props := d.with("table.include.list", "public.n")
			r := d.open(record.Null, props)
			r.snapshot()
			d.exec(insert)
			d.exec("INSERT INTO n VALUES (2, 2)")
			_ = r.bad()
			r.close()
			r = d.open(r.offset, props)
			if err := r.bad(); !strings.Contains(err.Error(), "column n") {
				t.Error(err)
			}
			// A task that goes on passes it.
			if id := r.records(1)[0].Key.Field(0).Int(); id != 2 {
				t.Errorf("row %d", id)
			}
			r.close()
			d.exec("INSERT INTO n VALUES (3, 3)")
			r = d.open(r.offset, props)
			defer r.close()
			if id := r.records(1)[0].Key.Field(0).Int(); id != 3 {
				t.Errorf("row %d", id)
			}
		})
	}
}

// cutStream is a stream that resumes inside the transaction 7, of a table that is not captured.
func cutStream(from position) *stream {
	return &stream{src: &source{cfg: &Config{StatusInterval: time.Millisecond}}, tables: map[uint32]*table{1: nil}, pos: from, resume: newResume(from)}
}

func TestEventsThatShareAPositionAreCountedOnceThroughTwoResumes(t *testing.T) {
	run := func(from position, total int) (given int, end position) {
		st := cutStream(from)
		st.dec.Begin.XID, st.dec.Change.Relation = 7, 1
		st.begin(&st.dec.Begin)
		for range total {
			left := st.resume.skip
			if err := st.change(nil, pgoutput.KindInsert, 100, 0); err != nil {
				t.Fatal(err)
			}
			if st.resume.skip == left {
				given++
			} else if st.pos != from {
				t.Fatalf("the position moved from %+v to %+v while events were left out", from, st.pos)
			}
		}
		return given, st.pos
	}
	given, end := run(position{lsn: 100, proc: 100, commit: 50, events: 30, kind: kindInsert, txID: 7}, 50)
	if given != 20 || end.events != 50 {
		t.Errorf("%d of 50 events given, %d counted", given, end.events)
	}
	if given, _ = run(end, 100); given != 50 {
		t.Errorf("of 100 events 50 were stored, %d are given", given)
	}
}

func TestIdlePositionWaitsForTheTransactionThatWasCut(t *testing.T) {
	for kind, want := range map[string]bool{kindInsert: false, kindCommit: true, kindMessage: true, "": true} {
		st := cutStream(position{lsn: 100, proc: 100, commit: 50, events: 1, kind: kind, txID: 7})
		if err := st.keepalive(150, false); err != nil { // the server reads on towards a commit at 200
			t.Fatal(err)
		}
		if moved := st.idleMoved(); moved != want {
			t.Errorf("after %q: moved %v", kind, moved)
		}
		st.dec.Begin.XID = 7
		st.begin(&st.dec.Begin)
		if got := st.resume.stored(90); got == want {
			t.Errorf("after %q: an event before the position counts as stored: %v", kind, got)
		}
	}
}
