package schema

import "strconv"

// Names of Kafka Connect's own logical types (org.apache.kafka.connect.data).
const (
	DecimalName   = "org.apache.kafka.connect.data.Decimal"   // bytes: big-endian two's complement, parameter scale
	DateName      = "org.apache.kafka.connect.data.Date"      // int32: days since the epoch
	TimeName      = "org.apache.kafka.connect.data.Time"      // int32: milliseconds since midnight
	TimestampName = "org.apache.kafka.connect.data.Timestamp" // int64: milliseconds since the epoch
)

// Names of Debezium's semantic types, each with version 1; units are told in the comment.
const (
	DebeziumDate           = "io.debezium.time.Date"           // int32: days since the epoch
	DebeziumTime           = "io.debezium.time.Time"           // int32: ms since midnight
	DebeziumMicroTime      = "io.debezium.time.MicroTime"      // int64: µs since midnight
	DebeziumNanoTime       = "io.debezium.time.NanoTime"       // int64: ns since midnight
	DebeziumTimestamp      = "io.debezium.time.Timestamp"      // int64: ms since the epoch, no zone
	DebeziumMicroTimestamp = "io.debezium.time.MicroTimestamp" // int64: µs since the epoch, no zone
	DebeziumNanoTimestamp  = "io.debezium.time.NanoTimestamp"  // int64: ns since the epoch, no zone
	DebeziumZonedTimestamp = "io.debezium.time.ZonedTimestamp" // string: ISO 8601 with offset
	DebeziumZonedTime      = "io.debezium.time.ZonedTime"      // string: ISO 8601 with offset
	DebeziumMicroDuration  = "io.debezium.time.MicroDuration"  // int64: µs, approximate
	DebeziumNanoDuration   = "io.debezium.time.NanoDuration"   // int64: ns, approximate
	DebeziumInterval       = "io.debezium.time.Interval"       // string: ISO 8601 duration
	DebeziumIsoDate        = "io.debezium.time.IsoDate"        // string
	DebeziumIsoTime        = "io.debezium.time.IsoTime"        // string
	DebeziumIsoTimestamp   = "io.debezium.time.IsoTimestamp"   // string
	DebeziumYear           = "io.debezium.time.Year"           // int32
	DebeziumBits           = "io.debezium.data.Bits"           // bytes: little-endian, parameter length
	DebeziumEnum           = "io.debezium.data.Enum"           // string, parameter allowed
	DebeziumEnumSet        = "io.debezium.data.EnumSet"        // string, parameter allowed
	DebeziumJSON           = "io.debezium.data.Json"           // string
	DebeziumUUID           = "io.debezium.data.Uuid"           // string
	DebeziumXML            = "io.debezium.data.Xml"            // string
	DebeziumLtree          = "io.debezium.data.Ltree"          // string
	DebeziumTsvector       = "io.debezium.data.Tsvector"       // string
	DebeziumVariableScale  = "io.debezium.data.VariableScaleDecimal"
	DebeziumPoint          = "io.debezium.data.geometry.Point"
	DebeziumGeometry       = "io.debezium.data.geometry.Geometry"
	DebeziumGeography      = "io.debezium.data.geometry.Geography"
)

// NewDecimal builds Kafka Connect's Decimal with a scale, and with its precision as `connect.decimal.precision` when that is
// above 0.
func NewDecimal(scale, precision int, opts ...Option) *Schema {
	base := []Option{Named(DecimalName), Version(1), With("scale", strconv.Itoa(scale))}
	if precision > 0 {
		base = append(base, With("connect.decimal.precision", strconv.Itoa(precision)))
	}
	return New(Bytes, append(base, opts...)...)
}

// Semantic builds one of Debezium's semantic types: name, version 1.
func Semantic(t Type, name string, opts ...Option) *Schema {
	return New(t, append([]Option{Named(name), Version(1)}, opts...)...)
}
