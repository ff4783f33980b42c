package record

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"leat/schema"
)

// The schemas that Infer gives to scalars.
var (
	int8Schema      = schema.New(schema.Int8)
	int16Schema     = schema.New(schema.Int16)
	int32Schema     = schema.New(schema.Int32)
	int64Schema     = schema.New(schema.Int64)
	float32Schema   = schema.New(schema.Float32)
	float64Schema   = schema.New(schema.Float64)
	boolSchema      = schema.New(schema.Boolean)
	stringSchema    = schema.New(schema.String)
	dateSchema      = schema.New(schema.Int32, schema.Named(schema.DateName), schema.Version(1))
	timeSchema      = schema.New(schema.Int32, schema.Named(schema.TimeName), schema.Version(1))
	timestampSchema = schema.New(schema.Int64, schema.Named(schema.TimestampName), schema.Version(1))
)

// typedValue is what was parsed: null when the schema is nil and the value null, schemaless when only the schema is nil.
type typedValue struct {
	schema *schema.Schema
	value  Value
}

func (v typedValue) isNull() bool { return v.value.IsNull() }

// maxNesting bounds arrays within arrays.
const maxNesting = 100

// errNoValue tells that what should be an array or map is none: it is text then.
var errNoValue = errors.New("record: no embedded value")

// Infer reads a text as Connect's Values.parseString does, which reads headers and literals: null, booleans, the smallest
// fitting integer, fractions, dates, times, timestamps, arrays and maps; anything else is text. convert/text tells where it
// differs.
func Infer(text string) (*schema.Schema, Value) {
	if text == "" {
		return stringSchema, String(text)
	}
	p := &inferrer{tokens: tokens{text: text}}
	v, err := p.parse(false)
	// Invariant 7: what follows the value ("12:34" after 12) is not dropped, as Kafka does; it makes the whole a text.
	if err != nil || strings.TrimSpace(text[p.mark():]) != "" {
		return stringSchema, String(text)
	}
	return v.schema, v.value
}

type inferrer struct {
	tokens
	depth int
}

func (p *inferrer) parse(embedded bool) (typedValue, error) {
	if !p.hasNext() {
		return typedValue{}, nil
	}
	if embedded && p.consume(`"`) {
		return p.quoted(), nil
	}
	for word, v := range literals {
		if p.literal(embedded, word) {
			return v, nil
		}
	}
	start := p.mark()
	if v, ok := p.composite(); ok {
		return v, nil
	}
	p.rewind(start)
	token := p.next()
	if strings.TrimSpace(token) == "" {
		return typedValue{stringSchema, String(token)}, nil
	}
	return p.scalar(embedded, strings.TrimSpace(token))
}

var literals = map[string]typedValue{
	"null": {}, "true": {boolSchema, Bool(true)}, "false": {boolSchema, Bool(false)},
}

// literal consumes word where it stands alone.
func (p *inferrer) literal(embedded bool, word string) bool {
	start := p.mark()
	if p.consume(word) && (embedded || !p.hasNext()) {
		return true
	}
	p.rewind(start)
	return false
}

// composite reads an array or a map.
func (p *inferrer) composite() (v typedValue, ok bool) {
	if p.depth++; p.depth > maxNesting {
		return v, false
	}
	defer func() { p.depth-- }()
	err := errNoValue
	if p.consume("[") {
		v, err = p.array()
	} else if p.consume("{") {
		v, err = p.mapping()
	}
	return v, err == nil
}

func (p *inferrer) scalar(embedded bool, token string) (typedValue, error) {
	first := rune(token[0])
	if unicode.IsDigit(first) {
		if v, ok := p.temporal(token); ok {
			return v, nil
		}
	}
	if unicode.IsDigit(first) || first == '+' || first == '-' {
		if v, ok := inferNumber(token); ok {
			return v, nil
		}
	}
	if embedded {
		return typedValue{}, errNoValue
	}
	return typedValue{stringSchema, String(p.text)}, nil
}

func (p *inferrer) quoted() typedValue {
	var content strings.Builder
	for p.hasNext() && !p.consume(`"`) {
		content.WriteString(p.next())
	}
	if v, ok := parseTemporal(content.String()); ok {
		return v
	}
	return typedValue{stringSchema, String(content.String())}
}

func (p *inferrer) array() (typedValue, error) {
	var elems []typedValue
	for p.hasNext() {
		if p.consume("]") {
			return arrayOf(elems)
		}
		if p.consume(",") {
			return typedValue{}, errNoValue
		}
		e, err := p.parse(true)
		if err != nil {
			return typedValue{}, err
		}
		elems = append(elems, e)
		at := p.mark()
		if p.consume("]") {
			p.rewind(at)
		} else if !p.consume(",") {
			return typedValue{}, errNoValue
		}
	}
	return typedValue{}, errNoValue
}

func (p *inferrer) mapping() (typedValue, error) {
	var keys, values []typedValue
	for p.hasNext() {
		if p.consume("}") {
			return mapOf(keys, values)
		}
		if p.consume(",") {
			return typedValue{}, errNoValue
		}
		k, err := p.parse(true)
		if err != nil || k.isNull() || !p.consume(":") {
			return typedValue{}, errNoValue
		}
		v, err := p.parse(true)
		if err != nil {
			return typedValue{}, err
		}
		p.consume(",")
		keys, values = append(keys, k), append(values, v)
	}
	return typedValue{}, errNoValue
}

