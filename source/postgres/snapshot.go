package postgres

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
	"leat/source/postgres/pgoutput"
)

// pgHolder keeps the connection whose slot exports the snapshot; nil holds nothing.
type pgHolder struct{ conn *pgconn.PgConn }

func (h *pgHolder) close(ctx context.Context) {
	if h != nil && h.conn != nil {
		_ = h.conn.Close(ctx)
	}
}

// snapshot reads the captured tables as of one exported snapshot, which every worker imports. Workers read parts of tables and
// hand batches to next, which puts the markers of first and last rows: it holds the newest batch of each table back until it
// knows what comes after.
type snapshot struct {
	src    *source
	pos    position
	after  LSN // what was deleted since then is told first; 0: nothing
	todo   []part
	began  time.Time
	seq    record.Value
	parts  chan part
	ready  chan snapResult
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wires  []*wire
	limit  int64 // of a batch

	left   int        // parts
	first  bool       // a record was given
	closed *snapTable // the table that ended last, its newest batch still held
}

// snapTable is a table while it is read.
type snapTable struct {
	id      tableID
	table   *table
	sql     string // COPY's query, without the range
	left    int    // parts
	began   bool   // a record was given
	held    *batch
	sources map[string]record.Value // by marker
}

// part is a table or a range of its pages.
type part struct {
	table *snapTable
	where string
}

// snapResult is a batch of a part, the part's end, or an error.
type snapResult struct {
	table *snapTable
	batch *batch
	err   error
}

// rangePages is the size of the ranges that a large table is read in: 64 MiB.
const rangePages = 8192

// newSnapshot imports the snapshot into every worker; start lets them read.
func newSnapshot(ctx context.Context, s *source, point created, holder *pgHolder, viaRoot bool) (*snapshot, error) {
	sn := &snapshot{src: s, began: time.Now(), ready: make(chan snapResult)}
	list, err := sn.list(ctx, viaRoot)
	if err != nil {
		return nil, err
	}
	parts, err := sn.split(ctx, list, viaRoot)
	if err != nil {
		return nil, err
	}
	workers := max(1, min(s.threads(), len(parts)))
	// Each worker fills a batch; one is held of every table that is being read, and of the one that ended last.
	sn.limit = batchLimit(s.cfg.MaxQueueBytes, 2*workers+1)
	for i := range workers {
		w, lsn, txID, exported, err := sn.worker(ctx, point, i == 0, list)
		if err != nil {
			sn.closeWires()
			return nil, err
		}
		sn.wires = append(sn.wires, w)
		if i == 0 {
			point.snapshot = exported
			sn.pos = position{lsn: lsn, txID: txID, tsUsec: sn.began.UnixMicro(), snapshot: "INITIAL"}
		}
	}
	holder.close(ctx) // every worker has the snapshot now
	sn.seq = record.String(fmt.Sprintf(`[null,"%d"]`, uint64(sn.pos.lsn)))
	for _, p := range parts {
		if p.table.sources == nil {
			p.table.sources = sn.sourcesOf(p.table.table)
		}
	}
	sn.todo, sn.left = parts, len(parts)
	return sn, nil
}

// start runs the workers; close ends them.
func (sn *snapshot) start() {
	ctx, cancel := context.WithCancel(context.Background())
	sn.cancel = cancel
	sn.parts = make(chan part, len(sn.todo))
	for _, p := range sn.todo {
		sn.parts <- p
	}
	close(sn.parts)
	for _, w := range sn.wires {
		sn.wg.Add(1)
		go func() {
			defer sn.wg.Done()
			(&snapWorker{sn: sn, wire: w, expect: 256}).run(ctx)
		}()
	}
}

// list finds the tables of which data is read, in their order.
func (sn *snapshot) list(ctx context.Context, viaRoot bool) ([]tableID, error) {
	s := sn.src
	list, err := s.cat.tables(ctx, func(schema, name string) bool {
		return s.tables.captured(schema, name) && s.tables.filter.Snapshot(schema, name)
	}, viaRoot)
	if err != nil {
		return nil, err
	}
	switch s.cfg.SnapshotOrder {
	case "ascending":
		sort.SliceStable(list, func(i, j int) bool { return list[i].Rows < list[j].Rows })
	case "descending":
		sort.SliceStable(list, func(i, j int) bool { return list[i].Rows > list[j].Rows })
	}
	s.stats.tablesLeft.Store(int64(len(list)))
	return list, nil
}

