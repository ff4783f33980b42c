package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 86400 * microsPerSecond
	epochDays       = 10957 // days from 1970 to 2000, PostgreSQL's epoch
	epochMicros     = epochDays * microsPerDay

	// infinite timestamps as Debezium writes them, in ms.
	infinityMs, minusInfinityMs = 9223372036825200, -9223372036832400
	// infinite dates as Debezium writes them, which is an overflow; leat writes the ends of int32.
	faultyInfinityDate, faultyMinusInfinityDate = -622191234, -625821272
)

// civil turns days since 1970 into a proleptic Gregorian date (Howard Hinnant's algorithm).
func civil(days int64) (year int64, month, day int) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	year = yoe + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// daysOf is the inverse of civil.
func daysOf(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	yoe := year - era*400
	mp := (month + 9) % 12
	doy := int64((153*mp+2)/5 + day - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// cursor reads the digits of dates and times.
type cursor struct {
	b  []byte
	ok bool
}

func (c *cursor) number() (n int64, digits int) {
	for digits < len(c.b) && c.b[digits]-'0' <= 9 {
		n = n*10 + int64(c.b[digits]-'0')
		digits++
	}
	c.ok = c.ok && digits > 0
	c.b = c.b[digits:]
	return n, digits
}

func (c *cursor) skip(ch byte) bool {
	if len(c.b) > 0 && c.b[0] == ch {
		c.b = c.b[1:]
		return true
	}
	return false
}

func (c *cursor) expect(ch byte) { c.ok = c.skip(ch) && c.ok }

// date reads YYYY-MM-DD as days since 1970, without regard to BC.
func (c *cursor) date() (y int64, m, d int) {
	y, _ = c.number()
	c.expect('-')
	mm, _ := c.number()
	c.expect('-')
	dd, _ := c.number()
	return y, int(mm), int(dd)
}

// clock reads HH:MM:SS[.ffffff] as µs.
func (c *cursor) clock() int64 {
	h, _ := c.number()
	c.expect(':')
	m, _ := c.number()
	var s, frac int64
	if c.skip(':') {
		s, _ = c.number()
	}
	if c.skip('.') {
		var digits int
		frac, digits = c.number()
		for ; digits < 6; digits++ {
			frac *= 10
		}
	}
	return (h*3600+m*60+s)*microsPerSecond + frac
}

// zone reads +HH[:MM[:SS]] as seconds east of UTC.
func (c *cursor) zone() int64 {
	neg := c.skip('-')
	if !neg {
		c.expect('+')
	}
	s, _ := c.number()
	s *= 3600
	for unit := int64(60); unit > 0 && c.skip(':'); unit /= 60 {
		n, _ := c.number()
		s += n * unit
	}
	if neg {
		s = -s
	}
	return s
}

func (c *cursor) bc(year int64) int64 {
	if c.skip(' ') {
		c.expect('B')
		c.expect('C')
		return 1 - year
	}
	return year
}

// timestampOf reads a timestamp, with or without zone, as µs since 2000, which reach over all of PostgreSQL's range;
// infinities as the ends of int64.
func timestampOf(b []byte) (int64, error) {
	switch string(b) {
	case "infinity":
		return math.MaxInt64, nil
	case "-infinity":
		return math.MinInt64, nil
	}
	c := cursor{b, true}
	y, m, d := c.date()
	var clock, zone int64
	if len(c.b) > 1 && c.b[0] == ' ' && c.b[1] != 'B' {
		c.skip(' ')
		clock = c.clock()
		if len(c.b) > 0 && (c.b[0] == '+' || c.b[0] == '-') {
			zone = c.zone()
		}
	}
	y = c.bc(y)
	if !c.ok || len(c.b) > 0 {
		return 0, fmt.Errorf("the server sent %q for a timestamp", b)
	}
	return (daysOf(y, m, d)-epochDays)*microsPerDay + clock - zone*microsPerSecond, nil
}

// timestampBits reads the binary form.
func timestampBits(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, wrongSize("timestamp", b)
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// both makes the two decoders of a type whose forms are first read to one number.
func both(c *Codec, fromText, fromBinary func([]byte) (int64, error), value func(*capture.Slab, int64) (record.Value, error)) *Codec {
	of := func(read func([]byte) (int64, error)) Decode {
		return func(s *capture.Slab, b []byte) (record.Value, error) {
			n, err := read(b)
			if err != nil {
				return record.Null, err
			}
			return value(s, n)
		}
	}
	c.Text, c.Binary = of(fromText), of(fromBinary)
	return c
}

// precision is the digits of a fraction that a type has.
func precision(mod int32) int {
	if mod < 0 || mod > 6 {
		return 6
	}
	return int(mod)
}

func (m *Map) timestamp(mod int32) *Codec {
	c := &Codec{generated: "1970-01-01 00:00:00", hasDefault: true, Fallback: record.Int(0)}
	value := microTimestamp
	switch mode := m.Options.Time; {
	case mode == capture.TimeConnect:
		c.Schema, value = schema.Semantic(schema.Int64, schema.TimestampName), milliTimestamp
	case mode == capture.TimeISOString:
		c.Schema, c.Fallback = schema.Semantic(schema.String, schema.DebeziumIsoTimestamp), record.String("1970-01-01T00:00:00Z")
		value = func(s *capture.Slab, us int64) (record.Value, error) { return isoTimestamp(s, us, -1), nil }
	case mode == capture.TimeNanos:
		c.Schema = schema.Semantic(schema.Int64, schema.DebeziumNanoTimestamp)
		value = nanoTimestamp
	case mode == capture.TimeMicros || precision(mod) > 3:
		c.Schema = schema.Semantic(schema.Int64, schema.DebeziumMicroTimestamp)
	default:
		c.Schema, value = schema.Semantic(schema.Int64, schema.DebeziumTimestamp), milliTimestamp
	}
	return both(c, timestampOf, timestampBits, value)
}

// milliTimestamp gives µs since 2000 as ms since 1970, and the infinities as Debezium writes them.
func milliTimestamp(_ *capture.Slab, us int64) (record.Value, error) {
	switch us {
	case math.MaxInt64:
		return record.Int(infinityMs), nil
	case math.MinInt64:
		return record.Int(minusInfinityMs), nil
	}
	return record.Int(floorDiv(us, 1000) + epochMicros/1000), nil
}

func microTimestamp(_ *capture.Slab, us int64) (record.Value, error) {
	switch {
	case us == math.MaxInt64:
		return record.Int(infinityMs * 1000), nil
	case us == math.MinInt64:
		return record.Int(minusInfinityMs * 1000), nil
	case us > math.MaxInt64-epochMicros:
		return record.Null, tooFar(us, "micro")
	}
	return record.Int(us + epochMicros), nil
}

// tooFar tells of a timestamp that a unit can not hold: invariant 7.
func tooFar(us int64, unit string) error {
	hint := "Set time.precision.mode=isostring"
	if unit == "nano" {
		hint = "Set time.precision.mode=adaptive or microseconds"
	}
	return badValue(isoTimestamp(&capture.Slab{}, us, -1).Bytes(), unit+"seconds since 1970 do not reach so far", "%s", hint)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func nanoTimestamp(_ *capture.Slab, us int64) (record.Value, error) {
	switch {
	case us == math.MaxInt64 || us == math.MinInt64:
		return record.Int(us), nil
	case us > math.MaxInt64/1000-epochMicros || us < math.MinInt64/1000-epochMicros:
		return record.Null, tooFar(us, "nano")
	}
	return record.Int((us + epochMicros) * 1000), nil
}

func timestamptzCodec(mod int32) *Codec {
	width := precision(mod)
	c := &Codec{Schema: schema.Semantic(schema.String, schema.DebeziumZonedTimestamp), generated: "1970-01-01 00:00:00+00",
		hasDefault: true, Fallback: record.String("1970-01-01T00:00:00Z")}
	both(c, timestampOf, timestampBits, func(s *capture.Slab, us int64) (record.Value, error) { return isoTimestamp(s, us, width), nil })
	slow := c.Text
	c.Text = func(s *capture.Slab, b []byte) (record.Value, error) {
		if v, ok := isoOfUTC(s, b, width); ok {
			return v, nil
		}
		return slow(s, b)
	}
	return c
}

// isoOfUTC turns "2024-01-01 00:00:01.5+00" into "2024-01-01T00:00:01.500000Z" by moving bytes: the form that nearly every
// value has, since the session's time zone is UTC.
func isoOfUTC(s *capture.Slab, b []byte, width int) (record.Value, bool) {
	n := len(b) - 3
	if n < 19 || b[n] != '+' || b[n+1] != '0' || b[n+2] != '0' || b[4] != '-' || b[10] != ' ' {
		return record.Null, false
	}
	frac := b[19:n]
	if len(frac) > 0 && (frac[0] != '.' || len(frac)-1 > width) {
		return record.Null, false
	}
	out := append(s.Buffer(32), b[:19]...)
	out[10] = 'T'
	if width > 0 {
		out = append(out, '.')
		if len(frac) > 0 {
			out = append(out, frac[1:]...)
		}
		for len(out) < 20+width {
			out = append(out, '0')
		}
	}
	return record.StringBytes(s.Keep(append(out, 'Z'))), true
}

// isoTimestamp writes µs since 2000 as ISO 8601 in UTC with so many digits of a fraction, or as many as needed for -1.
func isoTimestamp(s *capture.Slab, us int64, width int) record.Value {
	switch us {
	case math.MaxInt64:
		return record.String("infinity")
	case math.MinInt64:
		return record.String("-infinity")
	}
	days := floorDiv(us, microsPerDay)
	out := append(appendDate(s.Buffer(40), days+epochDays), 'T')
	return record.StringBytes(s.Keep(append(appendClock(out, us-days*microsPerDay, width), 'Z')))
}

// appendDate writes a date as java.time does: a sign before years that have not four digits.
func appendDate(dst []byte, days int64) []byte {
	y, m, d := civil(days)
	switch {
	case y > 9999:
		dst = append(dst, '+')
	case y < 0:
		dst, y = append(dst, '-'), -y
	}
	if y > 9999 {
		dst = strconv.AppendInt(dst, y, 10)
	} else {
		dst = append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10))
	}
	return append(dst, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

// appendClock writes a time of day with width digits of a fraction, or as many as needed for -1.
func appendClock(dst []byte, us int64, width int) []byte {
	sec := int(us / microsPerSecond)
	h, m, s := sec/3600, sec/60%60, sec%60
	dst = append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	frac := us % microsPerSecond
	if width < 0 {
		for width = 6; width > 0 && frac%10 == 0; width-- {
			frac /= 10
		}
	} else {
		frac /= pow10[6-width]
	}
	if width == 0 {
		return dst
	}
	dst = append(dst, '.')
	for p := pow10[width-1]; p > 0; p /= 10 {
		dst = append(dst, byte('0'+frac/p%10))
	}
	return dst
}

func (m *Map) date() *Codec {
	c := &Codec{Schema: schema.Semantic(schema.Int32, schema.DebeziumDate), generated: "1970-01-01", hasDefault: true, Fallback: record.Int(0)}
	value := func(_ *capture.Slab, days int64) (record.Value, error) { return record.Int(days), nil }
	switch m.Options.Time {
	case capture.TimeConnect:
		c.Schema = schema.Semantic(schema.Int32, schema.DateName)
	case capture.TimeISOString:
		c.Schema, c.Fallback = schema.Semantic(schema.String, schema.DebeziumIsoDate), record.String("1970-01-01Z")
		value = func(s *capture.Slab, days int64) (record.Value, error) {
			switch days {
			case math.MaxInt32:
				return record.String("infinity"), nil
			case math.MinInt32:
				return record.String("-infinity"), nil
			}
			return record.StringBytes(s.Keep(append(appendDate(s.Buffer(24), days), 'Z'))), nil
		}
	}
	plus, minus := int64(math.MaxInt32), int64(math.MinInt32)
	if m.Options.ImitateFaults {
		plus, minus = faultyInfinityDate, faultyMinusInfinityDate
	}
	return both(c, func(b []byte) (int64, error) { return dateOf(b, plus, minus) },
		func(b []byte) (int64, error) { return dateBits(b, plus, minus) }, value)
}

func dateOf(b []byte, plus, minus int64) (int64, error) {
	switch string(b) {
	case "infinity":
		return plus, nil
	case "-infinity":
		return minus, nil
	}
	c := cursor{b, true}
	y, m, d := c.date()
	y = c.bc(y)
	if !c.ok || len(c.b) > 0 {
		return 0, fmt.Errorf("the server sent %q for a date", b)
	}
	return daysOf(y, m, d), nil
}

func dateBits(b []byte, plus, minus int64) (int64, error) {
	if len(b) != 4 {
		return 0, wrongSize("date", b)
	}
	switch days := int64(int32(binary.BigEndian.Uint32(b))); days {
	case math.MaxInt32:
		return plus, nil
	case math.MinInt32:
		return minus, nil
	default:
		return days + epochDays, nil
	}
}

func (m *Map) timeOfDay(mod int32) *Codec {
	c := &Codec{generated: "00:00:00", hasDefault: true, Fallback: record.Int(0)}
	unit := int64(1)
	value := func(_ *capture.Slab, us int64) (record.Value, error) { return record.Int(us / unit), nil }
	switch mode := m.Options.Time; {
	case mode == capture.TimeConnect:
		c.Schema, unit = schema.Semantic(schema.Int32, schema.TimeName), 1000
	case mode == capture.TimeISOString:
		c.Schema, c.Fallback = schema.Semantic(schema.String, schema.DebeziumIsoTime), record.String("00:00:00Z")
		value = func(s *capture.Slab, us int64) (record.Value, error) {
			return record.StringBytes(s.Keep(append(appendClock(s.Buffer(24), us, -1), 'Z'))), nil
		}
	case mode == capture.TimeNanos:
		c.Schema = schema.Semantic(schema.Int64, schema.DebeziumNanoTime)
		value = func(_ *capture.Slab, us int64) (record.Value, error) { return record.Int(us * 1000), nil }
	case mode == capture.TimeMicros || mode == capture.TimeAdaptiveMicros || precision(mod) > 3:
		c.Schema = schema.Semantic(schema.Int64, schema.DebeziumMicroTime)
	default:
		c.Schema, unit = schema.Semantic(schema.Int32, schema.DebeziumTime), 1000
	}
	return both(c, clockOf, clockBits, value)
}

func clockOf(b []byte) (int64, error) {
	c := cursor{b, true}
	us := c.clock()
	if !c.ok || len(c.b) > 0 {
		return 0, fmt.Errorf("the server sent %q for a time", b)
	}
	return us, nil
}

func clockBits(b []byte) (int64, error) {
	if len(b) != 8 {
		return 0, wrongSize("time", b)
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

// timetzCodec gives the time of day in UTC.
func timetzCodec() *Codec {
	c := &Codec{Schema: schema.Semantic(schema.String, schema.DebeziumZonedTime), Fallback: record.String("00:00:00Z")}
	fromText := func(b []byte) (int64, error) {
		cur := cursor{b, true}
		us := cur.clock()
		zone := cur.zone()
		if !cur.ok || len(cur.b) > 0 {
			return 0, fmt.Errorf("the server sent %q for a time", b)
		}
		return us - zone*microsPerSecond, nil
	}
	fromBinary := func(b []byte) (int64, error) {
		if len(b) != 12 {
			return 0, wrongSize("timetz", b)
		}
		west := int64(int32(binary.BigEndian.Uint32(b[8:])))
		return int64(binary.BigEndian.Uint64(b)) + west*microsPerSecond, nil
	}
	return both(c, fromText, fromBinary, func(s *capture.Slab, us int64) (record.Value, error) {
		us = ((us % microsPerDay) + microsPerDay) % microsPerDay
		return record.StringBytes(s.Keep(append(appendClock(s.Buffer(24), us, -1), 'Z'))), nil
	})
}

// span is an interval.
type span struct {
	months, days int64
	us           int64
}

func (m *Map) interval() *Codec {
	c := &Codec{Schema: schema.Semantic(schema.Int64, schema.DebeziumMicroDuration), generated: "PT0S", hasDefault: true, Fallback: record.Int(0)}
	value := microDuration
	if m.Options.IntervalISO {
		c.Schema, c.Fallback = schema.Semantic(schema.String, schema.DebeziumInterval), record.String("P0Y0M0DT0H0M0S")
		value = isoInterval
	}
	c.Text = func(s *capture.Slab, b []byte) (record.Value, error) {
		v, err := intervalOf(b)
		if err != nil {
			return record.Null, err
		}
		return value(s, v)
	}
	c.Binary = func(s *capture.Slab, b []byte) (record.Value, error) {
		if len(b) != 16 {
			return record.Null, wrongSize("interval", b)
		}
		v := span{int64(int32(binary.BigEndian.Uint32(b[12:]))), int64(int32(binary.BigEndian.Uint32(b[8:]))), int64(binary.BigEndian.Uint64(b))}
		if v == (span{math.MaxInt32, math.MaxInt32, math.MaxInt64}) || v == (span{math.MinInt32, math.MinInt32, math.MinInt64}) {
			return infiniteInterval(b)
		}
		return value(s, v)
	}
	return c
}

// microDuration counts a month as a twelfth of 365.25 days: 2,629,800 seconds.
func microDuration(s *capture.Slab, v span) (record.Value, error) {
	sec := v.months*2629800 + v.days*86400
	us := sec * microsPerSecond
	sum := us + v.us
	if us/microsPerSecond != sec || us > 0 && v.us > 0 && sum < 0 || us < 0 && v.us < 0 && sum >= 0 {
		text, _ := isoInterval(s, v)
		return record.Null, badValue(text.Bytes(), "microseconds do not reach so far", "Set interval.handling.mode=string")
	}
	return record.Int(sum), nil
}

func infiniteInterval([]byte) (record.Value, error) {
	return record.Null, badValue([]byte("infinity"), "an infinite interval has no length", "Leave the column out with column.exclude.list")
}

// intervalOf reads the ISO 8601 form, which the session asks for: P1Y2M3DT4H5M6.789S, each part with its own sign.
func intervalOf(b []byte) (span, error) {
	var v span
	if len(b) == 0 || b[0] != 'P' {
		if len(b) > 0 && (b[0] == 'i' || b[0] == '-') {
			_, err := infiniteInterval(b)
			return v, err
		}
		return v, fmt.Errorf("the server sent %q for an interval", b)
	}
	c := cursor{b[1:], true}
	inTime := false
	for len(c.b) > 0 && c.ok {
		if c.skip('T') {
			inTime = true
			continue
		}
		sign := int64(1)
		if c.skip('-') {
			sign = -1
		}
		n, _ := c.number()
		var frac int64
		if c.skip('.') {
			var digits int
			for frac, digits = c.number(); digits < 6; digits++ {
				frac *= 10
			}
		}
		switch {
		case c.skip('Y'):
			v.months += sign * n * 12
		case c.skip('M') && !inTime:
			v.months += sign * n
		case c.skip('D'):
			v.days += sign * n
		case c.skip('H'):
			v.us += sign * n * 3600 * microsPerSecond
		case c.skip('S'):
			v.us += sign * (n*microsPerSecond + frac)
		default: // the M of minutes is skipped above
			v.us += sign * n * 60 * microsPerSecond
		}
	}
	if !c.ok {
		return v, fmt.Errorf("the server sent %q for an interval", b)
	}
	return v, nil
}

// isoInterval writes P0Y-1M-2DT0H0M-1S as Debezium does, every part told.
func isoInterval(s *capture.Slab, v span) (record.Value, error) {
	out := append(s.Buffer(64), 'P')
	out = append(strconv.AppendInt(out, v.months/12, 10), 'Y')
	out = append(strconv.AppendInt(out, v.months%12, 10), 'M')
	out = append(strconv.AppendInt(out, v.days, 10), 'D', 'T')
	out = append(strconv.AppendInt(out, v.us/(3600*microsPerSecond), 10), 'H')
	out = append(strconv.AppendInt(out, v.us/(60*microsPerSecond)%60, 10), 'M')
	rest := v.us % (60 * microsPerSecond)
	if rest < 0 {
		out, rest = append(out, '-'), -rest
	}
	out = strconv.AppendInt(out, rest/microsPerSecond, 10)
	if frac := rest % microsPerSecond; frac != 0 {
		width := 6
		for ; frac%10 == 0; width-- {
			frac /= 10
		}
		out = append(out, '.')
		for p := pow10[width-1]; p > 0; p /= 10 {
			out = append(out, byte('0'+frac/p%10))
		}
	}
	return record.StringBytes(s.Keep(append(out, 'S'))), nil
}
