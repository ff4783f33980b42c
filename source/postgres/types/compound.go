package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

// notInArray are element types whose arrays Debezium leaves out.
var notInArray = map[uint32]bool{oidMoney: true, oidName: true, oidInterval: true, oidVarbit: true, oidXML: true, oidPoint: true, oidRefcursor: true}

// array is the codec of an array: of its declared dimensions, of one where none are declared.
func (m *Map) array(t *Info, mod int32, dims int) (*Codec, error) {
	elemType, mod, err := m.resolve(t.Elem, mod)
	if err != nil {
		return nil, err
	}
	elem := m.scalar(elemType, mod)
	switch {
	case elem != nil && notInArray[elemType.OID] && !m.Options.IncludeUnknown:
		return nil, nil
	case elem == nil && m.Options.IncludeUnknown:
		elem = m.unknown(elemType)
	case elem == nil:
		return nil, nil
	}
	item := elem.Schema
	if !elem.inArray {
		item = item.Change(schema.Optional())
	}
	a := arrayReader{elem: elem, imitate: m.Options.ImitateFaults, dims: 1}
	s := schema.NewArray(item)
	if dims > 1 && !m.Options.ImitateFaults {
		a.dims = dims
		for range dims - 1 {
			s = schema.NewArray(s.Change(schema.Optional()))
		}
	}
	return &Codec{Schema: s, Fallback: record.Array(nil), Text: a.decode}, nil
}

// arrayReader reads array literals, {1,NULL,"a b",{2,3}}.
type arrayReader struct {
	elem    *Codec
	dims    int
	imitate bool
}

func (a *arrayReader) decode(s *capture.Slab, b []byte) (record.Value, error) {
	rest := b
	if len(rest) > 0 && rest[0] == '[' { // bounds that do not start at 1
		i := strings.IndexByte(text(rest), '=')
		rest = rest[i+1:]
	}
	v, rest, err := a.level(s, rest, a.dims, b)
	if err == nil && len(rest) > 0 {
		err = arrayError(b)
	}
	return v, err
}

func arrayError(b []byte) error { return fmt.Errorf("the server sent %q for an array", b) }

// level reads one pair of braces.
func (a *arrayReader) level(s *capture.Slab, b []byte, depth int, whole []byte) (record.Value, []byte, error) {
	if len(b) < 2 || b[0] != '{' {
		return record.Null, nil, arrayError(whole)
	}
	b = b[1:]
	var elems []record.Value
	for len(b) > 0 && b[0] != '}' {
		var v record.Value
		var err error
		if b[0] == '{' {
			v, b, err = a.nested(s, b, depth, whole)
		} else {
			v, b, err = a.item(s, b, whole)
			if err == nil && depth > 1 && !v.IsNull() {
				err = a.wrongDims(whole)
			}
		}
		if err != nil {
			return record.Null, nil, err
		}
		elems = append(elems, v)
		if len(b) > 0 && b[0] == ',' {
			b = b[1:]
		}
	}
	if len(b) == 0 {
		return record.Null, nil, arrayError(whole)
	}
	return record.Array(elems), b[1:], nil
}

// nested reads an inner array: as an array where the schema has one, as its literal where elements are texts.
func (a *arrayReader) nested(s *capture.Slab, b []byte, depth int, whole []byte) (record.Value, []byte, error) {
	if depth > 1 {
		return a.level(s, b, depth-1, whole)
	}
	end, err := innerEnd(b, whole)
	switch {
	case err != nil:
		return record.Null, nil, err
	case a.imitate:
		return record.Null, b[end:], nil
	case a.elem.IsText:
		return record.StringBytes(b[:end:end]), b[end:], nil
	}
	return record.Null, nil, a.wrongDims(whole)
}

func (a *arrayReader) wrongDims(whole []byte) error {
	return badValue(whole, "it has not the dimensions that its column declares",
		"Declare the column with as many [] as its values have, or set leat.imitate.debezium.faults=true to write nulls as Debezium does")
}

// innerEnd finds the end of the inner array at the start of b.
func innerEnd(b, whole []byte) (int, error) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, arrayError(whole)
}

// item reads one element.
func (a *arrayReader) item(s *capture.Slab, b, whole []byte) (record.Value, []byte, error) {
	if b[0] == '"' {
		raw, n, ok := unquote(s, b)
		if !ok {
			return record.Null, nil, arrayError(whole)
		}
		v, err := a.elem.Text(s, raw)
		return v, b[n:], err
	}
	n := 0
	for n < len(b) && b[n] != ',' && b[n] != '}' {
		n++
	}
	if string(b[:n]) == "NULL" {
		return record.Null, b[n:], nil
	}
	v, err := a.elem.Text(s, b[:n:n])
	return v, b[n:], err
}

// unquote reads a quoted text at the start of b and tells how long it was there.
func unquote(s *capture.Slab, b []byte) (raw []byte, n int, ok bool) {
	plain := true
	for n = 1; n < len(b) && b[n] != '"'; n++ {
		if b[n] == '\\' {
			plain = false
			n++
		}
	}
	if n >= len(b) {
		return nil, 0, false
	}
	inner := b[1:n:n]
	if plain {
		return inner, n + 1, true
	}
	out := s.Buffer(len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' {
			i++
		}
		out = append(out, inner[i])
	}
	return s.Keep(out), n + 1, true
}

