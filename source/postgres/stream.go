package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
	"leat/source/postgres/pgoutput"
)

const (
	// While the server is busy, a pause before each read lets its small packets gather in the kernel: waking up for each of them
	// costs more than decoding it. The pause grows while reads stay below fewBytes and shrinks when they pass manyBytes.
	minPause, maxPause  = 500 * time.Microsecond, 4 * time.Millisecond
	fewBytes, manyBytes = 8 << 10, 32 << 10
	// fullBytes is a read after which there is no pause: the server is ahead.
	fullBytes = 64 << 10
	// busyGap is the longest wait for data that still counts as busy.
	busyGap = time.Millisecond
	// gatherLimit bounds the time that a batch gathers while the server is busy.
	gatherLimit = 4 * time.Millisecond
	// idleWait bounds a wait for data, so that heartbeats and idle positions are looked at.
	idleWait = 500 * time.Millisecond
)

// event is what a position tells of a change; kind is "" for none.
type event struct {
	lsn  LSN
	kind string
}

// stream reads the slot.
type stream struct {
	src    *source
	wire   *wire
	keeper *keeper
	dec    pgoutput.Decoder
	slab   capture.Slab
	used   int64             // bytes of batches since the slab was new
	tables map[uint32]*table // by relation; nil for one that is not captured
	names  map[uint32]string

	pos      position // of the last message that was handled
	seq      []byte   // source.sequence up to the LSN, for the current transaction
	lastSeq  LSN
	inTx     bool
	xid      uint32
	ts       [3]record.Value // commit time in ms, µs, ns
	tsUsec   int64
	origin   record.Value
	resume   resume
	captures func(prefix string) bool

	held     []byte // a change that the last batch had no room for
	heldLSN  LSN
	bad      event // the change that could not be decoded
	busy     bool
	full     bool // the last read gave much: more is there already
	pause    time.Duration
	expect   int
	seen     LSN // position that the server was at, told by keepalives while nothing was pending
	seenAt   time.Time
	lastBeat time.Time
	lastSeen LSN // newest position of the server
	until    LSN // where a stream before a snapshot ends; 0: never
}

// openStream streams from a position.
func openStream(ctx context.Context, s *source, from position) (*stream, error) {
	conn, err := s.cfg.replicationConn(ctx)
	if err != nil {
		return nil, err
	}
	w, err := takeOver(conn)
	if err != nil {
		return nil, classify(err, "taking over the connection")
	}
	w.widen()
	if err := w.query(ctx, s.cfg.startSQL(from.start(), s.version), 'W'); err != nil {
		w.close()
		return nil, startError(err, s.cfg)
	}
	st := &stream{
		src: s, wire: w, tables: map[uint32]*table{}, names: map[uint32]string{}, pos: from, resume: newResume(from), expect: 64,
		lastBeat: time.Now(), seenAt: time.Now(), lastSeq: from.commit, pause: minPause,
	}
	st.pos.snapshot, st.pos.completed = "", false
	if st.resume.inside() {
		st.pos.events = st.resume.skip // one of Debezium's without the count has one
	}
	if st.captures, err = s.cfg.messageFilter(); err != nil {
		w.close()
		return nil, connector.Fatalf("%w", err)
	}
	st.keeper = startKeeper(w, s)
	return st, nil
}

func startError(err error, cfg *Config) error {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		switch e.SQLState() {
		case "55006":
			return connector.Retriablef("replication slot %q is in use: %w", cfg.Slot, err).WithHint("Stop the other reader, or give this connector another slot.name")
		case "55000":
			return connector.Fatalf("replication slot %q can not be streamed: %w", cfg.Slot, err).WithHint("Reset this connector's offsets and drop the slot for a new snapshot")
		}
	}
	return classify(err, "starting replication")
}

func (st *stream) wake() { st.keeper.wake() }

func (st *stream) close() {
	st.wire.close()
	st.keeper.stop()
}

// farewell tells the last position and ends the stream in good order.
func (st *stream) farewell() {
	_ = st.keeper.send()
	_ = st.wire.send('c')
	_ = st.wire.send('X')
}

