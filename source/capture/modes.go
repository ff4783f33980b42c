package capture

import "leat/config"

// word parses an enumeration.
func word[T ~string](dst *T, text []byte, words []string) error {
	w, err := config.Word(string(text), words)
	*dst = T(w)
	return err
}

// DecimalMode is decimal.handling.mode.
type DecimalMode string

// The decimal modes.
const (
	DecimalPrecise DecimalMode = "precise"
	DecimalDouble  DecimalMode = "double"
	DecimalString  DecimalMode = "string"
)

// Words lists the modes.
func (DecimalMode) Words() []string { return []string{"precise", "double", "string"} }

// UnmarshalText reads a mode.
func (m *DecimalMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// BinaryMode is binary.handling.mode.
type BinaryMode string

// The binary modes.
const (
	BinaryBytes         BinaryMode = "bytes"
	BinaryBase64        BinaryMode = "base64"
	BinaryBase64URLSafe BinaryMode = "base64-url-safe"
	BinaryHex           BinaryMode = "hex"
)

// Words lists the modes.
func (BinaryMode) Words() []string { return []string{"bytes", "base64", "base64-url-safe", "hex"} }

// UnmarshalText reads a mode.
func (m *BinaryMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// TimeMode is time.precision.mode.
type TimeMode string

// The time modes.
const (
	TimeAdaptive       TimeMode = "adaptive"
	TimeAdaptiveMicros TimeMode = "adaptive_time_microseconds"
	TimeConnect        TimeMode = "connect"
	TimeISOString      TimeMode = "isostring"
	TimeMicros         TimeMode = "microseconds"
	TimeNanos          TimeMode = "nanoseconds"
)

// Words lists the modes.
func (TimeMode) Words() []string {
	return []string{"adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds"}
}

// UnmarshalText reads a mode.
func (m *TimeMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// NameAdjustment is schema.name.adjustment.mode and field.name.adjustment.mode.
type NameAdjustment string

// The adjustments.
const (
	AdjustNone        NameAdjustment = "none"
	AdjustAvro        NameAdjustment = "avro"
	AdjustAvroUnicode NameAdjustment = "avro_unicode"
)

// Words lists the adjustments.
func (NameAdjustment) Words() []string { return []string{"none", "avro", "avro_unicode"} }

// UnmarshalText reads an adjustment.
func (m *NameAdjustment) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// SnapshotMode is snapshot.mode. `never` is the old name of no_data.
type SnapshotMode string

// The snapshot modes.
const (
	SnapshotAlways             SnapshotMode = "always"
	SnapshotInitial            SnapshotMode = "initial"
	SnapshotInitialOnly        SnapshotMode = "initial_only"
	SnapshotNoData             SnapshotMode = "no_data"
	SnapshotWhenNeeded         SnapshotMode = "when_needed"
	SnapshotConfigurationBased SnapshotMode = "configuration_based"
	SnapshotCustom             SnapshotMode = "custom"
)

// Words lists the modes.
func (SnapshotMode) Words() []string {
	return []string{"always", "initial", "initial_only", "no_data", "when_needed", "configuration_based", "custom"}
}

// UnmarshalText reads a mode.
func (m *SnapshotMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// LockingMode is snapshot.locking.mode.
type LockingMode string

// The locking modes.
const (
	LockNone   LockingMode = "none"
	LockShared LockingMode = "shared"
	LockCustom LockingMode = "custom"
)

// Words lists the modes.
func (LockingMode) Words() []string { return []string{"none", "shared", "custom"} }

// UnmarshalText reads a mode.
func (m *LockingMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// IsolationMode is snapshot.isolation.mode.
type IsolationMode string

// Words lists the modes.
func (IsolationMode) Words() []string {
	return []string{"serializable", "repeatable_read", "read_committed", "read_uncommitted"}
}

// UnmarshalText reads a mode.
func (m *IsolationMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// FailureMode is event.processing.failure.handling.mode.
type FailureMode string

// Words lists the modes.
func (FailureMode) Words() []string { return []string{"fail", "warn", "skip", "ignore"} }

// UnmarshalText reads a mode.
func (m *FailureMode) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }
