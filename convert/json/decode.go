package json

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	"leat/record"
	"leat/schema"
)

// decNode reads the values of one schema.
type decNode struct {
	op        encOp
	schema    *schema.Schema
	min, max  int64 // of integers
	scale     int32 // of decimals
	scaled    bool
	fields    []decField
	index     map[string]int
	key, elem *decNode
	null      record.Value // what null becomes
	nullable  bool
}

type decField struct {
	prefix []byte // "name": as it stands in compact JSON
	name   string
	node   *decNode
}

// compileDecoder makes the node of s; replaceNull reads a null as the default where there is one.
func compileDecoder(s *schema.Schema, replaceNull bool) *decNode {
	n := &decNode{schema: s, nullable: s.Optional()}
	if def, ok := record.DefaultOf(s); ok && replaceNull {
		n.null, n.nullable = def, true
	}
	switch s.Type() {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		width := 8 << (s.Type() - schema.Int8)
		n.op, n.min, n.max = opInt, math.MinInt64>>(64-width), math.MaxInt64>>(64-width)
	case schema.Float32:
		n.op = opFloat32
	case schema.Float64:
		n.op = opFloat64
	case schema.Boolean:
		n.op = opBool
	case schema.String:
		n.op = opString
	case schema.Bytes:
		n.op = opBytes
		if s.Name() == schema.DecimalName {
			n.op = opDecimal
			text, _ := s.Param("scale")
			scale, err := strconv.ParseInt(text, 10, 32)
			n.scale, n.scaled = int32(scale), err == nil
		}
	case schema.Array:
		n.op, n.elem = opArray, compileDecoder(s.Elem(), replaceNull)
	case schema.Map:
		n.op = opPairs
		if s.Key().Type() == schema.String {
			n.op = opMap
		}
		n.key, n.elem = compileDecoder(s.Key(), replaceNull), compileDecoder(s.Elem(), replaceNull)
	case schema.Struct:
		n.compileFields(s, replaceNull)
	}
	return n
}

func (n *decNode) compileFields(s *schema.Schema, replaceNull bool) {
	n.op = opStruct
	n.fields = make([]decField, len(s.Fields()))
	n.index = make(map[string]int, len(n.fields))
	for i, f := range s.Fields() {
		n.fields[i] = decField{append(appendString(nil, []byte(f.Name)), ':'), f.Name, compileDecoder(f.Schema, replaceNull)}
		n.index[f.Name] = i
	}
}

// typed reads the value of n that comes next.
func (p *parser) typed(n *decNode) (record.Value, error) {
	c := p.next()
	if c == 0 {
		return record.Null, p.unexpected("a " + n.schema.String())
	}
	if c == 'n' {
		if err := p.word("null"); err != nil {
			return record.Null, err
		}
		return p.null(n)
	}
	switch n.op {
	case opInt:
		return p.int(n)
	case opString:
		if c == '"' {
			s, err := p.string()
			return record.StringBytes(s), err
		}
	case opFloat32, opFloat64:
		return p.float(n)
	case opBool:
		if c == 't' {
			return record.Bool(true), p.word("true")
		}
		if c == 'f' {
			return record.Bool(false), p.word("false")
		}
	case opBytes:
		if c == '"' {
			b, err := p.base64(false)
			return record.Bytes(b), err
		}
	case opDecimal:
		return p.decimal(n)
	case opArray:
		if c == '[' {
			return p.array(n)
		}
	case opMap:
		if c == '{' {
			return p.mapObject(n)
		}
	case opPairs:
		if c == '[' {
			return p.mapPairs(n)
		}
	case opStruct:
		if c == '{' {
			return p.object(n)
		}
	}
	return record.Null, p.unexpected("a " + n.schema.String())
}

func (p *parser) null(n *decNode) (record.Value, error) {
	if !n.nullable {
		return record.Null, p.errorf("null for a %s that is required and has no default", n.schema)
	}
	return n.null, nil
}

