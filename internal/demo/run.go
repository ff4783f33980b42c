package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/internal/harness"
	"leat/record"
)

// How often what is shown is refreshed.
const (
	panelRefresh = 500 * time.Millisecond
	linesRefresh = 3 * time.Second
)

// run writes changes and shows what arrives until ctx ends, the duration is over, or leat or the writing fails.
func (d *demo) run(ctx context.Context) error {
	if d.opts.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.opts.Duration)
		defer cancel()
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	conn, err := pgx.ConnectConfig(ctx, d.about)
	if err != nil {
		return ended(ctx, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	d.lag = newLag(d.lite)
	d.writer = &writer{conn: conn, lag: d.lag, pause: d.opts.Pause}
	var failed error
	var once sync.Once
	var group sync.WaitGroup
	for _, f := range []func(context.Context) error{d.writer.Run, d.lag.Run, d.watchNode, d.show} {
		group.Go(func() {
			if err := f(ctx); err != nil {
				once.Do(func() { failed = err })
				fail(err)
			}
		})
	}
	group.Wait()
	return failed
}

// watchNode ends with ctx, or when the server ends by itself.
func (d *demo) watchNode(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.nodeDone:
		d.nodeDone <- err // for cleanUp
		return fmt.Errorf("leat stopped: %w", errors.Join(err, errors.New("see the lines above")))
	}
}

// show draws the state until ctx ends.
func (d *demo) show(ctx context.Context) error {
	s := newScreen(d.opts.Out, d.opts.Terminal, d.tour())
	defer s.leave()
	every := linesRefresh
	if d.opts.Terminal {
		every = panelRefresh
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		now, err := d.look(ctx)
		if err != nil {
			return ended(ctx, err)
		}
		s.show(now)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads the state of all sides.
func (d *demo) look(ctx context.Context) (state, error) {
	s := state{running: time.Since(d.started), written: d.writer.written(), lag: d.lag.summary(), failures: d.failures(ctx)}
	admin := d.node.Log().Admin()
	starts, err := admin.StartOffsets(ctx, topics()...)
	if err != nil {
		return s, err
	}
	ends, err := admin.EndOffsets(ctx, topics()...)
	if err != nil {
		return s, err
	}
	for _, name := range tables {
		t := tableState{name: name, arrived: -1, topic: held(starts, ends, topicOf(name))}
		if err := d.pg.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s.%s", schemaName, name)).Scan(&t.postgres); err != nil {
			return s, err
		}
		// The sink has yet to make the table, at first.
		_ = d.lite.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM %q", name)).Scan(&t.arrived)
		s.tables = append(s.tables, t)
	}
	return s, nil
}

// held counts the messages of a topic.
func held(starts, ends record.Offsets, topic string) int64 {
	var n int64
	for at, end := range ends {
		if at.Topic == topic {
			n += int64(end - starts[at])
		}
	}
	return n
}

// verdict waits, now that nothing is written any more, until every row is the same on both sides, and says so.
func (d *demo) verdict(now context.Context) error {
	ctx, cancel := context.WithTimeoutCause(now, settleLimit, fmt.Errorf("limit of %s", settleLimit))
	defer cancel()
	d.say("Comparing SQLite with PostgreSQL, row by row …")
	total := 0
	err := harness.WaitFor(ctx, "SQLite to equal PostgreSQL", func() error {
		total = 0
		for _, name := range tables {
			rows, differences, err := compare(ctx, d.pg, d.lite, name)
			if err != nil {
				return err
			}
			if len(differences) > 0 {
				return errors.New(strings.Join(append(differences, d.failures(ctx)...), "; "))
			}
			total += rows
		}
		return nil
	})
	if err != nil {
		return err
	}
	w, l := d.writer.written(), d.lag.summary()
	d.say("SQLite equals PostgreSQL: %d rows in %d tables, after %d inserts, %d updates and %d deletes.", total, len(tables), w.inserts, w.updates, w.deletes)
	if l.count > 0 {
		d.say("Commit to SQLite: median %s, p99 %s of %d.", short(l.median), short(l.p99), l.count)
	}
	return nil
}
