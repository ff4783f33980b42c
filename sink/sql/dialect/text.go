package dialect

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"leat/record"
	"leat/schema"
)

// Values by which Debezium tells PostgreSQL's infinite dates and timestamps, which its types have no word for.
const (
	plusInfinityMicros  = 9223372036825200000
	minusInfinityMicros = -9223372036832400000
	plusInfinityDate    = -622191234 // the same instants, cut to an int32 of days
	minusInfinityDate   = -625821272
)

// infinite tells -1, 0 or 1 for a timestamp of perSec units.
func infinite(n, perSec int64) int {
	switch {
	case perSec == 1e6 && n == plusInfinityMicros, perSec == 1e3 && n == plusInfinityMicros/1000, n == math.MaxInt64:
		return 1
	case perSec == 1e6 && n == minusInfinityMicros, perSec == 1e3 && n == minusInfinityMicros/1000, n == math.MinInt64:
		return -1
	}
	return 0
}

// infiniteDate is infinite for days.
func infiniteDate(days int64) int {
	switch days {
	case plusInfinityDate, math.MaxInt32:
		return 1
	case minusInfinityDate, math.MinInt32:
		return -1
	}
	return 0
}

// unix gives the instant of n units of a second since the epoch.
func unix(n, perSec int64) time.Time {
	sec, rest := n/perSec, n%perSec
	if rest < 0 {
		sec, rest = sec-1, rest+perSec
	}
	return time.Unix(sec, rest*(1e9/perSec)).UTC()
}

// texter writes values as text: what PostgreSQL and SQLite read, and people.
type texter struct {
	bc    bool // years before 1 as PostgreSQL writes them, "0044-03-15 BC"
	zones Zones
}

func (t texter) year(dst []byte, tm time.Time) (out []byte, suffix string) {
	y := tm.Year()
	switch {
	case y <= 0 && t.bc:
		y, suffix = 1-y, " BC"
	case y < 0:
		dst, y = append(dst, '-'), -y
	}
	return fmt.Appendf(dst, "%04d", y), suffix
}

func (t texter) date(dst []byte, tm time.Time) []byte {
	dst, suffix := t.year(dst, tm)
	dst = fmt.Appendf(dst, "-%02d-%02d", tm.Month(), tm.Day())
	return append(dst, suffix...)
}

func (t texter) stamp(dst []byte, tm time.Time) []byte {
	dst, suffix := t.year(dst, tm)
	dst = fmt.Appendf(dst, "-%02d-%02d %02d:%02d:%02d", tm.Month(), tm.Day(), tm.Hour(), tm.Minute(), tm.Second())
	return append(fraction(dst, int64(tm.Nanosecond()), 9), suffix...)
}

// fraction appends n of 10^-digits seconds without zeros at the end.
func fraction(dst []byte, n int64, digits int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, strings.TrimRight(fmt.Sprintf(".%0*d", digits, n), "0")...)
}

func infinityText(sign int) string {
	if sign < 0 {
		return "-infinity"
	}
	return "infinity"
}

func digitsOf(perSec int64) int { return len(strconv.FormatInt(perSec, 10)) - 1 }

// append writes v; it must not be null.
func (t texter) append(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	k := meaningOf(s)
	switch {
	case v.Kind() == record.KindString:
		return append(dst, v.Bytes()...), nil
	case v.Kind() == record.KindInt:
		return t.integer(dst, k, s, v.Int()), nil
	case k.meaning == mVarDecimal:
		d, err := variableScale(s, v)
		if err != nil {
			return nil, err
		}
		return d.AppendDecimal(dst), nil
	case k.meaning == mBits && v.Kind() == record.KindBytes:
		return appendBits(dst, v.Bytes(), bitLength(s)), nil
	case k.meaning == mPoint && v.Kind() == record.KindStruct:
		return appendPoint(dst, s, v)
	case k.meaning == mGeometry, k.meaning == mSparseVector:
		return nil, fmt.Errorf("%s is not in this build yet", s.Name())
	}
	switch v.Kind() {
	case record.KindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case record.KindFloat:
		return appendFloat(dst, s, v.Float()), nil
	case record.KindDecimal:
		return v.AppendDecimal(dst), nil
	case record.KindBytes:
		return append(append(dst, `\x`...), hex.EncodeToString(v.Bytes())...), nil
	case record.KindArray:
		if k.meaning == mVector {
			return t.vector(dst, v)
		}
		return t.array(dst, s.Elem(), v)
	case record.KindStruct, record.KindMap:
		return t.json(dst, s, v)
	}
	return nil, fmt.Errorf("a value of kind %s has no text form", v.Kind())
}