func (p *parser) int(n *decNode) (record.Value, error) {
	start := p.pos
	if v, ok := p.shortInt(); ok && v >= n.min && v <= n.max {
		return record.Int(v), nil
	}
	p.pos = start
	if c := p.next(); c != '-' && (c < '0' || c > '9') {
		return record.Null, p.unexpected("a " + n.schema.String())
	}
	text, integral, err := p.number()
	if err != nil {
		return record.Null, err
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if !integral {
		v, err = wholeNumber(text)
	}
	if err != nil || v < n.min || v > n.max {
		p.pos = start
		return record.Null, p.errorf("%s is no %s", text, n.schema.Type())
	}
	return record.Int(v), nil
}

// shortInt reads an integer of up to 18 digits; false for anything else.
func (p *parser) shortInt() (v int64, ok bool) {
	i, negative := p.pos, false
	if p.data[i] == '-' {
		negative = true
		i++
	}
	start := i
	for ; i < len(p.data) && p.data[i]-'0' <= 9; i++ {
		v = v*10 + int64(p.data[i]-'0')
	}
	if i == start || i-start > 18 || i < len(p.data) && (p.data[i] == '.' || p.data[i]|0x20 == 'e') {
		return 0, false
	}
	p.pos = i
	if negative {
		v = -v
	}
	return v, true
}

// wholeNumber gives the integer that a number with a fraction or an exponent stands for, such as 1.0.
func wholeNumber(text []byte) (int64, error) {
	d, err := record.ParseDecimal(text)
	if err != nil {
		return 0, err
	}
	if d, err = d.Rescale(0); err != nil {
		return 0, err
	}
	v, _, ok := d.DecimalInt64()
	if !ok {
		return 0, strconv.ErrRange
	}
	return v, nil
}

func (p *parser) float(n *decNode) (record.Value, error) {
	width := 64
	if n.op == opFloat32 {
		width = 32
	}
	if p.data[p.pos] == '"' {
		start := p.pos
		s, err := p.string()
		if err != nil {
			return record.Null, err
		}
		switch string(s) {
		case "NaN":
			return record.Float(math.NaN()), nil
		case "Infinity":
			return record.Float(math.Inf(1)), nil
		case "-Infinity":
			return record.Float(math.Inf(-1)), nil
		}
		p.pos = start
		return record.Null, p.errorf("a string where a %s should be", n.schema)
	}
	if c := p.data[p.pos]; c != '-' && (c < '0' || c > '9') {
		return record.Null, p.unexpected("a " + n.schema.String())
	}
	text, _, err := p.number()
	if err != nil {
		return record.Null, err
	}
	f, err := parseFloat(text, width)
	if err != nil { // Invariant 7: what is out of range does not become infinite.
		return record.Null, p.errorf("%s is out of the range of %s", text, n.schema.Type())
	}
	return record.Float(f), nil
}

// parseFloat reads numbers of up to 15 digits and a small fraction exactly without strconv's general way.
func parseFloat(text []byte, width int) (float64, error) {
	if width == 64 && len(text) <= 16 {
		if f, ok := shortFloat(text); ok {
			return f, nil
		}
	}
	return strconv.ParseFloat(string(text), width)
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat divides one exact float by another, which rounds once and so correctly.
func shortFloat(text []byte) (float64, bool) {
	i := 0
	if text[0] == '-' {
		i++
	}
	var m int64
	digits, fraction, point := 0, 0, false
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '.':
			point = true
		case c-'0' <= 9:
			m = m*10 + int64(c-'0')
			digits++
			if point {
				fraction++
			}
		default:
			return 0, false
		}
	}
	if digits > 15 {
		return 0, false
	}
	f := float64(m) / powers[fraction]
	if text[0] == '-' {
		f = -f
	}
	return f, true
}

// base64 reads a string of base64, the quote being next; scratch allows the parser's small buffer, to be read at once.
func (p *parser) base64(scratch bool) ([]byte, error) {
	start := p.pos
	s, err := p.string()
	if err != nil {
		return nil, err
	}
	size := base64.StdEncoding.DecodedLen(len(s))
	out := p.small[:]
	if !scratch || size > len(out) {
		out = p.room(size)
	}
	size, err = base64.StdEncoding.Decode(out, s)
	if err != nil {
		p.pos = start
		return nil, p.errorf("bytes that are not base64")
	}
	return out[:size:size], nil
}

