package dialect

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"leat/record"
	"leat/schema"
)

// pgColumn is what writing needs to know of a column's type; domains are told by the type below them.
type pgColumn struct {
	schema, typ string // pg_type's schema and name
	base        string // typ, or what a domain is made of, when that is built in; else ""
	typmod      int    // -1: none
}

// encoder appends the payload of a value that is not null, in PostgreSQL's binary form of the wire type.
type encoder func(dst []byte, v record.Value) ([]byte, error)

// wire is how the values of a column travel.
type wire struct {
	array  string // type of the parameter, "int8[]"
	elem   uint32 // oid of its elements
	cast   string // what its elements are cast to, "" when they are assigned as they are
	encode encoder
}

// Object identifiers of built-in types, which never change.
const (
	oidBool, oidBytea, oidInt8, oidInt2, oidInt4, oidText = 16, 17, 20, 21, 23, 25
	oidJSON, oidFloat4, oidFloat8                         = 114, 700, 701
	oidDate, oidTime, oidTimestamp, oidTimestamptz        = 1082, 1083, 1114, 1184
	oidInterval, oidNumeric, oidUUID, oidJSONB            = 1186, 1700, 2950, 3802
)

// pgEpoch is PostgreSQL's epoch, 2000-01-01, in seconds.
const pgEpoch = 946684800

type pgEncoders struct {
	text texter
}

// wireFor chooses how values of s go into a column.
func (p pgEncoders) wireFor(c *ColumnInfo, s *schema.Schema) (wire, error) {
	k := meaningOf(s)
	if k.meaning == mGeometry || k.meaning == mSparseVector {
		return wire{}, fmt.Errorf("column %s: %s is not in this build yet; leave the field out", c.Name, s.Name())
	}
	mod := c.pg.typmod
	switch c.pg.base {
	case "bool":
		if k.meaning == mBool || k.meaning == mInt {
			return wire{"bool[]", oidBool, "", p.boolean}, nil
		}
	case "int2":
		if w, ok := p.integerWire(k, s, "int2[]", oidInt2, 2); ok {
			return w, nil
		}
	case "int4":
		if w, ok := p.integerWire(k, s, "int4[]", oidInt4, 4); ok {
			return w, nil
		}
	case "int8":
		if w, ok := p.integerWire(k, s, "int8[]", oidInt8, 8); ok {
			return w, nil
		}
	case "float4", "float8":
		if w, ok := p.floatWire(k, s, c.pg.base); ok {
			return w, nil
		}
	case "numeric":
		if isNumber(k.meaning) || k.meaning == mText {
			return wire{"numeric[]", oidNumeric, "", p.numericEncoder(s, mod)}, nil
		}
	case "text", "varchar", "bpchar", "citext", "name":
		limit := 0
		if mod >= 4 && (c.pg.base == "varchar" || c.pg.base == "bpchar") {
			limit = mod - 4
		}
		w := wire{"text[]", oidText, "", p.textEncoder(s, limit)}
		if c.pg.base == "citext" {
			w.cast = typeName(c)
		}
		return w, nil
	case "bytea":
		if k.meaning == mBytes || k.meaning == mBits {
			return wire{"bytea[]", oidBytea, "", func(dst []byte, v record.Value) ([]byte, error) { return append(dst, v.Bytes()...), nil }}, nil
		}
		return wire{}, refuse(c, s)
	case "uuid":
		if k.meaning == mUUID || k.meaning == mText {
			return wire{"uuid[]", oidUUID, "", encodeUUID}, nil
		}
	case "date":
		if k.meaning == mDate || k.meaning == mTimestamp {
			return wire{"date[]", oidDate, "", p.dateEncoder(k, s)}, nil
		}
	case "time":
		if k.meaning == mTime {
			return wire{"time[]", oidTime, "", p.timeEncoder(k, s, mod)}, nil
		}
	case "timestamp", "timestamptz":
		if e := p.stampEncoder(k, s, c.pg.base == "timestamptz", mod); e != nil {
			if c.pg.base == "timestamp" {
				return wire{"timestamp[]", oidTimestamp, "", e}, nil
			}
			return wire{"timestamptz[]", oidTimestamptz, "", e}, nil
		}
	case "interval":
		if k.meaning == mDuration {
			return wire{"interval[]", oidInterval, "", encodeDuration(k)}, nil
		}
	case "json", "jsonb":
		e := p.jsonEncoder(s, c.pg.base == "jsonb")
		if c.pg.base == "jsonb" {
			return wire{"jsonb[]", oidJSONB, "", e}, nil
		}
		return wire{"json[]", oidJSON, "", e}, nil
	}
	return p.castWire(c, s, k)
}

// castWire sends text and lets the server read it as the column's type: every type has a text form. What would round is refused.
func (p pgEncoders) castWire(c *ColumnInfo, s *schema.Schema, k kindOf) (wire, error) {
	w := wire{"text[]", oidText, typeName(c), p.textEncoder(s, 0)}
	switch {
	case c.pg.typ == "hstore" && k.meaning == mMap:
		w.encode = func(dst []byte, v record.Value) ([]byte, error) { return p.text.hstore(dst, s, v) }
	case c.pg.typ == "hstore":
		w.encode = func(dst []byte, v record.Value) ([]byte, error) { return hstoreOfJSON(dst, v.Bytes()) }
	case c.pg.base == "varbit" && k.meaning == mBits && sourceType(s) != "BIT":
		w.encode = func(dst []byte, v record.Value) ([]byte, error) { return appendBits(dst, v.Bytes(), 0), nil }
	case k.meaning == mStruct || k.meaning == mMap, k.meaning == mBytes, k.meaning == mBool:
		return wire{}, refuse(c, s)
	case c.pg.base == "date" && k.meaning != mText, c.pg.base == "time" && k.meaning != mText && k.meaning != mZonedTime:
		return wire{}, refuse(c, s)
	case (c.pg.base == "timestamp" || c.pg.base == "timestamptz") && k.meaning != mText:
		return wire{}, refuse(c, s)
	case c.pg.base == "date":
		w.encode = func(dst []byte, v record.Value) ([]byte, error) {
			if strings.ContainsRune(v.Str(), ':') {
				return nil, fmt.Errorf("a text with a time of day does not fit a date column")
			}
			return append(dst, v.Bytes()...), nil
		}
	}
	return w, nil
}

func refuse(c *ColumnInfo, s *schema.Schema) error {
	return fmt.Errorf("column %s of type %s can not hold a %s exactly; change the column's type, cast the field or leave it out", c.Name, c.Type, s)
}

func typeName(c *ColumnInfo) string { return quote(c.pg.schema) + "." + quote(c.pg.typ) }

func isNumber(m meaning) bool {
	return m == mInt || m == mFloat || m == mDecimal || m == mVarDecimal || m == mBool
}

func (p pgEncoders) boolean(dst []byte, v record.Value) ([]byte, error) {
	switch {
	case v.Kind() == record.KindBool && v.Bool(), v.Kind() == record.KindInt && v.Int() == 1:
		return append(dst, 1), nil
	case v.Kind() == record.KindBool, v.Kind() == record.KindInt && v.Int() == 0:
		return append(dst, 0), nil
	}
	return nil, fmt.Errorf("an integer that is neither 0 nor 1 does not fit a boolean column")
}

func (p pgEncoders) integerWire(k kindOf, s *schema.Schema, array string, oid uint32, size int) (wire, bool) {
	if !isNumber(k.meaning) && k.meaning != mDuration && k.meaning != mTime && k.meaning != mTimestamp && k.meaning != mDate {
		return wire{}, false
	}
	if s.Type() == schema.Int32 && size >= 4 || s.Type() == schema.Int16 || s.Type() == schema.Int8 || s.Type() == schema.Int64 && size == 8 {
		if size == 8 {
			return wire{array, oid, "", func(dst []byte, v record.Value) ([]byte, error) {
				if v.Kind() != record.KindInt {
					return nil, wrongKind(v, s)
				}
				return binary.BigEndian.AppendUint64(dst, uint64(v.Int())), nil
			}}, true
		}
	}
	return wire{array, oid, "", func(dst []byte, v record.Value) ([]byte, error) {
		n, err := integerOf(s, v)
		if err != nil {
			return nil, err
		}
		switch size {
		case 2:
			if n != int64(int16(n)) {
				return nil, fmt.Errorf("an integer is out of range for smallint")
			}
			return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
		case 4:
			if n != int64(int32(n)) {
				return nil, fmt.Errorf("an integer is out of range for integer")
			}
			return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
		}
		return binary.BigEndian.AppendUint64(dst, uint64(n)), nil
	}}, true
}

func wrongKind(v record.Value, s *schema.Schema) error {
	return fmt.Errorf("a value of kind %s is not what its schema says, %s", v.Kind(), s)
}

