package dialect

import (
	"strconv"
	"strings"

	"leat/schema"
)

// meaning is what a schema says of its values, with the spelling of the several time types taken away.
type meaning uint8

const (
	mUnknown meaning = iota
	mInt
	mFloat
	mBool
	mText
	mBytes
	mDecimal
	mVarDecimal
	mDate         // days since the epoch
	mTime         // since midnight
	mTimestamp    // since the epoch, no zone
	mZonedStamp   // text with offset
	mZonedTime    // text with offset
	mInterval     // text, ISO 8601
	mDuration     // µs or ns
	mBits         // little-endian
	mJSON         // text
	mUUID         // text
	mPoint        // struct with x, y
	mGeometry     // struct with wkb
	mVector       // array of floats
	mSparseVector // struct
	mArray
	mMap
	mStruct
)

// kindOf is a schema's meaning and, for times and durations, its units per second.
type kindOf struct {
	meaning meaning
	perSec  int64
}

var byName = map[string]kindOf{
	schema.DecimalName: {mDecimal, 0}, schema.DateName: {mDate, 0}, schema.TimeName: {mTime, 1e3}, schema.TimestampName: {mTimestamp, 1e3},
	schema.DebeziumDate: {mDate, 0}, schema.DebeziumTime: {mTime, 1e3}, schema.DebeziumMicroTime: {mTime, 1e6}, schema.DebeziumNanoTime: {mTime, 1e9},
	schema.DebeziumTimestamp: {mTimestamp, 1e3}, schema.DebeziumMicroTimestamp: {mTimestamp, 1e6}, schema.DebeziumNanoTimestamp: {mTimestamp, 1e9},
	schema.DebeziumZonedTimestamp: {mZonedStamp, 0}, schema.DebeziumZonedTime: {mZonedTime, 0},
	schema.DebeziumMicroDuration: {mDuration, 1e6}, schema.DebeziumNanoDuration: {mDuration, 1e9}, schema.DebeziumInterval: {mInterval, 0},
	schema.DebeziumBits: {mBits, 0}, schema.DebeziumJSON: {mJSON, 0}, schema.DebeziumUUID: {mUUID, 0}, schema.DebeziumVariableScale: {mVarDecimal, 0},
	schema.DebeziumPoint: {mPoint, 0}, schema.DebeziumGeometry: {mGeometry, 0}, schema.DebeziumGeography: {mGeometry, 0},
	"io.debezium.data.DoubleVector": {mVector, 0}, "io.debezium.data.FloatVector": {mVector, 0}, "io.debezium.data.SparseDoubleVector": {mSparseVector, 0},
}

func meaningOf(s *schema.Schema) kindOf {
	if s == nil {
		return kindOf{}
	}
	if k, ok := byName[s.Name()]; ok && fits(k.meaning, s.Type()) {
		return k
	}
	switch s.Type() {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		return kindOf{meaning: mInt}
	case schema.Float32, schema.Float64:
		return kindOf{meaning: mFloat}
	case schema.Boolean:
		return kindOf{meaning: mBool}
	case schema.String:
		return kindOf{meaning: mText}
	case schema.Bytes:
		return kindOf{meaning: mBytes}
	case schema.Array:
		return kindOf{meaning: mArray}
	case schema.Map:
		return kindOf{meaning: mMap}
	case schema.Struct:
		return kindOf{meaning: mStruct}
	}
	return kindOf{}
}

// fits keeps a name that was put on another physical type (a transform that casts and forgets the name) from misleading.
func fits(m meaning, t schema.Type) bool {
	switch m {
	case mDate, mTime, mTimestamp, mDuration:
		return t == schema.Int32 || t == schema.Int64
	case mZonedStamp, mZonedTime, mInterval, mJSON, mUUID:
		return t == schema.String
	case mDecimal, mBits:
		return t == schema.Bytes
	case mVector:
		return t == schema.Array
	}
	return t == schema.Struct
}

// sourceType is the type of the column that the value came from, in upper case, "" when the source does not tell.
func sourceType(s *schema.Schema) string {
	v, _ := s.Param("__debezium.source.column.type")
	return strings.ToUpper(v)
}

func intParam(s *schema.Schema, name string) int {
	v, _ := s.Param(name)
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0
	}
	return n
}
