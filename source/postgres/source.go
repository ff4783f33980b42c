package postgres

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
)

// source is one task. Read is the only one that touches what is not marked as shared.
type source struct {
	cfg        *Config
	task       connector.Task
	partition  record.Value
	headers    []record.Header
	cat        *catalog
	tables     *tables
	heart      *capture.Heartbeat
	version    int
	rangePages int64 // of the snapshot

	started bool
	pos     position // after the last batch that was returned
	snap    *snapshot
	stream  *stream
	done    bool // nothing to stream
	failed  int  // times in a row that Read failed with what may pass

	// Shared with Acked and gauges:
	confirmed atomic.Uint64 // LSN that the slot may be told
	mu        sync.Mutex    // guards live
	live      *stream
	stats     stats
}

// stats are read by gauges.
type stats struct {
	seen, from atomic.Uint64 // newest position of the server; what the slot had confirmed when streaming began
	behind     atomic.Int64  // ms between the newest event's commit and its reading
	rows       atomic.Int64  // of the snapshot
	tablesLeft atomic.Int64
	skipped    atomic.Int64 // bad records left out as configured
	events     atomic.Int64
}

// open prepares a task; Read connects.
func open(_ context.Context, cfg *Config, task connector.Task) (connector.Source, error) {
	s := &source{cfg: cfg, task: task, partition: partition(cfg.TopicPrefix), cat: &catalog{cfg: cfg}, rangePages: rangePages}
	s.headers = capture.ContextHeaders(&cfg.Config, pluginName, task.ID)
	var err error
	if s.tables, err = newTables(cfg, s.cat, task.Log); err != nil {
		return nil, connector.Fatalf("%w", err)
	}
	s.heart = capture.NewHeartbeat(&cfg.Config, s.tables.naming)
	if task.Gauge != nil {
		for name, v := range map[string]*atomic.Int64{
			"debezium_metrics_MilliSecondsBehindSource": &s.stats.behind,
			"debezium_metrics_TotalNumberOfEventsSeen":  &s.stats.events, "debezium_metrics_RemainingTableCount": &s.stats.tablesLeft,
			"debezium_metrics_NumberOfErroneousEvents": &s.stats.skipped,
		} {
			task.Gauge(name, func() float64 { return float64(v.Load()) })
		}
		task.Gauge("leat_source_lag_bytes", s.lag)
	}
	return s, nil
}

// lag is the bytes that the server has and the slot was not told of.
func (s *source) lag() float64 {
	seen, told := s.stats.seen.Load(), max(s.confirmed.Load(), s.stats.from.Load())
	return float64(max(seen, told) - told)
}

// Read gives the next batch of the snapshot or of the stream.
func (s *source) Read(ctx context.Context) (record.Batch, error) {
	b, err := s.read(ctx)
	for err != nil && connector.ClassOf(err) == connector.BadRecord && s.cfg.EventFailure != "fail" && s.cfg.EventFailure != "" {
		// Invariant 6: left out because event.processing.failure.handling.mode says so.
		s.stats.skipped.Add(1)
		if s.cfg.EventFailure == "warn" {
			s.task.Log.Warn("event left out", "error", err)
		}
		if err = nil; len(b.Records) == 0 {
			b, err = s.read(ctx)
		}
	}
	if err != nil && connector.ClassOf(err) == connector.Retriable && ctx.Err() == nil {
		s.lost()
		err = s.again(err)
	}
	if err == nil {
		s.failed = 0
		s.waiting("")
	}
	return b, err
}

// again tells whether an error that may pass is to be waited out once more: errors.max.retries bounds that.
func (s *source) again(err error) error {
	s.failed++
	if limit := s.cfg.MaxRetries; limit < 0 || s.failed <= limit {
		return err
	}
	return connector.Fatalf("given up after %d tries, as errors.max.retries says: %w", s.failed, err)
}