// integerOf reads any number that is whole.
func integerOf(s *schema.Schema, v record.Value) (int64, error) {
	switch v.Kind() {
	case record.KindInt:
		return v.Int(), nil
	case record.KindBool:
		if v.Bool() {
			return 1, nil
		}
		return 0, nil
	case record.KindFloat:
		f := v.Float()
		if f != math.Trunc(f) || f < -(1<<63) || f >= 1<<63 {
			return 0, fmt.Errorf("a floating-point number that is not whole, or too large, does not fit an integer column")
		}
		return int64(f), nil
	case record.KindDecimal, record.KindStruct:
		d, err := variableScale(s, v)
		if err != nil {
			return 0, err
		}
		n, scale := d.DecimalParts()
		n, ok := rescale(n, scale, 0)
		if !ok || !n.IsInt64() {
			return 0, fmt.Errorf("a decimal that is not whole, or too large, does not fit an integer column")
		}
		return n.Int64(), nil
	}
	return 0, wrongKind(v, s)
}

// rescale changes the scale of n when that loses nothing.
func rescale(n *big.Int, from, to int32) (*big.Int, bool) {
	if from == to {
		return n, true
	}
	if from < to {
		return new(big.Int).Mul(n, pow10(to-from)), true
	}
	q, r := new(big.Int).QuoRem(n, pow10(from-to), new(big.Int))
	return q, r.Sign() == 0
}

func pow10(n int32) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (p pgEncoders) floatWire(k kindOf, s *schema.Schema, base string) (wire, bool) {
	if !isNumber(k.meaning) || k.meaning == mBool {
		return wire{}, false
	}
	if base == "float8" {
		return wire{"float8[]", oidFloat8, "", func(dst []byte, v record.Value) ([]byte, error) {
			f, err := floatOf(s, v)
			if err != nil {
				return nil, err
			}
			return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
		}}, true
	}
	return wire{"float4[]", oidFloat4, "", func(dst []byte, v record.Value) ([]byte, error) {
		f, err := floatOf(s, v)
		if err != nil {
			return nil, err
		}
		if float64(float32(f)) != f && f == f {
			return nil, fmt.Errorf("a double precision number has more digits than a real column holds")
		}
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f))), nil
	}}, true
}

// floatOf reads any number that a float64 holds exactly; a decimal when it comes back as the same digits.
func floatOf(s *schema.Schema, v record.Value) (float64, error) {
	switch v.Kind() {
	case record.KindFloat:
		return v.Float(), nil
	case record.KindInt:
		if f := float64(v.Int()); f < 1<<53 && f > -(1<<53) {
			return f, nil
		}
		return 0, fmt.Errorf("an integer has more digits than a floating-point column holds")
	case record.KindDecimal, record.KindStruct:
		d, err := variableScale(s, v)
		if err != nil {
			return 0, err
		}
		want, ok := new(big.Rat).SetString(string(d.AppendDecimal(nil)))
		if !ok {
			return 0, wrongKind(v, s)
		}
		f, _ := want.Float64()
		back, ok := new(big.Rat).SetString(string(appendFloat(nil, nil, f)))
		if !ok || back.Cmp(want) != 0 {
			return 0, fmt.Errorf("a decimal has more digits than a floating-point column holds")
		}
		return f, nil
	}
	return 0, wrongKind(v, s)
}

func (p pgEncoders) textEncoder(s *schema.Schema, limit int) encoder {
	return func(dst []byte, v record.Value) ([]byte, error) {
		start := len(dst)
		if v.Kind() == record.KindString {
			dst = append(dst, v.Bytes()...)
		} else {
			var err error
			if dst, err = p.text.append(dst, s, v); err != nil {
				return nil, err
			}
		}
		text := dst[start:]
		if bytes.IndexByte(text, 0) >= 0 {
			return nil, fmt.Errorf("a text holds the character U+0000, which PostgreSQL does not take")
		}
		if limit > 0 && len(text) > limit && utf8.RuneCount(text) > limit {
			return nil, fmt.Errorf("a text is longer than the %d characters of the column", limit)
		}
		return dst, nil
	}
}

func (p pgEncoders) jsonEncoder(s *schema.Schema, binaryForm bool) encoder {
	return func(dst []byte, v record.Value) ([]byte, error) {
		if binaryForm {
			dst = append(dst, 1)
		}
		if v.Kind() == record.KindString {
			return append(dst, v.Bytes()...), nil
		}
		return p.text.json(dst, s, v)
	}
}

func encodeUUID(dst []byte, v record.Value) ([]byte, error) {
	if v.Kind() == record.KindString {
		var hexed [32]byte
		n := 0
		for _, c := range v.Bytes() {
			if c == '-' || c == '{' || c == '}' {
				continue
			}
			if n == 32 {
				n = 33
				break
			}
			hexed[n] = c
			n++
		}
		if n == 32 {
			start := len(dst)
			dst = append(dst, make([]byte, 16)...)
			if _, err := hex.Decode(dst[start:], hexed[:]); err == nil {
				return dst, nil
			}
		}
	}
	return nil, fmt.Errorf("a text is no UUID")
}

