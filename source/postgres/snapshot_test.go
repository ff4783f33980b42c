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

// What an interrupted snapshot has given stays in the log; what was deleted before the next one began is told before that.
func TestDeletesBetweenAnInterruptedSnapshotAndTheNextAreTold(t *testing.T) {
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprint("offset stored ", stored), func(t *testing.T) {
			d := newDatabase(t)
			d.exec("CREATE TABLE rows (id int PRIMARY KEY, v int); INSERT INTO rows SELECT i, 0 FROM generate_series(1, 1000) i")
			rows := map[int64]int64{} // as a consumer would have them
			apply := func(records []record.Record) {
				for _, rec := range records {
					switch {
					case rec.Value.IsNull():
					case op(rec) == "d":
						delete(rows, rec.Key.Field(0).Int())
					default:
						rows[rec.Key.Field(0).Int()] = after(rec, "v").Int()
					}
				}
			}
			props := d.with("max.batch.size", "100")
			r := d.open(record.Null, props)
			for range 3 {
				apply(r.batch().Records)
			}
			offset := r.offset
			r.close()
			d.exec("DELETE FROM rows WHERE id <= 200; UPDATE rows SET v = 1 WHERE id > 900; UPDATE rows SET id = id + 5000 WHERE id BETWEEN 201 AND 210")
			if !stored {
				offset = record.Null
			}
			r = d.open(offset, props)
			defer r.close()
			again := r.snapshot()
			apply(again)
			for _, rec := range again {
				if !rec.Value.IsNull() && op(rec) != "d" && op(rec) != "r" {
					t.Error("a snapshot with op ", op(rec))
				}
			}
			d.exec("INSERT INTO rows VALUES (100000, 2)")
			apply(r.until(func(rec record.Record) bool { return rec.Key.Field(0).Int() == 100000 }))
			if want := d.value("SELECT count(*) || ' ' || sum(id) || ' ' || sum(v) FROM rows"); want != sums(rows) {
				t.Errorf("%s instead of %s", sums(rows), want)
			}
		})
	}
}

func sums(rows map[int64]int64) string {
	ids, values := int64(0), int64(0)
	for id, v := range rows {
		ids, values = ids+id, values+v
	}
	return fmt.Sprintf("%d %d %d", len(rows), ids, values)
}