func arrayOf(elems []typedValue) (typedValue, error) {
	s, values, err := align(elems)
	if err != nil {
		return typedValue{}, err
	}
	if s != nil {
		s = schema.NewArray(s)
	}
	return typedValue{s, Array(values)}, nil
}

func mapOf(keys, elems []typedValue) (typedValue, error) {
	ks, keyValues, err := align(keys)
	if err != nil {
		return typedValue{}, err
	}
	es, values, err := align(elems)
	if err != nil {
		return typedValue{}, err
	}
	var entries []Entry
	for i, k := range keyValues {
		at := slices.IndexFunc(entries, func(e Entry) bool { return Equal(e.Key, k) })
		if at >= 0 {
			entries[at].Value = values[i] // the last one counts, in the place of the first
		} else {
			entries = append(entries, Entry{k, values[i]})
		}
	}
	if ks == nil || es == nil {
		return typedValue{nil, Map(entries)}, nil
	}
	return typedValue{schema.NewMap(ks, es), Map(entries)}, nil
}

// align finds the common type of values and brings them to it; nil when there is none. A null among typed values is no value
// at all for Kafka: the whole is text then.
func align(elems []typedValue) (*schema.Schema, []Value, error) {
	values := make([]Value, len(elems))
	var common *schema.Schema
	mixed, nulls := false, false
	for i, e := range elems {
		values[i] = e.value
		switch {
		case e.isNull():
			nulls = true
		case e.schema == nil:
			mixed = true
		case common == nil:
			common = e.schema
		default:
			if common = merge(common, e.schema); common == nil {
				mixed = true
			}
		}
		if mixed {
			common = nil
		}
	}
	if mixed || common == nil {
		return nil, values, nil
	}
	if nulls {
		return nil, nil, errNoValue
	}
	if t := common.Type(); t == schema.Float32 || t == schema.Float64 {
		for i, v := range values {
			if v.Kind() == KindInt {
				values[i] = Float(float64(v.Int()))
			}
		}
	}
	return common, values, nil
}

// merge gives the wider of two number types, or the type itself; nil when values of the two have nothing in common, or would
// lose digits in the wider one.
func merge(a, b *schema.Schema) *schema.Schema {
	if schema.Equal(a, b) {
		return a
	}
	if a.Name() != "" || b.Name() != "" || a.Type() > schema.Float64 || b.Type() > schema.Float64 {
		return nil
	}
	wide, narrow := a, b
	if wide.Type() < narrow.Type() {
		wide, narrow = narrow, wide
	}
	if wide.Type() == schema.Float32 && narrow.Type() >= schema.Int32 || wide.Type() == schema.Float64 && narrow.Type() == schema.Int64 {
		return nil
	}
	return wide
}

// inferNumber reads a number: an integer of the smallest type, or a fraction of the smallest type that holds its digits.
func inferNumber(token string) (typedValue, bool) {
	if len(token) > 1000 {
		return typedValue{}, false
	}
	d, err := ParseDecimal([]byte(token))
	if err != nil {
		return typedValue{}, false
	}
	if whole, err := d.Rescale(0); err == nil {
		if n, _, ok := whole.DecimalInt64(); ok {
			return typedValue{smallest(n), Int(n)}, true
		}
	}
	if d.Scale() != 0 {
		if f, err := strconv.ParseFloat(token, 32); err == nil && FloatHolds(f, 32, []byte(token)) {
			return typedValue{float32Schema, Float(f)}, true
		}
		if f, err := strconv.ParseFloat(token, 64); err == nil && FloatHolds(f, 64, []byte(token)) {
			return typedValue{float64Schema, Float(f)}, true
		}
	}
	return typedValue{schema.NewDecimal(int(d.Scale()), 0), d}, true
}

func smallest(n int64) *schema.Schema {
	switch {
	case n >= math.MinInt8 && n <= math.MaxInt8:
		return int8Schema
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return int16Schema
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return int32Schema
	}
	return int64Schema
}

// temporal reads a date, or a time, whose colons make it five tokens.
func (p *inferrer) temporal(token string) (typedValue, bool) {
	start := p.mark()
	if rest, ok := p.take(4); ok {
		if v, ok := parseTemporal(token + rest); ok {
			return v, true
		}
	}
	p.rewind(start)
	return parseTemporal(token)
}

func parseTemporal(text string) (typedValue, bool) {
	text = strings.ReplaceAll(text, `\:`, ":")
	switch len(text) {
	case len("2006-01-02"):
		if t, err := time.Parse("2006-01-02", text); err == nil {
			return typedValue{dateSchema, Int(floorDay(t))}, true
		}
	case len("15:04:05.000Z"):
		if t, err := time.Parse("2006-01-02T15:04:05.000Z", "1970-01-01T"+text); err == nil {
			return typedValue{timeSchema, Int(t.UnixMilli())}, true
		}
	case len("2006-01-02T15:04:05.000Z"):
		if t, err := time.Parse("2006-01-02T15:04:05.000Z", text); err == nil {
			return typedValue{timestampSchema, Int(t.UnixMilli())}, true
		}
	}
	return typedValue{}, false
}

func floorDay(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		s -= 86399
	}
	return s / 86400
}
