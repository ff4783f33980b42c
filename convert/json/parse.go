package json

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"

	"leat/record"
)

const (
	maxDepth  = 1000
	maxNumber = 1000 // characters of a number
)

// SyntaxError tells where the text is not what it should be.
type SyntaxError struct {
	Offset int // in bytes
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("JSON at byte %d: %s", e.Offset, e.Reason) }

// parser reads one text. Values refer to the text wherever they can, else to slabs that many values share.
type parser struct {
	data  []byte
	pos   int
	depth int

	values []record.Value
	bytes  []byte
	small  [16]byte
	stack  []record.Value // elements of arrays and entries of maps that are not complete
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{p.pos, fmt.Sprintf(format, args...)}
}

// unexpected says what stands where want should be.
func (p *parser) unexpected(want string) error {
	if p.pos >= len(p.data) {
		return p.errorf("the text ends where %s should be", want)
	}
	r, _ := utf8.DecodeRune(p.data[p.pos:])
	return p.errorf("%q where %s should be", r, want)
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\n', '\t', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips space and gives the character after it, 0 at the end.
func (p *parser) next() byte {
	if p.pos < len(p.data) && p.data[p.pos] > ' ' {
		return p.data[p.pos]
	}
	p.space()
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) expect(c byte) error {
	if p.next() != c {
		return p.unexpected(string(rune(c)))
	}
	p.pos++
	return nil
}

// end checks that nothing follows.
func (p *parser) end() error {
	if p.space(); p.pos < len(p.data) {
		return p.unexpected("the end")
	}
	return nil
}

func (p *parser) word(w string) error {
	if len(p.data)-p.pos < len(w) || string(p.data[p.pos:p.pos+len(w)]) != w {
		return p.unexpected(w)
	}
	p.pos += len(w)
	return nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf("nested deeper than %d levels", maxDepth)
	}
	p.pos++ // the bracket
	return nil
}

// more steps over the comma before the next member, or over the closing bracket.
func (p *parser) more(first bool, closing byte) (bool, error) {
	switch c := p.next(); {
	case c == closing:
		p.pos++
		p.depth--
		return false, nil
	case first:
		return true, nil
	case c == ',':
		p.pos++
		return true, nil
	}
	return false, p.unexpected("a comma or " + string(rune(closing)))
}

// string reads a string, the quote being next, and gives its characters, which nobody must change.
func (p *parser) string() ([]byte, error) {
	start := p.pos + 1
	i, beyondASCII := start, false
	for ; i+8 <= len(p.data); i += 8 {
		w := binary.LittleEndian.Uint64(p.data[i:])
		beyondASCII = beyondASCII || w&highs != 0
		if m := ending(w); m != 0 {
			i += bits.TrailingZeros64(m) / 8
			break
		}
	}
	for ; i < len(p.data); i++ {
		switch c := p.data[i]; {
		case c == '"':
			p.pos = i + 1
			return p.checked(start, p.data[start:i], beyondASCII)
		case c == '\\':
			return p.escaped(start, i)
		case c < 0x20:
			p.pos = i
			return nil, p.errorf("control character %#02x in a string: it must be escaped", c)
		case c >= 0x80:
			beyondASCII = true
		}
	}
	p.pos = len(p.data)
	return nil, p.errorf("the text ends in a string")
}

// ending marks quotes, backslashes and control characters, as special does.
func ending(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

func (p *parser) checked(start int, s []byte, check bool) ([]byte, error) {
	if check && !utf8.Valid(s) {
		p.pos = start
		return nil, p.errorf("a string that is not UTF-8")
	}
	return s, nil
}

// escaped reads the rest of a string from its first backslash on, into a slab: unescaped it is not longer than its text.
func (p *parser) escaped(start, i int) ([]byte, error) {
	end := i
	for ; end < len(p.data) && p.data[end] != '"'; end++ {
		if p.data[end] == '\\' {
			end++
		}
	}
	if end >= len(p.data) {
		p.pos = len(p.data)
		return nil, p.errorf("the text ends in a string")
	}
	out := append(p.room(end - start)[:0], p.data[start:i]...)
	for p.pos = i; p.pos < end; {
		c := p.data[p.pos]
		switch {
		case c == '\\':
			p.pos++
			var err error
			if out, err = p.escape(out); err != nil {
				return nil, err
			}
		case c < 0x20:
			return nil, p.errorf("control character %#02x in a string: it must be escaped", c)
		default:
			out = append(out, c)
			p.pos++
		}
	}
	p.pos = end + 1
	return p.checked(start, out, true)
}

func (p *parser) escape(out []byte) ([]byte, error) {
	c := p.data[p.pos]
	p.pos++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return p.unicode(out)
	}
	p.pos--
	return nil, p.errorf("unknown escape \\%c", c)
}