func (p *parser) decimal(n *decNode) (record.Value, error) {
	start := p.pos
	switch c := p.next(); {
	case c == '"':
		if !n.scaled {
			return record.Null, p.errorf("the Decimal schema has no valid parameter scale")
		}
		b, err := p.base64(true)
		if err != nil {
			return record.Null, err
		}
		if len(b) > 8 && len(b) <= len(p.small) {
			b = append(p.room(len(b))[:0], b...)
		}
		return record.DecimalBytes(b, n.scale), nil
	case c == '-' || c >= '0' && c <= '9':
		text, _, err := p.number()
		if err != nil {
			return record.Null, err
		}
		d, err := record.ParseDecimal(text)
		if err != nil {
			p.pos = start
			return record.Null, p.errorf("%s: %v", text, err)
		}
		if n.scaled && d.Scale() != n.scale {
			if same, err := d.Rescale(n.scale); err == nil {
				d = same
			}
		}
		return d, nil
	}
	return record.Null, p.unexpected("a " + n.schema.String())
}

func (p *parser) array(n *decNode) (record.Value, error) {
	if err := p.enter(); err != nil {
		return record.Null, err
	}
	base := len(p.stack)
	for first := true; ; first = false {
		more, err := p.more(first, ']')
		if err != nil {
			return record.Null, err
		}
		if !more {
			return record.Array(p.pop(base)), nil
		}
		v, err := p.typed(n.elem)
		if err != nil {
			return record.Null, err
		}
		p.stack = append(p.stack, v)
	}
}

// pop takes the values above base off the stack, into a slab.
func (p *parser) pop(base int) []record.Value {
	elems := p.slab(len(p.stack) - base)
	copy(elems, p.stack[base:])
	p.stack = p.stack[:base]
	return elems
}

func (p *parser) popEntries(base int) record.Value {
	entries := make([]record.Entry, (len(p.stack)-base)/2)
	for i := range entries {
		entries[i] = record.Entry{Key: p.stack[base+2*i], Value: p.stack[base+2*i+1]}
	}
	p.stack = p.stack[:base]
	return record.Map(entries)
}

func (p *parser) mapObject(n *decNode) (record.Value, error) {
	return p.members(func() (record.Value, error) { return p.typed(n.elem) })
}

// members reads an object as a map. Invariant 7: a key that occurs twice is an error, since one value would be lost.
func (p *parser) members(value func() (record.Value, error)) (record.Value, error) {
	if err := p.enter(); err != nil {
		return record.Null, err
	}
	base := len(p.stack)
	var seen map[string]struct{}
	for first := true; ; first = false {
		more, err := p.more(first, '}')
		if err != nil {
			return record.Null, err
		}
		if !more {
			return p.popEntries(base), nil
		}
		start := p.pos
		name, err := p.name()
		if err != nil {
			return record.Null, err
		}
		if seen, err = p.unseen(seen, base, start, name); err != nil {
			return record.Null, err
		}
		v, err := value()
		if err != nil {
			return record.Null, err
		}
		p.stack = append(p.stack, record.StringBytes(name), v)
	}
}

// unseen checks that name is not among the keys above base: by looking at each while they are few, by a set then.
func (p *parser) unseen(seen map[string]struct{}, base, start int, name []byte) (map[string]struct{}, error) {
	keys := p.stack[base:]
	again := false
	switch {
	case seen != nil:
		_, again = seen[string(name)]
	case len(keys) <= 32:
		for i := 0; i < len(keys) && !again; i += 2 {
			again = keys[i].Str() == string(name)
		}
	default:
		seen = make(map[string]struct{}, len(keys))
		for i := 0; i < len(keys); i += 2 {
			seen[keys[i].Str()] = struct{}{}
		}
		_, again = seen[string(name)]
	}
	if again {
		p.pos = start
		return seen, p.errorf("member %q occurs twice", name)
	}
	if seen != nil {
		seen[string(name)] = struct{}{}
	}
	return seen, nil
}

func (p *parser) mapPairs(n *decNode) (record.Value, error) {
	if err := p.enter(); err != nil {
		return record.Null, err
	}
	base := len(p.stack)
	for first := true; ; first = false {
		more, err := p.more(first, ']')
		if err != nil {
			return record.Null, err
		}
		if !more {
			return p.popEntries(base), nil
		}
		if err := p.pair(n); err != nil {
			return record.Null, err
		}
	}
}

