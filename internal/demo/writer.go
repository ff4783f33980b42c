package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// writer changes rows as an application would: a few small transactions a second.
type writer struct {
	conn  *pgx.Conn
	lag   *lag
	pause time.Duration

	mu     sync.Mutex
	counts writes
}

// writes counts transactions by what they did.
type writes struct{ inserts, updates, deletes int }

// change is one kind of transaction; marker says that it returns the id of a new annotation, whose way is timed.
type change struct {
	weight int
	sql    string
	count  func(*writes) *int
	marker bool
}

func inserts(w *writes) *int { return &w.inserts }
func updates(w *writes) *int { return &w.updates }
func deletes(w *writes) *int { return &w.deletes }

var changes = []change{
	{8, `INSERT INTO annotation (image_id, slice_id, label, confidence, note)
		SELECT image_id, id, 'demo', round(random()::numeric, 4), 'written at ' || clock_timestamp() FROM slice ORDER BY random() LIMIT 1
		RETURNING id`, inserts, true},
	{2, `INSERT INTO image (path, width, height, megapixels, checksum, taken_on)
		VALUES ('live/' || gen_random_uuid() || '.jpg', 6000, 4000, 24, decode(md5(random()::text), 'hex'), current_date)`, inserts, false},
	{4, `UPDATE annotation SET status = 'reviewed', confidence = round(random()::numeric, 4)
		WHERE id = (SELECT id FROM annotation ORDER BY random() LIMIT 1)`, updates, false},
	{2, `UPDATE image SET public = NOT public, exif = jsonb_build_object('edited', now())
		WHERE id = (SELECT id FROM image ORDER BY random() LIMIT 1)`, updates, false},
	{2, `DELETE FROM annotation WHERE id = (SELECT id FROM annotation ORDER BY random() LIMIT 1)`, deletes, false},
	// Deletes slices and annotations of the image too, in the same transaction.
	{1, `DELETE FROM image WHERE id = (SELECT id FROM image ORDER BY random() LIMIT 1) AND (SELECT count(*) FROM image) > 20`, deletes, false},
}

// Run writes until ctx ends, which is no error.
func (w *writer) Run(ctx context.Context) error {
	if _, err := w.conn.Exec(ctx, "SET search_path = "+schemaName); err != nil {
		return ended(ctx, err)
	}
	tick := time.NewTicker(w.pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := w.write(ctx, pick(changes)); err != nil {
				return ended(ctx, fmt.Errorf("write to PostgreSQL: %w", err))
			}
		}
	}
}

// ended hides an error that only says that ctx ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (w *writer) write(ctx context.Context, c *change) error {
	if c.marker {
		var id int64
		// Timed from before the commit: the lag that is shown is rather too long than too short.
		start := time.Now()
		if err := w.conn.QueryRow(ctx, c.sql).Scan(&id); err != nil {
			return err
		}
		w.lag.committed(id, start)
	} else if _, err := w.conn.Exec(ctx, c.sql); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	*c.count(&w.counts)++
	return nil
}

func (w *writer) written() writes {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts
}

func pick(from []change) *change {
	sum := 0
	for i := range from {
		sum += from[i].weight
	}
	n := rand.IntN(sum)
	for i := range from {
		if n -= from[i].weight; n < 0 {
			return &from[i]
		}
	}
	panic("demo: the weights of the changes do not add up")
}
