package demo

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"
)

// lag times the way of new annotations from before their commit in PostgreSQL until they can be read in SQLite.
type lag struct {
	db *sql.DB

	mu      sync.Mutex
	waiting map[int64]time.Time // by id, of rows that have not been seen
	seen    []time.Duration     // the latest ones, at most maxSeen
	count   int
}

const (
	maxSeen   = 1000
	maxWait   = time.Minute // then a row is taken to be deleted meanwhile
	pollPause = 5 * time.Millisecond
)

func newLag(db *sql.DB) *lag { return &lag{db: db, waiting: map[int64]time.Time{}} }

func (l *lag) committed(id int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[id] = at
}

// Run looks for the rows in SQLite until ctx ends.
func (l *lag) Run(ctx context.Context) error {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			l.look(ctx)
		}
	}
}

// look asks for each row waited for; errors (the table is not there yet, the file is busy) mean not yet.
func (l *lag) look(ctx context.Context) {
	for _, id := range l.ids() {
		var one int
		if l.db.QueryRowContext(ctx, "SELECT 1 FROM annotation WHERE id = ?", id).Scan(&one) == nil {
			l.arrived(id, time.Now())
		}
	}
}

func (l *lag) ids() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []int64
	for id, at := range l.waiting {
		if time.Since(at) > maxWait {
			delete(l.waiting, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func (l *lag) arrived(id int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, at.Sub(l.waiting[id]))
	l.seen = l.seen[max(0, len(l.seen)-maxSeen):]
	l.count++
	delete(l.waiting, id)
}

// lags summarises what was timed.
type lags struct {
	count             int
	last, median, p99 time.Duration
}

func (l *lag) summary() lags {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return lags{}
	}
	sorted := slices.Sorted(slices.Values(l.seen))
	return lags{
		count: l.count, last: l.seen[len(l.seen)-1],
		median: sorted[len(sorted)/2], p99: sorted[(len(sorted)*99)/100],
	}
}
