// Package record is what travels: a Record with typed key and value, the batches it moves in, and the positions it came
// from. It holds types only and imports nothing of leat's but schema.
//
// A batch is immutable once handed on, is owned by the garbage collector and never pooled: a sink may keep it.
package record

import (
	"time"

	"leat/schema"
)

// Partition names one partition of a topic of the log.
type Partition struct {
	Topic string
	ID    int32
}

// AnyPartition lets the log choose a record's partition by its key, as Kafka's default partitioner does.
const AnyPartition int32 = -1

// NoTimestamp is the timestamp of a record that has none.
const NoTimestamp int64 = -1

// Offset is a position in a partition of the log; never an LSN or the like.
type Offset int64

// Offsets are positions by partition: everything before the offset is meant.
type Offsets map[Partition]Offset

// Header is a named value beside key and value.
type Header struct {
	Key    string
	Schema *schema.Schema
	Value  Value
}

// Record is a message on its way. Transforms may change any part but Origin, Offset and Raw; the Values it holds are never
// changed in place, but replaced.
type Record struct {
	Topic       string
	Partition   int32          // AnyPartition where the log chooses
	Timestamp   int64          // milliseconds since the epoch, or NoTimestamp
	KeySchema   *schema.Schema // nil: schemaless
	ValueSchema *schema.Schema // nil: schemaless
	Key         Value
	Value       Value // Null: a tombstone
	Headers     []Header

	// Of records that come from the log:
	Origin Partition // topic and partition as consumed, before any transform
	Offset Offset
	Raw    *Raw // the bytes as consumed, for dead letters; nil at a source
}

// Raw is a record as the log holds it.
type Raw struct {
	Key, Value []byte // nil is null
	Headers    []RawHeader
}

// RawHeader is a header as the log holds it.
type RawHeader struct {
	Key   string
	Value []byte
}

// SourceOffset is a position in one partition of an external log, in the shape that Kafka Connect stores: two maps, such as
// {"server":"pg"} and {"lsn":…}. A null Offset asks to forget the position.
type SourceOffset struct {
	Partition Value // KindMap
	Offset    Value // KindMap or null
}

// Batch is a run of records in log order.
type Batch struct {
	Records []Record
	// Offsets are, for a source, where to resume once all of Records are in the log; nil for a sink. A batch without records
	// may still move an offset (an idle slot).
	Offsets []SourceOffset
	// EndsTransaction tells that the last record ends a transaction of the source.
	EndsTransaction bool
	// Bytes is the approximate memory that the batch holds, for bounds.
	Bytes int64
	// CapturedAt is when the source read the newest record, for lag metrics; zero when unknown.
	CapturedAt time.Time
}