func (p *parser) pair(n *decNode) error {
	if err := p.expect('['); err != nil {
		return err
	}
	key, err := p.typed(n.key)
	if err != nil {
		return err
	}
	if err = p.expect(','); err != nil {
		return err
	}
	v, err := p.typed(n.elem)
	if err != nil {
		return err
	}
	p.stack = append(p.stack, key, v)
	return p.expect(']')
}

// object reads a struct. Members are mostly in the order of the fields and without space: that is tried first. A field that
// is not yet there holds Unchanged, which no JSON gives.
func (p *parser) object(n *decNode) (record.Value, error) {
	if err := p.enter(); err != nil {
		return record.Null, err
	}
	values := p.slab(len(n.fields))
	for i := range values {
		values[i] = record.Unchanged
	}
	next := 0
	for first := true; ; first = false {
		more, err := p.more(first, '}')
		if err != nil {
			return record.Null, err
		}
		if !more {
			break
		}
		if next < len(n.fields) && bytes.HasPrefix(p.data[p.pos:], n.fields[next].prefix) && values[next].IsUnchanged() {
			p.pos += len(n.fields[next].prefix)
		} else if next, err = p.field(n, values); err != nil {
			return record.Null, err
		}
		if next < 0 {
			err = p.skip()
			next = len(n.fields)
		} else if values[next], err = p.typed(n.fields[next].node); err == nil {
			next++
		} else {
			err = inField(n.fields[next].name, err)
		}
		if err != nil {
			return record.Null, err
		}
	}
	for i := range values {
		if values[i].IsUnchanged() {
			var err error
			if values[i], err = p.null(n.fields[i].node); err != nil {
				return record.Null, inField(n.fields[i].name, err)
			}
		}
	}
	return record.Struct(values), nil
}

// field reads the name of a member and finds its field; -1 for one that the schema does not name, which Kafka ignores too.
func (p *parser) field(n *decNode, values []record.Value) (int, error) {
	start := p.pos
	name, err := p.name()
	if err != nil {
		return 0, err
	}
	i, ok := n.index[string(name)]
	if !ok {
		return -1, nil
	}
	if !values[i].IsUnchanged() {
		p.pos = start
		return 0, p.errorf("member %q occurs twice", name)
	}
	return i, nil
}

func inField(name string, err error) error { return fmt.Errorf("field %s: %w", name, err) }

// schemaless reads a value of any type.
func (p *parser) schemaless() (record.Value, error) {
	switch c := p.next(); {
	case c == '{':
		return p.members(p.schemaless)
	case c == '[':
		return p.schemalessArray()
	case c == '"':
		s, err := p.string()
		return record.StringBytes(s), err
	case c == 't':
		return record.Bool(true), p.word("true")
	case c == 'f':
		return record.Bool(false), p.word("false")
	case c == 'n':
		return record.Null, p.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return p.schemalessNumber()
	}
	return record.Null, p.unexpected("a value")
}

func (p *parser) schemalessArray() (record.Value, error) {
	if err := p.enter(); err != nil {
		return record.Null, err
	}
	base := len(p.stack)
	for first := true; ; first = false {
		more, err := p.more(first, ']')
		if err != nil {
			return record.Null, err
		}
		if !more {
			return record.Array(p.pop(base)), nil
		}
		v, err := p.schemaless()
		if err != nil {
			return record.Null, err
		}
		p.stack = append(p.stack, v)
	}
}

// schemalessNumber gives an integer or a float, or (invariant 7) a decimal where these would lose digits.
func (p *parser) schemalessNumber() (record.Value, error) {
	if v, ok := p.shortInt(); ok {
		return record.Int(v), nil
	}
	start := p.pos
	text, integral, err := p.number()
	if err != nil {
		return record.Null, err
	}
	if integral {
		if v, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return record.Int(v), nil
		}
	} else if f, err := parseFloat(text, 64); err == nil && floatHolds(f, text) {
		return record.Float(f), nil
	}
	d, err := record.ParseDecimal(text)
	if err != nil {
		p.pos = start
		return record.Null, p.errorf("%s: %v", text, err)
	}
	return d, nil
}

// floatHolds tells whether the shortest digits of f are those of text, leading and trailing zeros aside.
func floatHolds(f float64, text []byte) bool {
	if len(text) <= 16 && (f > 1e-5 || f < -1e-5) && !bytes.ContainsAny(text, "eE") {
		return true // no more than 15 digits
	}
	return record.FloatHolds(f, 64, text)
}