func (p pgEncoders) dateEncoder(k kindOf, s *schema.Schema) encoder {
	return func(dst []byte, v record.Value) ([]byte, error) {
		if v.Kind() != record.KindInt {
			return nil, wrongKind(v, s)
		}
		days := v.Int()
		if k.meaning == mTimestamp {
			if days%(86400*k.perSec) != 0 {
				return nil, fmt.Errorf("a timestamp with a time of day does not fit a date column")
			}
			days /= 86400 * k.perSec
		} else if sign := infiniteDate(days); sign > 0 {
			return binary.BigEndian.AppendUint32(dst, math.MaxInt32), nil
		} else if sign < 0 {
			return binary.BigEndian.AppendUint32(dst, 1<<31), nil
		}
		days = p.text.zones.days(s, days) - pgEpoch/86400
		if days < -2451545 || days > 2145031948 {
			return nil, fmt.Errorf("a date is out of PostgreSQL's range, 4713 BC to AD 5874897")
		}
		return binary.BigEndian.AppendUint32(dst, uint32(int32(days))), nil
	}
}

// micros changes n units into microseconds when that loses nothing, and the column's precision keeps it.
func micros(n, perSec int64, typmod int) (int64, error) {
	if perSec > 1e6 {
		if n%(perSec/1e6) != 0 {
			return 0, fmt.Errorf("a time with nanoseconds does not fit: the column keeps microseconds")
		}
		n /= perSec / 1e6
	} else {
		n *= 1e6 / perSec
	}
	return n, precise(n, typmod)
}

// precise tells an error when microseconds have more digits than a column of typmod digits keeps.
func precise(us int64, typmod int) error {
	if typmod < 0 || typmod >= 6 {
		return nil
	}
	unit := int64(1)
	for range 6 - typmod {
		unit *= 10
	}
	if us%unit != 0 {
		return fmt.Errorf("a time has more than the %d digits after the second that the column keeps", typmod)
	}
	return nil
}

func (p pgEncoders) timeEncoder(k kindOf, s *schema.Schema, typmod int) encoder {
	return func(dst []byte, v record.Value) ([]byte, error) {
		if v.Kind() != record.KindInt {
			return nil, wrongKind(v, s)
		}
		us, err := micros(p.text.zones.clock(s, v.Int()), k.perSec, typmod)
		if err != nil {
			return nil, err
		}
		if us < 0 || us > 86400*1e6 {
			return nil, fmt.Errorf("a time of day is out of the range 00:00 to 24:00")
		}
		return binary.BigEndian.AppendUint64(dst, uint64(us)), nil
	}
}

// Bounds of a timestamp in µs since PostgreSQL's epoch.
const (
	minStamp = -211813488000000000
	maxStamp = 9223371331200000000 - 1
)

func (p pgEncoders) stampEncoder(k kindOf, s *schema.Schema, zoned bool, typmod int) encoder {
	zone := p.text.zones.DB
	switch k.meaning {
	case mTimestamp:
		shift := !zoned && p.text.zones.Shift
		asLocal := zoned && !p.text.zones.Shift && zone != nil && zone != time.UTC
		return func(dst []byte, v record.Value) ([]byte, error) {
			if v.Kind() != record.KindInt {
				return nil, wrongKind(v, s)
			}
			n := v.Int()
			if sign := infinite(n, k.perSec); sign != 0 {
				return appendInfiniteStamp(dst, sign), nil
			}
			if k.perSec < 1e6 && (n > math.MaxInt64/(1e6/k.perSec) || n < math.MinInt64/(1e6/k.perSec)) {
				return nil, errStampRange
			}
			us, err := micros(n, k.perSec, typmod)
			if err != nil {
				return nil, err
			}
			if shift {
				us = p.text.zones.local(s, time.UnixMicro(us)).UnixMicro()
			} else if asLocal {
				t := time.UnixMicro(us).UTC()
				us = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UnixMicro()
			}
			return appendStamp(dst, us)
		}
	case mDate:
		return func(dst []byte, v record.Value) ([]byte, error) {
			if v.Kind() != record.KindInt {
				return nil, wrongKind(v, s)
			}
			if sign := infiniteDate(v.Int()); sign != 0 {
				return appendInfiniteStamp(dst, sign), nil
			}
			return appendStamp(dst, v.Int()*86400*1e6)
		}
	case mZonedStamp:
		return func(dst []byte, v record.Value) ([]byte, error) {
			if v.Kind() != record.KindString {
				return nil, wrongKind(v, s)
			}
			switch v.Str() {
			case "infinity":
				return appendInfiniteStamp(dst, 1), nil
			case "-infinity":
				return appendInfiniteStamp(dst, -1), nil
			}
			us, ns, ok := parseZoned(v.Str())
			if !ok {
				return nil, fmt.Errorf("a text is no ISO 8601 timestamp with offset")
			}
			if ns != 0 {
				return nil, fmt.Errorf("a time with nanoseconds does not fit: the column keeps microseconds")
			}
			if err := precise(us, typmod); err != nil {
				return nil, err
			}
			if !zoned && zone != nil {
				us = wall(time.UnixMicro(us), zone).UnixMicro()
			}
			return appendStamp(dst, us)
		}
	}
	return nil
}