func appendFloat(dst []byte, s *schema.Schema, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 0):
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	}
	bits := 64
	if s != nil && s.Type() == schema.Float32 {
		bits = 32
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

func (t texter) integer(dst []byte, k kindOf, s *schema.Schema, n int64) []byte {
	switch k.meaning {
	case mDate:
		if sign := infiniteDate(n); sign != 0 {
			return append(dst, infinityText(sign)...)
		}
		return t.date(dst, time.Unix(t.zones.days(s, n)*86400, 0).UTC())
	case mTimestamp:
		if sign := infinite(n, k.perSec); sign != 0 {
			return append(dst, infinityText(sign)...)
		}
		return t.stamp(dst, t.zones.local(s, unix(n, k.perSec)))
	case mTime:
		n = t.zones.clock(s, n)
		sec := n / k.perSec
		dst = fmt.Appendf(dst, "%02d:%02d:%02d", sec/3600, sec/60%60, sec%60)
		return fraction(dst, n%k.perSec, digitsOf(k.perSec))
	case mDuration:
		sign := ""
		if n < 0 {
			sign = "-"
			n = -n
		}
		dst = fmt.Appendf(dst, "%s%d", sign, n/k.perSec)
		return append(fraction(dst, n%k.perSec, digitsOf(k.perSec)), " seconds"...)
	}
	return strconv.AppendInt(dst, n, 10)
}

// local, days and clock shift Kafka Connect's own types into the target's zone, where the connector's keys mean that.
func (z Zones) local(s *schema.Schema, tm time.Time) time.Time {
	if !z.Shift || z.DB == nil || s == nil || s.Name() != schema.TimestampName {
		return tm
	}
	return wall(tm, z.DB)
}

func (z Zones) days(s *schema.Schema, n int64) int64 {
	if !z.Shift || z.Date == nil || s == nil || s.Name() != schema.DateName {
		return n
	}
	sec := wall(time.Unix(n*86400, 0), z.Date).Unix()
	return floorDiv(sec, 86400)
}

func (z Zones) clock(s *schema.Schema, n int64) int64 {
	if !z.Shift || z.DB == nil || s == nil || s.Name() != schema.TimeName {
		return n
	}
	_, off := time.UnixMilli(n).In(z.DB).Zone()
	const day = 86400 * 1000
	return ((n+int64(off)*1000)%day + day) % day
}

// wall gives the local time of zone at tm, as if it were UTC.
func wall(tm time.Time, zone *time.Location) time.Time {
	_, off := tm.In(zone).Zone()
	return tm.UTC().Add(time.Duration(off) * time.Second)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// variableScale reads Debezium's VariableScaleDecimal.
func variableScale(s *schema.Schema, v record.Value) (record.Value, error) {
	if v.Kind() == record.KindDecimal {
		return v, nil
	}
	fs, fv := s.Field("scale"), s.Field("value")
	if v.Kind() != record.KindStruct || fs == nil || fv == nil {
		return record.Null, fmt.Errorf("a %s is not a struct of scale and value", s.Name())
	}
	scale, unscaled := v.Field(fs.Index), v.Field(fv.Index)
	if scale.Kind() != record.KindInt || unscaled.Kind() != record.KindBytes {
		return record.Null, fmt.Errorf("a %s holds no scale and value", s.Name())
	}
	return record.DecimalBytes(unscaled.Bytes(), int32(scale.Int())), nil
}

// bitWidth is how many bits a little-endian value has: the declared length, or those up to the highest that is set where the length
// varies, which length 0 stands for. (Debezium leaves zero bytes at the end away.)
func bitWidth(b []byte, length int) int {
	if length > 0 && length < math.MaxInt32 {
		return length
	}
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0 {
			return i*8 + bits.Len8(b[i])
		}
	}
	return 0
}

func bitLength(s *schema.Schema) int {
	if sourceType(s) == "VARBIT" {
		return 0
	}
	return intParam(s, "length")
}

func appendBits(dst, b []byte, length int) []byte {
	for i := bitWidth(b, length) - 1; i >= 0; i-- {
		bit := byte(0)
		if i/8 < len(b) {
			bit = b[i/8] >> (i % 8) & 1
		}
		dst = append(dst, '0'+bit)
	}
	return dst
}

func appendPoint(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	fx, fy := s.Field("x"), s.Field("y")
	if fx == nil || fy == nil || v.Field(fx.Index).Kind() != record.KindFloat || v.Field(fy.Index).Kind() != record.KindFloat {
		return nil, fmt.Errorf("a point has no x and y")
	}
	dst = appendFloat(append(dst, '('), nil, v.Field(fx.Index).Float())
	dst = appendFloat(append(dst, ','), nil, v.Field(fy.Index).Float())
	return append(dst, ')'), nil
}

func (t texter) vector(dst []byte, v record.Value) ([]byte, error) {
	dst = append(dst, '[')
	for i, e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if e.Kind() != record.KindFloat {
			return nil, fmt.Errorf("a vector holds a %s", e.Kind())
		}
		dst = appendFloat(dst, nil, e.Float())
	}
	return append(dst, ']'), nil
}

// array writes PostgreSQL's array literal.
func (t texter) array(dst []byte, elem *schema.Schema, v record.Value) ([]byte, error) {
	dst = append(dst, '{')
	var one []byte
	for i, e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch e.Kind() {
		case record.KindNull:
			dst = append(dst, "NULL"...)
			continue
		case record.KindArray:
			var err error
			if dst, err = t.array(dst, elem.Elem(), e); err != nil {
				return nil, err
			}
			continue
		}
		var err error
		if one, err = t.append(one[:0], elem, e); err != nil {
			return nil, err
		}
		dst = append(dst, '"')
		for _, c := range one {
			if c == '"' || c == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
		}
		dst = append(dst, '"')
	}
	return append(dst, '}'), nil
}
