package sql

import (
	"fmt"
	"slices"
	"strings"
)

// InsertMode is how rows are written.
type InsertMode string

// The insert modes.
const (
	InsertModeInsert InsertMode = "insert"
	InsertModeUpsert InsertMode = "upsert"
	InsertModeUpdate InsertMode = "update"
)

// PrimaryKeyMode is where the primary key comes from.
type PrimaryKeyMode string

// The primary key modes.
const (
	PKNone         PrimaryKeyMode = "none"
	PKKafka        PrimaryKeyMode = "kafka"
	PKRecordKey    PrimaryKeyMode = "record_key"
	PKRecordValue  PrimaryKeyMode = "record_value"
	PKRecordHeader PrimaryKeyMode = "record_header"
)

// word reads one of words, all in lower or all in upper case.
func word(text []byte, words []string) (string, error) {
	s := string(text)
	if s == strings.ToUpper(s) {
		s = strings.ToLower(s)
	}
	if slices.Contains(words, s) {
		return s, nil
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(words, ", "))
}

// Words lists the modes.
func (InsertMode) Words() []string { return []string{"insert", "upsert", "update"} }

// UnmarshalText reads a mode.
func (m *InsertMode) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = InsertMode(s)
	return err
}

// Words lists the modes.
func (PrimaryKeyMode) Words() []string {
	return []string{"none", "kafka", "record_key", "record_value", "record_header"}
}

// UnmarshalText reads a mode.
func (m *PrimaryKeyMode) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = PrimaryKeyMode(s)
	return err
}

// SchemaEvolution is whether tables are made and altered.
type SchemaEvolution string

// Words lists the modes.
func (SchemaEvolution) Words() []string { return []string{"none", "basic"} }

// UnmarshalText reads a mode.
func (m *SchemaEvolution) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = SchemaEvolution(s)
	return err
}

// Quoting is whether identifiers are quoted, in Confluent's words.
type Quoting string

// Words lists the words.
func (Quoting) Words() []string { return []string{"always", "never"} }

// UnmarshalText reads a word.
func (m *Quoting) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = Quoting(s)
	return err
}

// DateZone is the zone that dates are read in.
type DateZone string

// Words lists the words.
func (DateZone) Words() []string { return []string{"db_timezone", "utc"} }

// UnmarshalText reads a word.
func (m *DateZone) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = DateZone(s)
	return err
}

// CalendarSystem is the calendar of old dates.
type CalendarSystem string

// Words lists the words.
func (CalendarSystem) Words() []string { return []string{"legacy", "proleptic_gregorian"} }

// UnmarshalText reads a word.
func (m *CalendarSystem) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = CalendarSystem(s)
	return err
}

// StampPrecision is the unit of timestamp.fields.list.
type StampPrecision string

// Words lists the words.
func (StampPrecision) Words() []string { return []string{"microseconds", "nanoseconds"} }

// UnmarshalText reads a word.
func (m *StampPrecision) UnmarshalText(b []byte) error {
	s, err := word(b, m.Words())
	*m = StampPrecision(s)
	return err
}