func (s *source) read(ctx context.Context) (record.Batch, error) {
	if !s.started {
		if err := s.start(ctx); err != nil {
			return record.Batch{}, err
		}
		s.started = true
	}
	if s.snap != nil {
		if s.snap.after != 0 {
			return s.catchUp(ctx)
		}
		b, more, err := s.snap.next(ctx)
		if err != nil && connector.ClassOf(err) != connector.BadRecord {
			return record.Batch{}, err
		}
		if !more {
			s.endSnapshot(ctx)
		}
		return b, err
	}
	if s.done {
		<-ctx.Done()
		return record.Batch{}, ctx.Err()
	}
	if s.stream == nil {
		if err := s.startStream(ctx); err != nil {
			return record.Batch{}, err
		}
	}
	return s.stream.next(ctx)
}

func (s *source) waiting(reason string) {
	if s.task.Waiting != nil {
		s.task.Waiting(reason)
	}
}

// lost gives up the connections after an error that may pass; the next Read begins behind the last batch.
func (s *source) lost() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.snap != nil {
		s.snap.close(ctx)
		s.snap, s.started = nil, false // the exported snapshot is gone with its connection
	}
	s.dropStream()
	s.cat.close(ctx)
}

func (s *source) dropStream() {
	if s.stream == nil {
		return
	}
	s.mu.Lock()
	s.live = nil
	s.mu.Unlock()
	s.stream.close()
	s.stream = nil
}

// start decides between snapshot and stream.
func (s *source) start(ctx context.Context) error {
	s.waiting(fmt.Sprintf("connecting to PostgreSQL at %s:%d", s.cfg.Hostname, s.cfg.Port))
	version, err := s.cat.serverVersion(ctx)
	if err != nil {
		return err
	}
	if s.version = version; version < 130000 {
		return connector.Fatalf("the server is PostgreSQL %d; leat needs 13 or newer", version/10000)
	}
	pos, stored, err := s.storedPosition(ctx)
	if err != nil {
		return err
	}
	slot, err := s.cat.slot(ctx)
	if err != nil {
		return err
	}
	want, err := s.wants(ctx, &pos, stored, slot)
	if err != nil {
		return err
	}
	s.done = !want.stream
	if want.newSlot {
		if err := s.dropSlot(ctx); err != nil {
			return err
		}
		slot = nil
	}
	pub := &publicationState{ViaRoot: s.cfg.ViaPartitionRoot}
	if want.stream {
		if pub, err = s.cat.preparePublication(ctx, s.tables.captured); err != nil {
			return err
		}
		if err := s.cat.setIdentities(ctx, s.tables.captured); err != nil {
			return err
		}
	}
	if !want.snapshot && (slot != nil || !want.stream) {
		s.pos = pos
		if !stored && slot != nil {
			s.pos = position{lsn: slot.Confirmed, commit: slot.Confirmed, kind: kindCommit, proc: slot.Confirmed}
		}
		return nil
	}
	var from LSN
	if want.stream && slot != nil && slot.Active {
		// Hours of a snapshot would be for nothing if another reader keeps the slot.
		if slot, err = s.freeSlot(ctx); err != nil {
			return err
		}
	}
	if want.stream && slot != nil {
		if from = slot.Confirmed; stored && !pos.inSnapshot() {
			from = max(from, pos.start())
		}
	}
	return s.begin(ctx, want, from, pub != nil && pub.ViaRoot)
}

