// Package frontier finds, per partition of the log, the offset up to which a sink task may commit: everything before it is
// durable in the target, dead-lettered and acknowledged, or was dropped on purpose.
//
// Guarantees: a record that was dropped before the sink, or after the last durable one, does not hold the offset back; a record that
// is neither durable nor acknowledged as a dead letter is never passed (Invariant 4). Memory grows with the runs of records that
// are not durable, two words each.
package frontier

import (
	"sync/atomic"

	"leat/record"
)

// Tracker follows the partitions of one task. One goroutine uses it, except for Hold.Release.
type Tracker struct{ parts map[record.Partition]*part }

type part struct {
	next  record.Offset // after the last record seen
	seen  bool
	runs  []run   // given to the sink and not known to be durable, in order
	holds []*Hold // dead letters on their way
	// open tells that the last record seen was given to the sink, so that the next given one extends the run.
	open bool
}

// run is records given to the sink one after the other, none dropped between them: from first up to before end.
type run struct{ first, end record.Offset }

// Hold keeps the frontier at one record until Release.
type Hold struct {
	offset   record.Offset
	released atomic.Bool
}

// Release tells that the record is taken care of. Any goroutine may call it.
func (h *Hold) Release() { h.released.Store(true) }

// New makes a tracker without partitions.
func New() *Tracker { return &Tracker{parts: map[record.Partition]*part{}} }

// Forget drops everything about partitions, which were gained anew or lost.
func (t *Tracker) Forget(parts []record.Partition) {
	for _, p := range parts {
		delete(t.parts, p)
	}
}

// Given tells that the record went to the sink. Records of a partition come in order of their offsets.
func (t *Tracker) Given(p record.Partition, o record.Offset) {
	s := t.part(p)
	if s.open {
		s.runs[len(s.runs)-1].end = o + 1
	} else {
		s.runs = append(s.runs, run{o, o + 1})
	}
	s.open, s.seen, s.next = true, true, o+1
}

// Dropped tells that the record does not go to the sink and needs nothing more.
func (t *Tracker) Dropped(p record.Partition, o record.Offset) {
	s := t.part(p)
	s.open, s.seen, s.next = false, true, o+1
}

// Hold keeps the frontier at or before the record, which was seen or is about to be, until the Hold is released.
func (t *Tracker) Hold(p record.Partition, o record.Offset) *Hold {
	h := &Hold{offset: o}
	s := t.part(p)
	s.holds = append(s.holds, h)
	return h
}

// Committable gives, per partition with a record seen, the offset to commit when the sink says what is durable.
func (t *Tracker) Committable(durable record.Offsets) record.Offsets {
	out := make(record.Offsets, len(t.parts))
	for p, s := range t.parts {
		if s.seen {
			out[p] = s.committable(durable[p])
		}
	}
	return out
}

// Pending counts the offsets between what Committable gave and what was seen.
func (t *Tracker) Pending(committable record.Offsets) int64 {
	var n int64
	for p, s := range t.parts {
		if at, ok := committable[p]; ok {
			n += int64(s.next - at)
		}
	}
	return n
}

func (s *part) committable(durable record.Offset) record.Offset {
	for len(s.runs) > 0 && s.runs[0].end <= durable {
		s.runs = s.runs[1:]
	}
	if len(s.runs) == 0 {
		s.runs, s.open = nil, false
	}
	at := s.next
	if len(s.runs) > 0 {
		at = max(s.runs[0].first, durable)
	}
	kept := s.holds[:0]
	for _, h := range s.holds {
		if h.released.Load() {
			continue
		}
		kept = append(kept, h)
		// Invariant 4: a dead letter counts only once the log has acknowledged it.
		at = min(at, h.offset)
	}
	clear(s.holds[len(kept):])
	s.holds = kept
	return at
}

func (t *Tracker) part(p record.Partition) *part {
	s := t.parts[p]
	if s == nil {
		s = &part{}
		t.parts[p] = s
	}
	return s
}