// next gives the next batch: at once when something is there and the server is quiet, gathering for a few ms while it is busy.
func (st *stream) next(ctx context.Context) (record.Batch, error) {
	stop := st.wire.interruptible(ctx)
	defer stop()
	b := newBatch(&st.slab, st.src.cfg.MaxBatch, batchLimit(st.src.cfg.MaxQueueBytes, 1), st.expect)
	if st.held != nil {
		msg, lsn := st.held, st.heldLSN
		st.held = nil
		if err := st.message(ctx, b, msg, lsn); err != nil {
			return st.failed(b, err)
		}
	}
	for {
		full, err := st.drain(ctx, b)
		if err != nil {
			return st.failed(b, err)
		}
		st.beat(ctx, b)
		if full || len(b.records) > 0 && st.enough(b) {
			return st.finish(b), nil
		}
		if len(b.records) == 0 && st.idleMoved() {
			return st.finish(b), nil
		}
		if err := st.fill(ctx, len(b.records) > 0); err != nil {
			if !isTimeout(err) || ctx.Err() != nil {
				return st.failed(b, contextError(ctx, err))
			}
			if len(b.records) > 0 {
				return st.finish(b), nil
			}
		}
	}
}

// enough tells whether a batch goes now though more would fit.
func (st *stream) enough(b *batch) bool {
	if !st.busy && !st.inTx {
		return true
	}
	if b.since.IsZero() {
		b.since = time.Now()
		return false
	}
	return time.Since(b.since) > gatherLimit
}

