package postgres

import (
	"leat/record"
	"leat/source/postgres/pgoutput"
)

// LSN is a position in the write-ahead log.
type LSN = pgoutput.LSN

// position is how far the source has read, in the terms of Debezium's offset.
type position struct {
	lsn    LSN    // of the last event
	proc   LSN    // of the last event that was handled completely
	commit LSN    // end of the last transaction; 0 while there was none
	events int64  // changes handled at proc, which several may share (COPY)
	txID   int64  // of the last event, 0 for none
	tsUsec int64  // commit time of the last event, 0 for none
	kind   string // of the last message: INSERT, UPDATE, DELETE, TRUNCATE, MESSAGE, COMMIT; "" for none

	snapshot  string // INITIAL while and right after a snapshot
	completed bool   // the snapshot is
}

// The keys of an offset.
const (
	keyServer, keyLSN, keyProc, keyCommit, keyEvents = "server", "lsn", "lsn_proc", "lsn_commit", "lsn_events_processed"
	keyTx, keyUsec, keyKind                          = "txId", "ts_usec", "messageType"
	keySnapshot, keyLastSnapshotRecord, keyCompleted = "snapshot", "last_snapshot_record", "snapshot_completed"
	kindCommit, kindMessage                          = "COMMIT", "MESSAGE"
	kindInsert, kindUpdate, kindDelete, kindTruncate = "INSERT", "UPDATE", "DELETE", "TRUNCATE"
)

// partition is the source partition of a prefix.
func partition(prefix string) record.Value {
	return record.Map([]record.Entry{{Key: record.String(keyServer), Value: record.String(prefix)}})
}

// offset writes the position as Debezium does.
func (p *position) offset() record.Value {
	entries := make([]record.Entry, 0, 8)
	add := func(key string, v record.Value) {
		entries = append(entries, record.Entry{Key: record.String(key), Value: v})
	}
	if p.snapshot != "" {
		add(keyLastSnapshotRecord, record.Bool(p.completed))
	}
	if p.proc != 0 {
		add(keyProc, record.Int(int64(p.proc)))
	}
	if p.kind != "" {
		add(keyKind, record.String(p.kind))
	}
	if p.commit != 0 {
		add(keyCommit, record.Int(int64(p.commit)))
	}
	add(keyLSN, record.Int(int64(p.lsn)))
	if p.txID != 0 {
		add(keyTx, record.Int(p.txID))
	}
	if p.tsUsec != 0 {
		add(keyUsec, record.Int(p.tsUsec))
	}
	if p.events > 0 {
		add(keyEvents, record.Int(p.events))
	}
	if p.snapshot != "" {
		add(keySnapshot, record.String(p.snapshot))
		add(keyCompleted, record.Bool(p.completed))
	}
	return record.Map(entries)
}

// parsePosition reads an offset, of ours or of Debezium's; ok is false for none.
func parsePosition(v record.Value) (p position, ok bool) {
	if v.Kind() != record.KindMap {
		return p, false
	}
	num := func(key string) int64 {
		if e, found := v.Lookup(key); found && e.Kind() == record.KindInt {
			return e.Int()
		}
		return 0
	}
	p.lsn, p.proc, p.commit = LSN(num(keyLSN)), LSN(num(keyProc)), LSN(num(keyCommit))
	p.events, p.txID, p.tsUsec = num(keyEvents), num(keyTx), num(keyUsec)
	if e, found := v.Lookup(keyKind); found && e.Kind() == record.KindString {
		p.kind = e.Str()
	}
	truth := func(key string) bool {
		e, found := v.Lookup(key)
		return found && (e.Kind() == record.KindBool && e.Bool() || e.Kind() == record.KindString && e.Str() == "true")
	}
	if e, found := v.Lookup(keySnapshot); found {
		// Debezium 2 wrote true, 3 writes the kind of snapshot.
		if e.Kind() == record.KindString && e.Str() != "false" || e.Kind() == record.KindBool && e.Bool() {
			p.snapshot = "INITIAL"
		}
	}
	p.completed = truth(keyCompleted) || truth(keyLastSnapshotRecord)
	return p, p.lsn != 0
}

// inSnapshot tells whether the position lies within a snapshot that did not end.
func (p *position) inSnapshot() bool { return p.snapshot != "" && !p.completed }

// start is where streaming goes on: the server sends whole transactions that committed at or after it.
func (p *position) start() LSN {
	switch {
	case p.commit != 0:
		return p.commit
	case p.proc != 0:
		return p.proc
	}
	return p.lsn
}

// confirmable is what the slot may be told once the position is stored: the last transaction that is stored completely.
func (p *position) confirmable() LSN {
	switch {
	case p.inSnapshot():
		return 0
	case p.commit != 0:
		return p.commit
	case p.proc == 0:
		return p.lsn // right after a snapshot
	}
	return 0
}

// resume skips what a stored position has already, once, at the beginning of a stream.
type resume struct {
	from   position
	active bool
	within bool  // the current transaction is the one that was cut
	skip   int64 // events at from.proc still to be skipped
}

func newResume(from position) resume {
	r := resume{from: from, active: true}
	r.skip = max(from.events, 1)
	return r
}

// begin looks at a transaction: is it the one that the position lies in? It is the first that is sent, and its id is stored.
func (r *resume) begin(xid uint32) {
	if !r.active {
		return
	}
	r.within = r.inside() && r.from.txID == int64(xid)
}

// inside tells whether the position lies within a transaction.
func (r *resume) inside() bool {
	return r.from.proc != 0 && r.from.kind != "" && r.from.kind != kindCommit && r.from.kind != kindMessage
}

// stored tells whether an event of the current transaction is stored already.
//
// Invariant 3: a restart inside a transaction neither skips nor repeats events. Those that share one LSN are counted; an
// offset of Debezium without the count has at least the first.
func (r *resume) stored(lsn LSN) bool {
	if !r.active || !r.within {
		return false
	}
	switch {
	case lsn < r.from.proc:
		return true
	case lsn == r.from.proc && r.skip > 0:
		r.skip--
		return true
	}
	return false
}

// storedMessage tells whether a message outside of transactions is stored already.
func (r *resume) storedMessage(lsn LSN) bool {
	return r.active && (lsn < r.from.start() || lsn == r.from.proc && r.from.kind == kindMessage)
}

// end is called at a transaction's end: once it lies behind the position, nothing more is stored.
func (r *resume) end(end LSN) {
	if r.within || end > r.from.proc {
		r.active = false
	}
}
