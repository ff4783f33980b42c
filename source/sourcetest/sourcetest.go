// Package sourcetest is the contract suite that every source runs against a real database: no gap between snapshot and stream,
// resuming behind every batch, nothing lost or doubled by a cut connection, bounded batches, positions confirmed upstream only
// after Acked.
package sourcetest

import (
	"context"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
)

// Database is one fresh database with one captured table of rows that have an integer id, which is the key.
type Database struct {
	// Open starts a task of one connector; StoredOffset gives offset (Null for none).
	Open func(offset record.Value) connector.Source
	// ID is the id of a row's record; false for records that are no row (heartbeats and the like).
	ID func(r *record.Record) (int64, bool)
	// Insert commits the rows from..to-1, each in its own transaction, or all in one.
	Insert func(from, to int64, oneTransaction bool)
	// Empty commits a transaction that changes nothing captured.
	Empty func()
	// Cut ends the source's connections at the server.
	Cut func()
	// Confirmed tells whether the database was told of more than offset; nil when it can not tell.
	Confirmed func(offset record.Value) bool
}

// limit bounds every wait of the suite.
const limit = 60 * time.Second

// maxBatch is what a batch may hold, with room for one row more.
const maxBatch = 2 << 20

// Run runs the suite; each test gets a database of its own.
func Run(t *testing.T, fresh func(t *testing.T) *Database) {
	for name, test := range map[string]func(*testing.T, *Database){
		"SnapshotThenStreamHasNoGap":             snapshotThenStream,
		"ResumesBehindEveryBatch":                resumesBehindEveryBatch,
		"CutConnectionLosesAndDoublesNothing":    cutConnection,
		"BigTransactionComesInBoundedBatches":    bigTransaction,
		"ReadEndsWithItsContext":                 readEnds,
		"NothingIsConfirmedBeforeAcked":          nothingConfirmed,
		"EmptyTransactionDoesNotStopTheStream":   emptyTransaction,
		"InterruptedSnapshotConvergesWithoutGap": interruptedSnapshot,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// reader drives a source.
type reader struct {
	t      *testing.T
	d      *Database
	src    connector.Source
	offset record.Value
}

func open(t *testing.T, d *Database, offset record.Value) *reader {
	t.Helper()
	return &reader{t: t, d: d, src: d.Open(offset), offset: offset}
}

func (r *reader) close() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := r.src.Close(ctx); err != nil {
		r.t.Fatal("Close: ", err)
	}
}

// batch reads one batch, waiting out retriable errors.
func (r *reader) batch() ([]int64, record.Batch) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		b, err := r.src.Read(ctx)
		if err != nil {
			if connector.ClassOf(err) != connector.Retriable || ctx.Err() != nil {
				r.t.Fatal("Read: ", err)
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if b.Bytes > maxBatch && len(b.Records) > 1 {
			r.t.Errorf("a batch of %d bytes and %d records", b.Bytes, len(b.Records))
		}
		var ids []int64
		for i := range b.Records {
			if id, ok := r.d.ID(&b.Records[i]); ok {
				ids = append(ids, id)
			}
		}
		if len(b.Offsets) > 0 {
			r.offset = b.Offsets[0].Offset
		}
		return ids, b
	}
}

// until reads until the id has come.
func (r *reader) until(last int64) []int64 {
	r.t.Helper()
	var all []int64
	for {
		ids, _ := r.batch()
		all = append(all, ids...)
		for _, id := range ids {
			if id == last {
				return all
			}
		}
	}
}

// exactly checks that ids are from..to-1, in order.
func exactly(t *testing.T, ids []int64, from, to int64) {
	t.Helper()
	if int64(len(ids)) != to-from {
		t.Fatalf("%d rows instead of %d: %v", len(ids), to-from, head(ids))
	}
	for i, id := range ids {
		if id != from+int64(i) {
			t.Fatalf("row %d is %d instead of %d: %v", i, id, from+int64(i), head(ids))
		}
	}
}

func head(ids []int64) []int64 { return ids[:min(len(ids), 40)] }

func snapshotThenStream(t *testing.T, d *Database) {
	d.Insert(0, 5000, true)
	stop, stopped := make(chan struct{}), make(chan int64, 1)
	go func() { // writes on while the snapshot is taken
		next := int64(5000)
		for {
			select {
			case <-stop:
				stopped <- next
				return
			default:
				d.Insert(next, next+1, false)
				next++
			}
		}
	}()
	r := open(t, d, record.Null)
	defer r.close()
	seen := map[int64]int{}
	take := func() {
		ids, _ := r.batch()
		for _, id := range ids {
			seen[id]++
		}
	}
	for len(seen) < 5300 {
		take()
	}
	close(stop)
	total := <-stopped
	for int64(len(seen)) < total {
		take()
	}
	for id := range total {
		if seen[id] != 1 {
			t.Fatalf("row %d came %d times", id, seen[id])
		}
	}
}

func resumesBehindEveryBatch(t *testing.T, d *Database) {
	r := open(t, d, record.Null)
	d.Insert(0, 1, false)
	r.until(0)
	from := r.offset
	r.close()
	// Small and large transactions, and a large one that batches cut.
	d.Insert(1, 50, false)
	d.Insert(50, 5050, true)
	d.Insert(5050, 5060, false)
	const end = 5060
	type stop struct {
		offset record.Value
		next   int64
	}
	stops := []stop{{from, 1}}
	r = open(t, d, from)
	for next := int64(1); next < end; {
		ids, _ := r.batch()
		exactly(t, ids, next, next+int64(len(ids)))
		next += int64(len(ids))
		stops = append(stops, stop{r.offset, next})
	}
	r.close()
	// Every position of a short list, some of a long one.
	step := max(1, len(stops)/25)
	for i := 0; i < len(stops); i += step {
		if s := stops[i]; s.next < end {
			r := open(t, d, s.offset)
			exactly(t, r.until(end-1), s.next, end)
			r.close()
		}
	}
}

func cutConnection(t *testing.T, d *Database) {
	r := open(t, d, record.Null)
	defer r.close()
	d.Insert(0, 1, false)
	r.until(0)
	var all []int64
	next := int64(1)
	for range 5 {
		d.Insert(next, next+20, false)
		d.Insert(next+20, next+3020, true)
		next += 3020
		ids, _ := r.batch() // in the middle of what was written
		all = append(all, ids...)
		d.Cut()
	}
	if len(all) == 0 || all[len(all)-1] != next-1 {
		all = append(all, r.until(next-1)...)
	}
	exactly(t, all, 1, next)
}

func bigTransaction(t *testing.T, d *Database) {
	r := open(t, d, record.Null)
	defer r.close()
	d.Insert(0, 1, false)
	r.until(0)
	const n = 100_000
	d.Insert(1, n, true)
	exactly(t, r.until(n-1), 1, n)
}

func readEnds(t *testing.T, d *Database) {
	r := open(t, d, record.Null)
	defer r.close()
	d.Insert(0, 1, false)
	r.until(0)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := r.src.Read(ctx); err != nil {
				done <- err
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	cancel()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatal("Read did not end")
	}
	// The source is still usable.
	d.Insert(1, 2, false)
	exactly(t, r.until(1), 1, 2)
}

func nothingConfirmed(t *testing.T, d *Database) {
	if d.Confirmed == nil {
		t.Skip("this database does not tell what was confirmed")
	}
	r := open(t, d, record.Null)
	defer r.close()
	d.Insert(0, 1, false)
	r.until(0)
	before := r.offset
	d.Insert(1, 500, false)
	r.until(499)
	time.Sleep(2 * time.Second) // longer than the source's status interval in tests
	if d.Confirmed(before) {
		t.Fatal("a position was confirmed that was never acknowledged")
	}
	if err := r.src.Acked(context.Background(), []record.SourceOffset{{Offset: r.offset}}); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(limit)
	for !d.Confirmed(before) {
		if time.Now().After(deadline) {
			t.Fatal("an acknowledged position was not confirmed")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if d.Confirmed(r.offset) {
		t.Fatal("more was confirmed than was acknowledged")
	}
}

func emptyTransaction(t *testing.T, d *Database) {
	r := open(t, d, record.Null)
	defer r.close()
	d.Insert(0, 1, false)
	r.until(0)
	for i := range int64(10) {
		d.Empty()
		d.Insert(1+i, 2+i, false)
		d.Empty()
	}
	exactly(t, r.until(10), 1, 11)
}

func interruptedSnapshot(t *testing.T, d *Database) {
	d.Insert(0, 20_000, true)
	r := open(t, d, record.Null)
	r.batch()
	at := r.offset
	r.close()
	d.Insert(20_000, 20_010, false)
	r = open(t, d, at)
	defer r.close()
	seen := map[int64]bool{}
	for len(seen) < 20_010 {
		ids, _ := r.batch()
		for _, id := range ids {
			seen[id] = true
		}
	}
	d.Insert(20_010, 20_011, false)
	r.until(20_010)
}