// unicode reads the digits after \u, and the second half of a surrogate pair.
func (p *parser) unicode(out []byte) ([]byte, error) {
	r, err := p.hex4()
	if err != nil {
		return nil, err
	}
	if r < 0xd800 || r > 0xdfff {
		return utf8.AppendRune(out, r), nil
	}
	if r < 0xdc00 && p.pos+1 < len(p.data) && p.data[p.pos] == '\\' && p.data[p.pos+1] == 'u' {
		p.pos += 2
		low, err := p.hex4()
		if err != nil {
			return nil, err
		}
		if low >= 0xdc00 && low <= 0xdfff {
			return utf8.AppendRune(out, (r-0xd800)<<10+(low-0xdc00)+0x10000), nil
		}
	}
	return nil, p.errorf("half of a surrogate pair alone: it is no character")
}

func (p *parser) hex4() (r rune, err error) {
	for range 4 {
		if p.pos >= len(p.data) {
			return 0, p.errorf("the text ends in a \\u escape")
		}
		c := p.data[p.pos]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, p.unexpected("a hexadecimal digit")
		}
		r = r<<4 | rune(c)
		p.pos++
	}
	return r, nil
}

// number reads a number and gives its text; integral tells that it has neither fraction nor exponent. Leading zeros are
// allowed, as by Kafka.
func (p *parser) number() (text []byte, integral bool, err error) {
	start := p.pos
	if p.pos < len(p.data) && p.data[p.pos] == '-' {
		p.pos++
	}
	if err = p.digits(); err != nil {
		return nil, false, err
	}
	integral = true
	if p.pos < len(p.data) && p.data[p.pos] == '.' {
		p.pos++
		integral = false
		if err = p.digits(); err != nil {
			return nil, false, err
		}
	}
	if p.pos < len(p.data) && p.data[p.pos]|0x20 == 'e' {
		p.pos++
		integral = false
		if p.pos < len(p.data) && (p.data[p.pos] == '+' || p.data[p.pos] == '-') {
			p.pos++
		}
		if err = p.digits(); err != nil {
			return nil, false, err
		}
	}
	if p.pos-start > maxNumber {
		p.pos = start
		return nil, false, p.errorf("a number of more than %d characters", maxNumber)
	}
	return p.data[start:p.pos], integral, nil
}

func (p *parser) digits() error {
	start := p.pos
	for p.pos < len(p.data) && p.data[p.pos]-'0' <= 9 {
		p.pos++
	}
	if p.pos == start {
		return p.unexpected("a digit")
	}
	return nil
}

// skip reads a value of any type and forgets it.
func (p *parser) skip() error {
	switch c := p.next(); {
	case c == '{':
		return p.skipObject()
	case c == '[':
		return p.skipArray()
	case c == '"':
		_, err := p.string()
		return err
	case c == 't':
		return p.word("true")
	case c == 'f':
		return p.word("false")
	case c == 'n':
		return p.word("null")
	case c == '-' || c >= '0' && c <= '9':
		_, _, err := p.number()
		return err
	}
	return p.unexpected("a value")
}

func (p *parser) skipObject() error {
	if err := p.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := p.more(first, '}')
		if !more || err != nil {
			return err
		}
		if _, err := p.name(); err != nil {
			return err
		}
		if err := p.skip(); err != nil {
			return err
		}
	}
}

func (p *parser) skipArray() error {
	if err := p.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := p.more(first, ']')
		if !more || err != nil {
			return err
		}
		if err := p.skip(); err != nil {
			return err
		}
	}
}

// name reads the name of a member and the colon after it.
func (p *parser) name() ([]byte, error) {
	if p.next() != '"' {
		return nil, p.unexpected("the name of a member, in quotes,")
	}
	name, err := p.string()
	if err != nil {
		return nil, err
	}
	return name, p.expect(':')
}

// largeText is the size from which a text has slabs of its own. Invariant 8: the values of small texts that share one with it would keep
// it alive.
const largeText = 128 << 10

// release lets go of the text.
func (p *parser) release() {
	if len(p.data) >= largeText {
		p.values, p.bytes, p.stack = nil, nil, nil
	}
	p.data = nil
}

// slab gives room for n values that are not used yet.
func (p *parser) slab(n int) []record.Value {
	if len(p.values) < n {
		p.values = make([]record.Value, max(n, slabValues))
	}
	v := p.values[:n:n]
	p.values = p.values[n:]
	return v
}

// room gives n bytes that are not used yet.
func (p *parser) room(n int) []byte {
	if len(p.bytes) < n {
		p.bytes = make([]byte, max(n, slabBytes))
	}
	b := p.bytes[:n:n]
	p.bytes = p.bytes[n:]
	return b
}

const (
	slabValues = 512
	slabBytes  = 2048
)