// fill waits for data. While a batch gathers it waits only a little.
func (st *stream) fill(ctx context.Context, gathering bool) error {
	if st.busy && !st.full {
		time.Sleep(st.pause)
	}
	begin := time.Now()
	wait := idleWait
	if gathering {
		wait = 2 * busyGap
	}
	if err := st.wire.conn.SetReadDeadline(begin.Add(wait)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n, err := st.wire.fill()
	st.full = n >= fullBytes
	switch st.busy = err == nil && time.Since(begin) < busyGap; {
	case !st.busy:
		st.pause = minPause
	case n < fewBytes:
		st.pause = min(2*st.pause, maxPause)
	case n > manyBytes:
		st.pause = max(st.pause/2, minPause)
	}
	return err
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// failed ends a batch early: what it has is handed on with a bad record's error; other errors give it up, and the stream
// begins again behind the last batch.
func (st *stream) failed(b *batch, err error) (record.Batch, error) {
	if connector.ClassOf(err) == connector.BadRecord {
		// Invariant 6: the batch ends before the bad event, so that a task that stops there meets it again; a task that goes on
		// passes it with the next batch.
		out := st.finish(b)
		if bad := st.bad; bad.kind != "" {
			st.advance(bad.lsn, bad.kind, int64(st.xid))
			st.src.pos, st.bad = st.pos, event{}
		}
		return out, err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		if len(b.records) > 0 {
			return st.finish(b), nil
		}
		return record.Batch{}, err
	}
	return record.Batch{}, classify(err, "reading the replication stream")
}

func (st *stream) finish(b *batch) record.Batch {
	st.expect = len(b.records) + len(b.records)/4
	b.renew(&st.used)
	st.src.pos = st.pos
	st.src.stats.events.Add(int64(len(b.records)))
	if len(b.records) > 0 {
		st.src.stats.behind.Store(time.Now().UnixMilli() - st.tsUsec/1000)
	}
	st.src.stats.seen.Store(uint64(st.lastSeen))
	return b.finish(st.src.partition, &st.pos, !st.inTx)
}

// drain handles every message that is here; full tells that the batch has no room.
func (st *stream) drain(ctx context.Context, b *batch) (full bool, err error) {
	for {
		kind, body, ok := st.wire.next()
		if !ok {
			return false, nil
		}
		switch kind {
		case 'd':
			if full, err = st.copyData(ctx, b, body); full || err != nil {
				return full, err
			}
		case 'E':
			return false, serverError(body)
		case 'c', 'C', 'Z':
			return false, connector.Retriablef("the server ended the replication stream")
		}
	}
}

func (st *stream) copyData(ctx context.Context, b *batch, body []byte) (full bool, err error) {
	switch {
	case len(body) >= 25 && body[0] == 'w':
		lsn := LSN(binary.BigEndian.Uint64(body[1:]))
		msg := body[25:]
		// A batch ends between two LSNs, never inside one: Debezium's offset can not tell of less.
		if b.full() && lsn != st.pos.proc && len(msg) > 0 && isChange(msg[0]) {
			st.held, st.heldLSN = msg, lsn
			return true, nil
		}
		return false, st.message(ctx, b, msg, lsn)
	case len(body) >= 18 && body[0] == 'k':
		return false, st.keepalive(LSN(binary.BigEndian.Uint64(body[1:])), body[17] != 0)
	}
	return false, fmt.Errorf("the server sent an unknown replication message of %d bytes", len(body))
}

func isChange(kind byte) bool {
	return kind == 'I' || kind == 'U' || kind == 'D' || kind == 'T' || kind == 'M'
}

// keepalive notes how far the server is; between transactions everything before has been sent.
func (st *stream) keepalive(end LSN, reply bool) error {
	st.lastSeen = max(st.lastSeen, end)
	st.src.stats.seen.Store(uint64(st.lastSeen))
	if !st.inTx {
		st.seen = max(st.seen, end)
	}
	if reply {
		return st.keeper.send()
	}
	return nil
}

// idleMoved tells now and then, while no change comes, that the log has moved on: the slot of an idle or filtered database
// follows without a heartbeat table.
func (st *stream) idleMoved() bool {
	if st.until != 0 {
		return st.reached()
	}
	if st.resume.active && (st.resume.inside() || st.seen <= st.resume.from.proc) {
		return false // Invariant 3: the server may still be reading towards the commit of the transaction that was cut
	}
	if st.inTx || st.seen <= st.pos.commit || time.Since(st.seenAt) < st.src.cfg.StatusInterval {
		return false
	}
	st.seenAt = time.Now()
	st.pos.lsn, st.pos.proc, st.pos.commit, st.pos.kind, st.pos.events = st.seen, st.seen, st.seen, kindCommit, 0
	st.resume.active = false
	return true
}

// reached tells that everything before until has been read.
func (st *stream) reached() bool { return !st.inTx && st.seen >= st.until }

// beat adds a heartbeat record when it is time.
func (st *stream) beat(ctx context.Context, b *batch) {
	cfg := st.src.cfg
	if cfg.HeartbeatInterval <= 0 {
		return
	}
	now := time.Now()
	if now.Sub(st.lastBeat) < cfg.HeartbeatInterval {
		return
	}
	st.lastBeat = now
	b.add(st.src.heart.Record(now), 0, 0)
	if cfg.HeartbeatQuery != "" {
		if err := st.src.cat.exec(ctx, cfg.HeartbeatQuery); err != nil {
			st.src.task.Log.Warn("heartbeat.action.query failed", "error", err)
		}
	}
}

// message handles one message of pgoutput.
func (st *stream) message(ctx context.Context, b *batch, msg []byte, lsn LSN) error {
	kind, err := st.dec.Decode(msg)
	if err != nil {
		return connector.Fatalf("decoding the replication stream: %w", err)
	}
	switch kind {
	case pgoutput.KindInsert, pgoutput.KindUpdate, pgoutput.KindDelete:
		return st.change(b, kind, lsn, len(msg))
	case pgoutput.KindBegin:
		st.begin(&st.dec.Begin)
	case pgoutput.KindCommit:
		st.commit(lsn)
	case pgoutput.KindRelation:
		return st.relation(ctx, &st.dec.Relation)
	case pgoutput.KindTruncate:
		return st.truncate(b, lsn)
	case pgoutput.KindMessage:
		return st.logical(b, lsn)
	case pgoutput.KindOrigin:
		st.origin = record.String(st.dec.Origin.Name)
	}
	return nil
}

func (st *stream) begin(m *pgoutput.Begin) {
	st.inTx, st.xid, st.origin = true, m.XID, record.Null
	st.commitTime(m.CommitTime)
	st.sequence()
	st.resume.begin(m.XID)
}

func (st *stream) commitTime(us int64) {
	st.tsUsec = us
	st.ts = [3]record.Value{record.Int(us / 1000), record.Int(us), record.Int(us * 1000)}
}

// sequence prepares the part of source.sequence that a transaction's events share.
func (st *stream) sequence() {
	if st.lastSeq == 0 {
		st.seq = append(st.seq[:0], `[null,"`...)
		return
	}
	st.seq = append(strconv.AppendUint(append(st.seq[:0], `["`...), uint64(st.lastSeq), 10), `","`...)
}

func (st *stream) commit(lsn LSN) {
	st.inTx = false
	st.lastSeen = max(st.lastSeen, lsn)
	st.seen = max(st.seen, lsn)
	st.resume.end(lsn)
	st.lastSeq = lsn
	if st.resume.active && lsn < st.pos.proc {
		return // before the stored position, which never moves backwards
	}
	st.advance(lsn, kindCommit, int64(st.xid))
	st.pos.commit, st.pos.events = lsn, 0
}

// advance moves the position to an event.
func (st *stream) advance(lsn LSN, kind string, tx int64) {
	if st.pos.proc == lsn && st.pos.kind != kindCommit {
		st.pos.events++
	} else {
		st.pos.events = 1
	}
	st.pos.lsn, st.pos.proc, st.pos.kind, st.pos.txID, st.pos.tsUsec = lsn, lsn, kind, tx, st.tsUsec
}

func (st *stream) relation(ctx context.Context, rel *pgoutput.Relation) error {
	t, err := st.src.tables.ofRelation(ctx, rel)
	if err != nil {
		return err
	}
	st.tables[rel.ID] = t
	return nil
}

// sourceBlock makes the source block of an event.
func (st *stream) sourceBlock(t *[sourceFields]record.Value, lsn LSN) record.Value {
	v := st.slab.Values(sourceFields)
	copy(v, t[:])
	v[sourceTsMs], v[sourceTsUs], v[sourceTsNs] = st.ts[0], st.ts[1], st.ts[2]
	seq := append(strconv.AppendUint(append(st.slab.Buffer(64), st.seq...), uint64(lsn), 10), `"]`...)
	v[sourceSequence] = record.StringBytes(st.slab.Keep(seq))
	v[sourceTxID], v[sourceLSN], v[sourceOrigin] = record.Int(int64(st.xid)), record.Int(int64(lsn)), st.origin
	return record.Struct(v)
}

// change makes the records of an insert, update or delete.
func (st *stream) change(b *batch, kind pgoutput.Kind, lsn LSN, size int) error {
	if st.resume.stored(lsn) {
		return nil // the position counts it
	}
	name := st.kindName(kind)
	if err := st.records(b, kind, lsn, size); err != nil {
		st.bad = event{lsn, name}
		return err
	}
	st.advance(lsn, name, int64(st.xid))
	return nil
}

func (st *stream) records(b *batch, kind pgoutput.Kind, lsn LSN, size int) error {
	c := &st.dec.Change
	t, known := st.tables[c.Relation]
	if !known {
		return connector.Fatalf("the server sent a change of relation %d without describing it", c.Relation)
	}
	if t == nil {
		return nil
	}
	switch kind {
	case pgoutput.KindInsert:
		return st.insert(b, t, lsn, size)
	case pgoutput.KindUpdate:
		return st.update(b, t, lsn, size)
	}
	return st.remove(b, t, lsn, size)
}

func (st *stream) kindName(kind pgoutput.Kind) string {
	switch kind {
	case pgoutput.KindInsert:
		return kindInsert
	case pgoutput.KindUpdate:
		return kindUpdate
	}
	return kindDelete
}

func (st *stream) insert(b *batch, t *table, lsn LSN, size int) error {
	if st.src.cfg.Skips('c') {
		return nil
	}
	row, err := t.row(&st.slab, st.dec.Change.New, false, nil)
	if err != nil {
		return err
	}
	value := capture.NewEnvelope(&st.slab, record.Null, record.Struct(row), st.sourceBlock(&t.source, lsn), capture.OpCreate, &b.now)
	b.add(t.record(t.keyOf(&st.slab, row), value, st.src.headers), size, t.fields)
	return nil
}

func (st *stream) update(b *batch, t *table, lsn LSN, size int) error {
	c := &st.dec.Change
	var old []record.Value
	before := record.Null
	var err error
	if c.OldKind != 0 {
		if old, err = t.row(&st.slab, c.Old, true, nil); err != nil {
			return err
		}
		before = record.Struct(old)
	}
	toasted := old
	if c.OldKind != 'O' {
		toasted = nil // an old key has only the columns of the replica identity
	}
	row, err := t.row(&st.slab, c.New, false, toasted)
	if err != nil {
		return err
	}
	after := record.Struct(row)
	if st.src.cfg.SkipUnchanged && c.OldKind == 'O' && record.Equal(before, after) {
		return nil
	}
	if old != nil && len(t.key) > 0 && !t.sameKey(old, row) {
		return st.keyChange(b, t, lsn, size, old, row)
	}
	if st.src.cfg.Skips('u') {
		return nil
	}
	value := capture.NewEnvelope(&st.slab, before, after, st.sourceBlock(&t.source, lsn), capture.OpUpdate, &b.now)
	b.add(t.record(t.keyOf(&st.slab, row), value, st.src.headers), size, 2*t.fields)
	return nil
}

// keyChange is a delete and a tombstone under the old key and a create under the new one.
func (st *stream) keyChange(b *batch, t *table, lsn LSN, size int, old, row []record.Value) error {
	oldKey, newKey := t.keyOf(&st.slab, old), t.keyOf(&st.slab, row)
	src := st.sourceBlock(&t.source, lsn)
	with := func(name string, key record.Value) []record.Header {
		return append([]record.Header{{Key: name, Schema: t.Key, Value: key}}, st.src.headers...)
	}
	if !st.src.cfg.Skips('d') {
		gone := capture.NewEnvelope(&st.slab, record.Struct(old), record.Null, src, capture.OpDelete, &b.now)
		headers := with(capture.HeaderNewKey, newKey)
		b.add(t.record(oldKey, gone, headers), size, t.fields)
		st.tombstone(b, t, oldKey, headers)
	}
	if !st.src.cfg.Skips('c') {
		value := capture.NewEnvelope(&st.slab, record.Null, record.Struct(row), src, capture.OpCreate, &b.now)
		b.add(t.record(newKey, value, with(capture.HeaderOldKey, oldKey)), size, t.fields)
	}
	return nil
}

func (st *stream) remove(b *batch, t *table, lsn LSN, size int) error {
	if st.src.cfg.Skips('d') {
		return nil
	}
	old, err := t.row(&st.slab, st.dec.Change.Old, true, nil)
	if err != nil {
		return err
	}
	key := t.keyOf(&st.slab, old)
	value := capture.NewEnvelope(&st.slab, record.Struct(old), record.Null, st.sourceBlock(&t.source, lsn), capture.OpDelete, &b.now)
	b.add(t.record(key, value, st.src.headers), size, t.fields)
	st.tombstone(b, t, key, st.src.headers) // without a key too, as Debezium does
	return nil
}

func (st *stream) tombstone(b *batch, t *table, key record.Value, headers []record.Header) {
	if !st.src.cfg.Tombstones {
		return
	}
	r := t.record(key, record.Null, headers)
	r.ValueSchema = nil
	b.add(r, 0, 0)
}

func (st *stream) truncate(b *batch, lsn LSN) error {
	if st.resume.stored(lsn) {
		return nil
	}
	st.advance(lsn, kindTruncate, int64(st.xid))
	if st.src.cfg.Skips('t') {
		return nil
	}
	for _, id := range st.dec.Truncate.Relations {
		t := st.tables[id]
		if t == nil {
			continue
		}
		value := capture.NewEnvelope(&st.slab, record.Null, record.Null, st.sourceBlock(&t.source, lsn), capture.OpTruncate, &b.now)
		b.add(t.record(record.Null, value, st.src.headers), 0, 0)
	}
	return nil
}