// hstore is a JSON object or a map.
func (m *Map) hstore() *Codec {
	if m.Options.HStoreMap {
		return &Codec{Schema: schema.NewMap(schema.New(schema.String), schema.New(schema.String, schema.Optional())),
			Fallback: record.Map(nil), Text: func(s *capture.Slab, b []byte) (record.Value, error) {
				var entries []record.Entry
				err := eachPair(s, b, func(k, v record.Value) { entries = append(entries, record.Entry{Key: k, Value: v}) })
				return record.Map(entries), err
			}}
	}
	return &Codec{Schema: schema.Semantic(schema.String, schema.DebeziumJSON), Fallback: record.String("{}"), Text: hstoreJSON}
}

func hstoreJSON(s *capture.Slab, b []byte) (record.Value, error) {
	out := append(make([]byte, 0, len(b)+16), '{')
	err := eachPair(s, b, func(k, v record.Value) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendJSONString(out, k.Str()), ':')
		if v.IsNull() {
			out = append(out, "null"...)
		} else {
			out = appendJSONString(out, v.Str())
		}
	})
	return record.StringBytes(append(out, '}')), err
}

// eachPair reads "a"=>"1", "b"=>NULL.
func eachPair(s *capture.Slab, b []byte, pair func(k, v record.Value)) error {
	whole := b
	for len(b) > 0 {
		key, n, ok := unquote(s, b)
		if b[0] != '"' || !ok || len(b) < n+3 || b[n] != '=' || b[n+1] != '>' {
			return fmt.Errorf("the server sent %q for an hstore", whole)
		}
		b = b[n+2:]
		value := record.Null
		if b[0] == '"' {
			raw, n, ok := unquote(s, b)
			if !ok {
				return fmt.Errorf("the server sent %q for an hstore", whole)
			}
			value, b = record.StringBytes(raw), b[n:]
		} else {
			b = b[min(4, len(b)):] // NULL
		}
		pair(record.StringBytes(key), value)
		for len(b) > 0 && (b[0] == ',' || b[0] == ' ') {
			b = b[1:]
		}
	}
	return nil
}

// appendJSONString quotes as Jackson does.
func appendJSONString(dst []byte, str string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := 0; i < len(str); i++ {
		switch c := str[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}

var pointSchema = schema.NewStruct([]schema.Field{
	schema.F("x", schema.New(schema.Float64)), schema.F("y", schema.New(schema.Float64)),
	schema.F("wkb", schema.New(schema.Bytes, schema.Optional())), schema.F("srid", schema.New(schema.Int32, schema.Optional())),
}, schema.Named(schema.DebeziumPoint), schema.Version(1), schema.Doc("Geometry (POINT)"))

// pointText reads (x,y).
func pointText(s *capture.Slab, b []byte) (record.Value, error) {
	x, y, ok := strings.Cut(strings.Trim(string(b), "()"), ",")
	fx, err := strconv.ParseFloat(x, 64)
	fy, err2 := strconv.ParseFloat(y, 64)
	if !ok || err != nil || err2 != nil {
		return record.Null, fmt.Errorf("the server sent %q for a point", b)
	}
	return point(s, fx, fy), nil
}

// point makes the struct, with the point as little-endian WKB too.
func point(s *capture.Slab, x, y float64) record.Value {
	wkb := append(s.Buffer(21), 1, 1, 0, 0, 0)
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(x))
	wkb = binary.LittleEndian.AppendUint64(wkb, math.Float64bits(y))
	f := s.Values(4)
	f[0], f[1], f[2] = record.Float(x), record.Float(y), record.Bytes(s.Keep(wkb))
	return record.Struct(f)
}

// vectorCodec reads pgvector's [1,2,3].
func vectorCodec(name string, t schema.Type) *Codec {
	return &Codec{Schema: schema.NewArray(schema.New(t), schema.Named(name), schema.Version(1)), Fallback: record.Array(nil),
		Text: func(s *capture.Slab, b []byte) (record.Value, error) {
			parts := strings.Split(strings.Trim(string(b), "[]"), ",")
			elems := s.Values(len(parts))
			for i, p := range parts {
				f, err := strconv.ParseFloat(p, 64)
				if err != nil {
					return record.Null, fmt.Errorf("the server sent %q for a vector", b)
				}
				elems[i] = record.Float(f)
			}
			return record.Array(elems), nil
		}}
}

// javaNumbers writes the numbers of a geometric literal as Java's Double.toString does: the PostgreSQL driver of Debezium
// reads such values and writes them again.
func javaNumbers(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && strings.IndexByte("0123456789+-.eENaInfity", b[j]) >= 0 {
			j++
		}
		if j == i {
			dst = append(dst, b[i])
			i++
			continue
		}
		if f, err := strconv.ParseFloat(string(b[i:j]), 64); err == nil {
			dst = appendJavaDouble(dst, f)
		} else {
			dst = append(dst, b[i:j]...)
		}
		i = j
	}
	return dst
}

func appendJavaDouble(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f != f:
		return append(dst, "NaN"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
		if !strings.Contains(string(dst[start:]), ".") {
			dst = append(dst, '.', '0')
		}
		return dst
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exp)
	return append(dst, fmt.Sprintf("%sE%d", mantissa, n)...)
}