// split compiles the tables and cuts large ones into ranges of pages, which PostgreSQL 14 and newer can scan.
func (sn *snapshot) split(ctx context.Context, list []tableID, viaRoot bool) ([]part, error) {
	s := sn.src
	var parts []part
	for _, id := range list {
		t, err := s.tables.ofCatalog(ctx, id)
		if err != nil {
			return nil, err
		}
		st := &snapTable{id: id, table: t}
		from := " FROM ONLY " + id.quoted()
		if viaRoot {
			from = " FROM " + id.quoted()
		}
		override := sn.override(id)
		if override != "" {
			from = " FROM (" + override + ") AS leat_override"
		}
		exprs := make([]string, len(t.columns))
		for i := range t.columns {
			exprs[i] = t.columns[i].expr
		}
		st.sql = "SELECT " + strings.Join(exprs, ", ") + from
		if override != "" || s.version < 140000 || s.threads() == 1 || id.Pages <= s.rangePages {
			parts = append(parts, part{st, ""})
			st.left = 1
			continue
		}
		for at := int64(0); at < id.Pages; at += s.rangePages {
			where := fmt.Sprintf(" WHERE ctid >= '(%d,0)'", at)
			if at+s.rangePages < id.Pages {
				where += fmt.Sprintf(" AND ctid < '(%d,0)'", at+s.rangePages)
			}
			parts = append(parts, part{st, where})
			st.left++
		}
	}
	return parts, nil
}

// override is the table's own SELECT, "" for none.
func (sn *snapshot) override(id tableID) string {
	cfg := sn.src.cfg
	for _, name := range capture.SplitPatterns(cfg.SnapshotOverrides) {
		p, err := capture.NewPatterns(name)
		if err != nil || !p.Match(id.String()) {
			continue
		}
		for _, key := range []string{id.String(), name} {
			if sql := strings.TrimSuffix(strings.TrimSpace(cfg.SnapshotStatements[key]), ";"); sql != "" {
				return sql
			}
		}
	}
	return ""
}

// worker opens a connection in a transaction of the snapshot. The first one tells its position and transaction; where no slot
// exported a snapshot, it exports its own.
//
// Invariant 1: every worker reads exactly what was committed at the slot's consistent point.
func (sn *snapshot) worker(ctx context.Context, point created, first bool, list []tableID) (w *wire, lsn LSN, txID int64, exported string, err error) {
	s := sn.src
	cfg, err := s.cfg.connConfig(false)
	if err != nil {
		return nil, 0, 0, "", err
	}
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		return nil, 0, 0, "", s.cfg.connectError(err)
	}
	defer func() {
		if err != nil {
			_ = conn.Close(ctx)
		}
	}()
	run := append(s.cfg.initialStatements(), "SET statement_timeout = 0", "SET idle_in_transaction_session_timeout = 0", "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ")
	if point.snapshot != "" {
		run = append(run, "SET TRANSACTION SNAPSHOT "+quoteLiteral(point.snapshot))
	}
	if first && s.cfg.SnapshotLocking == capture.LockShared && len(list) > 0 {
		names := make([]string, len(list))
		for i, id := range list {
			names[i] = id.quoted()
		}
		run = append(run, fmt.Sprintf("SET lock_timeout = %d", s.cfg.SnapshotLockTimeout.Milliseconds()), "LOCK TABLE "+strings.Join(names, ", ")+" IN ACCESS SHARE MODE")
	}
	for _, sql := range run {
		if err = conn.Exec(ctx, sql).Close(); err != nil {
			return nil, 0, 0, "", classify(err, "preparing the snapshot")
		}
	}
	lsn, exported = point.lsn, point.snapshot
	if first {
		if lsn, txID, exported, err = tell(ctx, conn, point); err != nil {
			return nil, 0, 0, "", classify(err, "preparing the snapshot")
		}
	}
	w, err = takeOver(conn)
	return w, lsn, txID, exported, err
}

// tell asks for the position and the transaction of a snapshot.
func tell(ctx context.Context, conn *pgconn.PgConn, point created) (lsn LSN, txID int64, exported string, err error) {
	results, err := conn.Exec(ctx, `SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE txid_current() END,
		CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END`).ReadAll()
	if err != nil {
		return 0, 0, "", err
	}
	row := results[0].Rows[0]
	txID, _ = strconv.ParseInt(string(row[0]), 10, 64)
	if lsn, exported = point.lsn, point.snapshot; exported != "" {
		return lsn, txID, exported, nil
	}
	if lsn, err = parseLSN(string(row[1])); err != nil {
		return 0, 0, "", err
	}
	if results, err = conn.Exec(ctx, "SELECT pg_export_snapshot()").ReadAll(); err != nil {
		return 0, 0, "", err
	}
	return lsn, txID, string(results[0].Rows[0][0]), nil
}

