package record

import (
	"time"

	"leat/schema"
)

// Instant gives the time that an integer of one of Connect's date types stands for, in UTC, as Java's Date holds it.
func Instant(s *schema.Schema, v Value) (time.Time, bool) {
	if s == nil || v.kind != KindInt {
		return time.Time{}, false
	}
	switch s.Name() {
	case schema.DateName:
		return time.Unix(v.Int()*86400, 0).UTC(), true
	case schema.TimeName, schema.TimestampName:
		return time.UnixMilli(v.Int()).UTC(), true
	}
	return time.Time{}, false
}

// AppendInstant writes an Instant as Connect's Values does, which chooses by the value: a time below one day, a date at
// midnight, else both.
func AppendInstant(dst []byte, t time.Time) []byte {
	switch ms := t.UnixMilli(); {
	case ms < 86400000:
		return t.AppendFormat(dst, "15:04:05.000Z")
	case ms%86400000 == 0:
		return t.AppendFormat(dst, "2006-01-02")
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}