// begin makes the slot where it is missing (from is 0) and starts the snapshot, if one is wanted, at the slot's consistent point.
func (s *source) begin(ctx context.Context, want plan, from LSN, viaRoot bool) error {
	if want.snapshot && s.cfg.SnapshotDelay > 0 {
		if err := pause(ctx, s.cfg.SnapshotDelay); err != nil {
			return err
		}
	}
	var holder *pgHolder
	var point created
	if want.stream {
		conn, err := s.cfg.replicationConn(ctx)
		if err != nil {
			return err
		}
		holder = &pgHolder{conn}
		name, temporary := s.cfg.Slot, false
		if from != 0 {
			// The slot is older than the snapshot. A temporary one exports a snapshot with its position.
			name, temporary = fmt.Sprintf("leat_snapshot_%d", conn.PID()), true
		}
		if point, err = createSlot(ctx, conn, s.cfg, name, temporary, s.version); err != nil {
			holder.close(ctx)
			return err
		}
	}
	if !want.snapshot {
		holder.close(ctx)
		s.pos = position{lsn: point.lsn}
		return nil
	}
	snap, err := newSnapshot(ctx, s, point, holder, viaRoot)
	if err != nil {
		holder.close(ctx)
		return err
	}
	if from != 0 && from < snap.pos.lsn {
		snap.after = from
	} else {
		snap.start()
	}
	s.snap = snap
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// plan is what a start does.
type plan struct {
	snapshot, stream bool
	newSlot          bool // the slot is of no use any more
}

// wants reads snapshot.mode together with what is there.
func (s *source) wants(ctx context.Context, pos *position, stored bool, slot *slotState) (plan, error) {
	mode := s.cfg.SnapshotMode
	complete := stored && !pos.inSnapshot()
	p := plan{stream: true}
	switch mode {
	case capture.SnapshotAlways:
		p.snapshot = true
	case capture.SnapshotInitial, capture.SnapshotWhenNeeded:
		p.snapshot = !complete
	case capture.SnapshotInitialOnly:
		p.snapshot, p.stream = !complete, false
	case capture.SnapshotNoData:
	case capture.SnapshotConfigurationBased:
		p.snapshot, p.stream = s.cfg.SnapshotData && !complete, s.cfg.SnapshotStream
	}
	if !p.stream {
		return p, nil
	}
	if slot != nil {
		if slot.Status == "lost" && mode == capture.SnapshotWhenNeeded {
			s.task.Log.Warn("the server has removed log that the slot needed; making the slot again and reading the tables again", "slot", s.cfg.Slot)
			return plan{snapshot: true, stream: true, newSlot: true}, nil
		}
		if err := slot.usable(s.cfg); err != nil {
			return p, err
		}
	}
	if p.snapshot || !stored {
		return p, nil
	}
	err := s.checkPosition(ctx, pos, slot)
	if err != nil && (mode == capture.SnapshotWhenNeeded || mode == capture.SnapshotConfigurationBased && s.cfg.SnapshotOnDataError) && connector.ClassOf(err) == connector.Fatal {
		s.task.Log.Warn("the stored offset can not be resumed from; reading the tables again", "reason", err)
		p.snapshot = true
		return p, nil
	}
	return p, err
}

// checkPosition refuses to stream where changes would be missing.
func (s *source) checkPosition(ctx context.Context, pos *position, slot *slotState) error {
	if slot == nil {
		return connector.Fatalf("replication slot %q does not exist, but an offset at %s is stored: the changes since then are gone with the slot", s.cfg.Slot, pos.start()).
			WithHint("Reset this connector's offsets for a new snapshot, or set snapshot.mode=when_needed")
	}
	if err := slot.checkFit(s.cfg, pos); err != nil {
		return err
	}
	var current string
	if err := s.cat.one(ctx, []any{&current}, "SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text"); err != nil {
		return err
	}
	now, err := parseLSN(current)
	if err == nil && pos.start() > now {
		return connector.Fatalf("the stored offset %s lies beyond the end of the server's log, %s: this is another server, or it was restored from a backup", pos.start(), now).
			WithHint("Reset this connector's offsets for a new snapshot, or set snapshot.mode=when_needed")
	}
	return err
}

// storedPosition is what this task has returned so far, or what the worker has stored.
func (s *source) storedPosition(ctx context.Context) (position, bool, error) {
	if s.pos.lsn != 0 {
		return s.pos, true, nil
	}
	if s.task.StoredOffset == nil {
		return position{}, false, nil
	}
	v, err := s.task.StoredOffset(ctx, s.partition)
	if err != nil {
		return position{}, false, err
	}
	pos, ok := parsePosition(v)
	return pos, ok, nil
}

// endSnapshot turns from the snapshot to the stream.
func (s *source) endSnapshot(ctx context.Context) {
	s.pos = s.snap.final()
	s.snap.close(ctx)
	s.snap = nil
	s.cat.forgetTypes()
}

// freeSlot waits until nobody else reads the slot; nil when there is none. The pauses grow to slot.retry.delay.ms, and after
// slot.max.retries such pauses it is an error.
func (s *source) freeSlot(ctx context.Context) (*slotState, error) {
	longest := s.cfg.SlotRetryDelay
	patience := float64(longest) * float64(s.cfg.SlotRetries)
	waited := time.Duration(0)
	for wait := min(100*time.Millisecond, longest); ; wait = min(2*wait, longest) {
		slot, err := s.cat.slot(ctx)
		if err != nil || slot == nil {
			return nil, err
		}
		if err := slot.usable(s.cfg); err != nil || !slot.Active {
			return slot, err
		}
		busy := connector.Retriablef("replication slot %q is in use by the server process %d", s.cfg.Slot, slot.PID).
			WithHint("Stop the other reader, or give this connector another slot.name")
		s.waiting(busy.Error())
		if float64(waited) >= patience {
			return nil, busy
		}
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
		waited += wait
	}
}

// startStream connects the stream behind the last position.
func (s *source) startStream(ctx context.Context) error {
	if s.pos.completed && s.cfg.StreamingDelay > 0 {
		if err := pause(ctx, s.cfg.StreamingDelay); err != nil {
			return err
		}
	}
	slot, err := s.freeSlot(ctx)
	if err != nil {
		return err
	}
	if err := s.checkPosition(ctx, &s.pos, slot); err != nil {
		return err
	}
	if slot != nil {
		s.stats.from.Store(uint64(slot.Confirmed))
	}
	st, err := openStream(ctx, s, s.pos)
	if err != nil {
		return err
	}
	s.stream = st
	s.mu.Lock()
	s.live = st
	s.mu.Unlock()
	return nil
}

// catchUp tells, before a snapshot, what was deleted since the slot's position.
//
// Invariant 1: rows of an earlier snapshot that did not end may be in the log. What was deleted since then this snapshot can not
// tell, but the slot does. Other changes are left out: the rows that they left are in the snapshot.
func (s *source) catchUp(ctx context.Context) (record.Batch, error) {
	if s.stream == nil {
		if _, err := s.freeSlot(ctx); err != nil {
			return record.Batch{}, err
		}
		st, err := openStream(ctx, s, position{lsn: s.snap.after})
		if err != nil {
			return record.Batch{}, err
		}
		st.until = s.snap.pos.lsn
		s.stream = st
	}
	b, err := s.stream.next(ctx)
	s.pos = position{} // still before the snapshot
	if len(b.Offsets) == 0 {
		return b, err
	}
	b.Records = slices.DeleteFunc(b.Records, func(r record.Record) bool { return !capture.Removes(&r) })
	b.Offsets[0].Offset, b.EndsTransaction = s.snap.pos.offset(), false
	if err == nil && s.stream.reached() {
		s.dropStream()
		s.snap.after = 0
		s.snap.start()
	}
	return b, err
}

// Acked lets the slot go on.
//
// Invariant 2: only what the log holds, offset included, is confirmed upstream.
func (s *source) Acked(_ context.Context, offsets []record.SourceOffset) error {
	if !s.cfg.FlushLSN || s.cfg.FlushMode == "manual" || len(offsets) == 0 {
		return nil
	}
	p, ok := parsePosition(offsets[len(offsets)-1].Offset)
	if !ok {
		return nil
	}
	lsn := p.confirmable()
	if lsn == 0 || uint64(lsn) <= s.confirmed.Load() {
		return nil
	}
	s.confirmed.Store(uint64(lsn))
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if live != nil {
		live.wake()
	}
	return nil
}

// Close ends the task; the slot stays, unless slot.drop.on.stop is set.
func (s *source) Close(ctx context.Context) error {
	if s.snap != nil {
		s.snap.close(ctx)
		s.snap = nil
	}
	if s.stream != nil {
		s.stream.farewell()
	}
	s.dropStream()
	var err error
	if s.cfg.DropSlot && s.started {
		err = s.dropSlot(ctx)
	}
	s.cat.close(ctx)
	return err
}

// dropSlot waits for the server to see that the stream has ended.
func (s *source) dropSlot(ctx context.Context) error {
	for {
		err := s.cat.exec(ctx, "SELECT pg_drop_replication_slot("+quoteLiteral(s.cfg.Slot)+")")
		err = classify(err, "dropping replication slot "+s.cfg.Slot)
		if err == nil || connector.ClassOf(err) != connector.Retriable {
			return err
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}

// threads is how many workers read the snapshot.
func (s *source) threads() int {
	if n := s.cfg.SnapshotThreads; n != nil {
		return *n
	}
	return min(4, runtime.GOMAXPROCS(0))
}