func parseLSN(s string) (LSN, error) { return pgoutput.ParseLSN(s) }

// The markers of snapshot records.
const (
	markTrue, markFirst, markFirstInTable, markLastInTable, markLast = "true", "first", "first_in_data_collection", "last_in_data_collection", "last"
)

// sourcesOf makes a table's source blocks, which its rows share.
func (sn *snapshot) sourcesOf(t *table) map[string]record.Value {
	out := map[string]record.Value{}
	us := sn.pos.tsUsec
	for _, mark := range []string{markTrue, markFirst, markFirstInTable, markLastInTable, markLast} {
		v := append([]record.Value(nil), t.source[:]...)
		v[sourceSnapshot], v[sourceSequence] = record.String(mark), sn.seq
		v[sourceTsMs], v[sourceTsUs], v[sourceTsNs] = record.Int(us/1000), record.Int(us), record.Int(us*1000)
		v[sourceTxID], v[sourceLSN] = record.Int(sn.pos.txID), record.Int(int64(sn.pos.lsn))
		out[mark] = record.Struct(v)
	}
	return out
}

// next gives the next batch; more is false with the last one.
func (sn *snapshot) next(ctx context.Context) (b record.Batch, more bool, err error) {
	for sn.left > 0 {
		var r snapResult
		select {
		case <-ctx.Done():
			return b, true, ctx.Err()
		case r = <-sn.ready:
		}
		switch {
		case r.err != nil:
			return b, true, r.err
		case r.batch != nil:
			if out := r.table.held; out != nil {
				r.table.held = r.batch
				return sn.give(r.table, out, ""), true, nil
			}
			r.table.held = r.batch
		default:
			sn.left--
			if out, ok := sn.endPart(r.table); ok {
				return out, true, nil
			}
		}
	}
	final := sn.final()
	if t := sn.closed; t != nil {
		b = sn.give(t, t.held, markLast)
		b.Offsets[0].Offset = final.offset()
		b.EndsTransaction = true
		return b, false, nil
	}
	empty := &batch{}
	return empty.finish(sn.src.partition, &final, true), false, nil
}

// endPart notes the end of a part. A table's last batch is held until another table's follows it or the snapshot ends.
func (sn *snapshot) endPart(t *snapTable) (record.Batch, bool) {
	if t.left--; t.left > 0 {
		return record.Batch{}, false
	}
	sn.src.stats.tablesLeft.Add(-1)
	if t.held == nil {
		return record.Batch{}, false
	}
	before := sn.closed
	sn.closed = t
	if before == nil {
		return record.Batch{}, false
	}
	return sn.give(before, before.held, markLastInTable), true
}

// give puts the markers on a batch and hands it on. The last marker wins over the first, as with Debezium, but for the very
// first record.
func (sn *snapshot) give(t *snapTable, b *batch, last string) record.Batch {
	mark := func(i int, mark string) { b.records[i].Value.Elems()[capture.FieldSource] = t.sources[mark] }
	if last != "" {
		mark(len(b.records)-1, last)
	}
	if !t.began && (last == "" || len(b.records) > 1) {
		mark(0, markFirstInTable)
	}
	if !sn.first && (last == "" || len(b.records) > 1) {
		mark(0, markFirst)
	}
	t.began, sn.first = true, true
	sn.src.stats.rows.Add(int64(len(b.records)))
	return b.finish(sn.src.partition, &sn.pos, false)
}

// final is the position of a completed snapshot.
func (sn *snapshot) final() position {
	p := sn.pos
	p.completed = true
	return p
}

func (sn *snapshot) closeWires() {
	for _, w := range sn.wires {
		_ = w.send('X')
		w.close()
	}
}

// close ends the workers and their connections.
func (sn *snapshot) close(context.Context) {
	if sn.cancel != nil {
		sn.cancel()
	}
	sn.closeWires()
	sn.wg.Wait()
}

// report hands a result to next; false when the snapshot has ended.
func (sn *snapshot) report(ctx context.Context, r snapResult) bool {
	select {
	case <-ctx.Done():
		return false
	case sn.ready <- r:
		return true
	}
}

// unreadable says what to do about a table that can not be read.
func unreadable(err error, id tableID, override bool) error {
	var e interface{ SQLState() string }
	if asSQLState(err, &e) {
		switch {
		case e.SQLState() == "42501":
			return connector.Fatalf("table %s can not be read: %w", id, err).WithHint("GRANT SELECT ON %s TO the connector's user", id.quoted())
		case override:
			return connector.Fatalf("snapshot.select.statement.overrides.%s: %w", id, err).WithHint("The SELECT must give every captured column by its name")
		}
	}
	return classify(err, "reading table "+id.String())
}
