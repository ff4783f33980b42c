package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
)

// Workers that read many small ranges, a reader that pauses and gives up reads in between, and batches of a few rows: whatever
// the order, every row comes once and the snapshot ends.
func TestSnapshotOfManyRangesEndsWhateverTheOrder(t *testing.T) {
	d := newDatabase(t)
	rows := 0
	for i, n := range []int{0, 1, 4000, 0, 700, 9000, 2, 3000, 0} {
		d.exec(fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY, pad text)", i))
		d.exec(fmt.Sprintf("INSERT INTO t%d SELECT i, repeat('x', i %% 300) FROM generate_series(1, %d) i", i, n))
		d.exec(fmt.Sprintf("ANALYZE t%d", i))
		rows += n
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			pick := func(values ...string) string { return values[rnd.IntN(len(values))] }
			slot := fmt.Sprintf("%s_%d", d.name, seed)
			r := d.open(record.Null, d.with("snapshot.max.threads", pick("1", "2", "3", "8"), "max.batch.size", pick("1", "3", "100", "2048"),
				"max.queue.size.in.bytes", pick("0", "1", "5000", "100000"), "slot.name", slot, "slot.drop.on.stop", "true"))
			defer r.close()
			r.src.(*source).rangePages = int64(1 + rnd.IntN(8))
			seen := map[string]bool{}
			for began, done := time.Now(), false; !done; {
				if time.Since(began) > time.Minute {
					t.Fatalf("stuck at %d of %d rows", len(seen), rows)
				}
				limit := time.Minute
				if rnd.IntN(50) == 0 {
					limit = time.Duration(rnd.IntN(2000)) * time.Microsecond
				}
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				b, err := r.src.Read(ctx)
				late := ctx.Err() != nil
				cancel()
				if err != nil && !late && connector.ClassOf(err) != connector.Retriable {
					t.Fatal(err)
				}
				for _, rec := range b.Records {
					id := fmt.Sprint(rec.Topic, rec.Key.Field(0).Int())
					if seen[id] {
						t.Fatal("twice: ", id)
					}
					seen[id] = true
				}
				if err == nil {
					p, _ := parsePosition(b.Offsets[0].Offset)
					done = p.completed
				}
				if rnd.IntN(100) == 0 {
					time.Sleep(time.Duration(rnd.IntN(5)) * time.Millisecond)
				}
			}
			if len(seen) != rows {
				t.Errorf("%d of %d rows", len(seen), rows)
			}
		})
	}
}