var errStampRange = fmt.Errorf("a timestamp is out of PostgreSQL's range, 4713 BC to AD 294276")

func appendStamp(dst []byte, unixMicros int64) ([]byte, error) {
	const shift = pgEpoch * 1e6
	if unixMicros < minStamp+shift || unixMicros-shift > maxStamp {
		return nil, errStampRange
	}
	return binary.BigEndian.AppendUint64(dst, uint64(unixMicros-shift)), nil
}

func appendInfiniteStamp(dst []byte, sign int) []byte {
	if sign > 0 {
		return binary.BigEndian.AppendUint64(dst, math.MaxInt64)
	}
	return binary.BigEndian.AppendUint64(dst, 1<<63)
}

// parseZoned reads an ISO 8601 timestamp with offset into microseconds since the epoch and the nanoseconds below them. The usual
// form, 2024-02-29T11:14:15.123456Z, takes the quick way.
func parseZoned(s string) (us int64, ns int, ok bool) {
	if len(s) >= 20 && s[len(s)-1] == 'Z' && s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' && s[16] == ':' {
		y, ok1 := digits(s[0:4])
		mo, ok2 := digits(s[5:7])
		d, ok3 := digits(s[8:10])
		h, ok4 := digits(s[11:13])
		mi, ok5 := digits(s[14:16])
		sec, ok6 := digits(s[17:19])
		frac, ok7 := 0, true
		if len(s) > 20 {
			f := s[20 : len(s)-1]
			frac, ok7 = digits(f)
			ok7 = ok7 && s[19] == '.' && len(f) <= 9 && len(f) > 0
			for range max(9-len(f), 0) {
				frac *= 10
			}
		}
		if ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && mo >= 1 && mo <= 12 && d >= 1 && d <= daysIn(y, mo) && h < 24 && mi < 60 && sec < 60 {
			days := daysFromCivil(y, mo, d)
			return (int64(days)*86400+int64(h*3600+mi*60+sec))*1e6 + int64(frac/1000), frac % 1000, true
		}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return parseWideYear(s)
	}
	return t.UnixMicro(), t.Nanosecond() % 1000, true
}

// parseWideYear reads years that RFC 3339 has no room for: +10000-01-01T… and -0043-03-15T…
func parseWideYear(s string) (int64, int, bool) {
	if len(s) < 7 || s[0] != '+' && s[0] != '-' {
		return 0, 0, false
	}
	end := strings.IndexByte(s[1:], '-') + 1
	if end < 5 || end > 10 {
		return 0, 0, false
	}
	y, ok := digits(s[1:end])
	if !ok {
		return 0, 0, false
	}
	if s[0] == '-' {
		y = -y
	}
	// 400 years repeat exactly: read the date in a year that time.Parse knows.
	near := 2000 + ((y%400)+400)%400
	t, err := time.Parse(time.RFC3339Nano, fmt.Sprintf("%04d%s", near, s[end:]))
	if err != nil {
		return 0, 0, false
	}
	const cycle = 146097 * 86400 * 1e6
	return t.UnixMicro() + int64((y-near)/400)*cycle, t.Nanosecond() % 1000, true
}

func digits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFromCivil counts days since the epoch in the proleptic Gregorian calendar.
func daysFromCivil(y, m, d int) int {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func encodeDuration(k kindOf) encoder {
	return func(dst []byte, v record.Value) ([]byte, error) {
		if v.Kind() != record.KindInt {
			return nil, fmt.Errorf("a duration is no integer")
		}
		us, err := micros(v.Int(), k.perSec, -1)
		if err != nil {
			return nil, err
		}
		dst = binary.BigEndian.AppendUint64(dst, uint64(us))
		return append(dst, 0, 0, 0, 0, 0, 0, 0, 0), nil // no days, no months
	}
}
