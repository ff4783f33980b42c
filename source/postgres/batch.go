package postgres

import (
	"time"

	"leat/record"
	"leat/source/capture"
)

const (
	// batchBytes bounds a batch; one larger row is a batch of its own.
	batchBytes = 1 << 20
	// largeRow is the size from which a row is worth memory of its own. Invariant 8: small rows that share a block of the slab with large
	// ones would keep them alive long after they were counted as written.
	largeRow = 128 << 10
	// rowOverhead is the memory of a row beside its data and columns: record, envelope, source block.
	rowOverhead = 800
	valueBytes  = 24
)

// batch is a record.Batch in the making.
type batch struct {
	slab    *capture.Slab
	now     capture.Clock
	records []record.Record
	bytes   int64
	maxRows int
	limit   int64     // of bytes
	since   time.Time // of the first record
}

func newBatch(slab *capture.Slab, maxRows int, limit int64, expect int) *batch {
	return &batch{slab: slab, now: capture.Now(), maxRows: maxRows, limit: limit, records: make([]record.Record, 0, max(8, min(expect, maxRows+2)))}
}

// add appends a record that was made of so many bytes of the server's.
func (b *batch) add(r record.Record, data, fields int) {
	b.records = append(b.records, r)
	b.bytes += int64(data + fields*valueBytes + rowOverhead)
	if data >= largeRow {
		b.slab.Cut()
	}
}

func (b *batch) full() bool { return len(b.records) >= b.maxRows || b.bytes >= b.limit }

// batchLimit is the size of a batch where that many are held at once, by max.queue.size.in.bytes.
func batchLimit(queue int64, batches int) int64 {
	if queue <= 0 {
		return batchBytes
	}
	return max(1, min(batchBytes, queue/int64(batches)))
}

// renew gives up the slab after some batches. An envelope may refer to a row in the block before its own, whose first envelope
// refers to one before: without an end, the newest block would keep every older one alive.
func (b *batch) renew(used *int64) {
	if *used += b.bytes; *used >= batchBytes {
		*b.slab, *used = capture.Slab{}, 0
	}
}

// finish hands the records on.
func (b *batch) finish(part record.Value, p *position, endsTransaction bool) record.Batch {
	return record.Batch{
		Records: b.records, Bytes: b.bytes, EndsTransaction: endsTransaction, CapturedAt: time.Now(),
		Offsets: []record.SourceOffset{{Partition: part, Offset: p.offset()}},
	}
}
