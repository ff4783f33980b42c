package types

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

// text views bytes as a string without a copy.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func stringText(_ *capture.Slab, b []byte) (record.Value, error) { return record.StringBytes(b), nil }

func boolText(_ *capture.Slab, b []byte) (record.Value, error) {
	return record.Bool(len(b) > 0 && b[0] == 't'), nil
}

func boolBinary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 1 {
		return record.Null, wrongSize("bool", b)
	}
	return record.Bool(b[0] != 0), nil
}

func wrongSize(name string, b []byte) error {
	return fmt.Errorf("a %s of %d bytes came from the server", name, len(b))
}

func intText(_ *capture.Slab, b []byte) (record.Value, error) {
	if n, ok := parseInt(b); ok {
		return record.Int(n), nil
	}
	n, err := strconv.ParseInt(text(b), 10, 64)
	if err != nil {
		return record.Null, fmt.Errorf("the server sent %q for an integer", b)
	}
	return record.Int(n), nil
}

// parseInt is the short way for up to 18 digits.
func parseInt(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	if neg {
		n = -n
	}
	return n, true
}

func int2Binary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 2 {
		return record.Null, wrongSize("int2", b)
	}
	return record.Int(int64(int16(binary.BigEndian.Uint16(b)))), nil
}

func int4Binary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 4 {
		return record.Null, wrongSize("int4", b)
	}
	return record.Int(int64(int32(binary.BigEndian.Uint32(b)))), nil
}

func oidBinary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 4 {
		return record.Null, wrongSize("oid", b)
	}
	return record.Int(int64(binary.BigEndian.Uint32(b))), nil
}

func int8Binary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 8 {
		return record.Null, wrongSize("int8", b)
	}
	return record.Int(int64(binary.BigEndian.Uint64(b))), nil
}

func float4Text(_ *capture.Slab, b []byte) (record.Value, error) { return parseFloat(b, 32) }
func float8Text(_ *capture.Slab, b []byte) (record.Value, error) { return parseFloat(b, 64) }

func parseFloat(b []byte, bits int) (record.Value, error) {
	f, err := strconv.ParseFloat(text(b), bits)
	if err != nil {
		return record.Null, fmt.Errorf("the server sent %q for a floating-point number", b)
	}
	return record.Float(f), nil
}

func float4Binary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 4 {
		return record.Null, wrongSize("float4", b)
	}
	return record.Float(float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
}

func float8Binary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 8 {
		return record.Null, wrongSize("float8", b)
	}
	return record.Float(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
}

func uuidBinary(s *capture.Slab, b []byte) (record.Value, error) {
	if len(b) != 16 {
		return record.Null, wrongSize("uuid", b)
	}
	out := s.Buffer(36)[:36]
	hex.Encode(out, b[:4])
	hex.Encode(out[9:], b[4:6])
	hex.Encode(out[14:], b[6:8])
	hex.Encode(out[19:], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return record.StringBytes(s.Keep(out)), nil
}

func jsonbBinary(_ *capture.Slab, b []byte) (record.Value, error) {
	if len(b) == 0 || b[0] != 1 {
		return record.Null, fmt.Errorf("a jsonb of an unknown version came from the server")
	}
	return record.StringBytes(b[1:]), nil
}

// bytea is binary data in the form of binary.handling.mode. Its binary decoder takes the raw bytes.
func (m *Map) bytea() *Codec {
	c := &Codec{Schema: schema.New(schema.String), Fallback: record.String("")}
	switch m.Options.Binary {
	case capture.BinaryBase64:
		c.Binary = base64Of(base64.StdEncoding)
	case capture.BinaryBase64URLSafe:
		c.Binary = base64Of(base64.URLEncoding)
	case capture.BinaryHex:
		c.Binary = func(s *capture.Slab, b []byte) (record.Value, error) {
			return record.StringBytes(s.Keep(hex.AppendEncode(s.Buffer(2*len(b)), b))), nil
		}
	default:
		c.Schema, c.Fallback = schema.New(schema.Bytes), record.Bytes(nil)
		c.Binary = func(_ *capture.Slab, b []byte) (record.Value, error) { return record.Bytes(b), nil }
	}
	encode := c.Binary
	c.Text = func(s *capture.Slab, b []byte) (record.Value, error) {
		raw, err := byteaText(s, b)
		if err != nil {
			return record.Null, err
		}
		return encode(s, raw)
	}
	return c
}

func base64Of(enc *base64.Encoding) Decode {
	return func(s *capture.Slab, b []byte) (record.Value, error) {
		return record.StringBytes(s.Keep(enc.AppendEncode(s.Buffer(enc.EncodedLen(len(b))), b))), nil
	}
}

// byteaText reads the hex form, which the session asks for.
func byteaText(s *capture.Slab, b []byte) ([]byte, error) {
	if len(b) < 2 || b[0] != '\\' || b[1] != 'x' {
		return nil, fmt.Errorf("the server sent a bytea that is not in hex form")
	}
	out, err := hex.AppendDecode(s.Buffer(len(b)/2), b[2:])
	if err != nil {
		return nil, fmt.Errorf("the server sent a bytea with wrong digits: %w", err)
	}
	return s.Keep(out), nil
}

// bitCodec is bit(1) as boolean and longer ones as little-endian bytes without leading zeros, as java.util.BitSet gives them.
func bitCodec(oid uint32, mod int32) *Codec {
	length := int(mod)
	if length < 0 && oid == oidVarbit {
		length = math.MaxInt32
	}
	if length <= 1 {
		return &Codec{Schema: schema.New(schema.Boolean), Fallback: record.Bool(false), Text: func(_ *capture.Slab, b []byte) (record.Value, error) {
			return record.Bool(len(b) > 0 && b[len(b)-1] == '1'), nil
		}, generated: "0", hasDefault: true}
	}
	return &Codec{
		Schema:   schema.Semantic(schema.Bytes, schema.DebeziumBits, schema.With("length", strconv.Itoa(length))),
		Fallback: record.Bytes(nil), Text: bitsText, generated: "0", hasDefault: true,
	}
}

func bitsText(s *capture.Slab, b []byte) (record.Value, error) {
	size := (len(b) + 7) / 8
	out := s.Buffer(size)[:size]
	clear(out)
	for i := range b {
		if b[len(b)-1-i] == '1' {
			out[i/8] |= 1 << (i % 8)
		}
	}
	for len(out) > 0 && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return record.Bytes(s.Keep(out)), nil
}
