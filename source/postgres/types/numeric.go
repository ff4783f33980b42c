package types

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strconv"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

var variableScale = schema.NewStruct([]schema.Field{
	schema.F("scale", schema.New(schema.Int32)), schema.F("value", schema.New(schema.Bytes)),
}, schema.Named(schema.DebeziumVariableScale), schema.Version(1), schema.Doc("Variable scaled decimal"))

// numeric is the codec of numeric(p,s), and of numeric without a scale.
func (m *Map) numeric(mod int32) *Codec {
	fixed := mod >= 4
	precision := int(mod-4) >> 16 & 0xffff
	scale := (int32(mod-4)&0x7ff ^ 1024) - 1024 // signed since PostgreSQL 15
	switch m.Options.Decimal {
	case capture.DecimalDouble:
		return &Codec{Schema: schema.New(schema.Float64), Text: float8Text, generated: "0", hasDefault: true, Fallback: record.Float(0)}
	case capture.DecimalString:
		return &Codec{Schema: schema.New(schema.String), Text: decimalString, generated: "0", hasDefault: true, Fallback: record.String("0")}
	}
	if !fixed {
		return &Codec{Schema: variableScale, Text: m.variableText, Binary: m.variableBinary,
			Fallback: record.Struct([]record.Value{record.Int(0), record.Bytes([]byte{0})})}
	}
	return &Codec{
		Schema: schema.NewDecimal(int(scale), precision), generated: "0", hasDefault: true, Fallback: record.Decimal(0, scale),
		Text: func(_ *capture.Slab, b []byte) (record.Value, error) {
			v, err := m.decimalText(b)
			if err != nil || v.IsNull() {
				return v, err
			}
			return rescale(v, scale, b)
		},
		Binary: func(_ *capture.Slab, b []byte) (record.Value, error) {
			v, err := m.decimalBinary(b)
			if err != nil || v.IsNull() {
				return v, err
			}
			return rescale(v, scale, b)
		},
	}
}

// decimalString keeps the text; NaN and the infinities are in Debezium's words.
func decimalString(_ *capture.Slab, b []byte) (record.Value, error) {
	switch string(b) {
	case "NaN":
		return record.String("NAN"), nil
	case "Infinity":
		return record.String("POSITIVE_INFINITY"), nil
	case "-Infinity":
		return record.String("NEGATIVE_INFINITY"), nil
	}
	return record.StringBytes(b), nil
}

func (m *Map) variableText(s *capture.Slab, b []byte) (record.Value, error) {
	v, err := m.decimalText(b)
	if err != nil || v.IsNull() {
		return v, err
	}
	return variable(s, v), nil
}

func (m *Map) variableBinary(s *capture.Slab, b []byte) (record.Value, error) {
	v, err := m.decimalBinary(b)
	if err != nil || v.IsNull() {
		return v, err
	}
	return variable(s, v), nil
}

// variable makes the struct of scale and unscaled bytes.
func variable(s *capture.Slab, v record.Value) record.Value {
	fields := s.Values(2)
	fields[0] = record.Int(int64(v.Scale()))
	fields[1] = record.Bytes(s.Keep(v.AppendDecimalBytes(s.Buffer(24))))
	return record.Struct(fields)
}

// special is numeric's NaN and infinities, which a decimal can not hold.
func (m *Map) special(b []byte) (record.Value, error) {
	if m.Options.ImitateFaults {
		return record.Null, nil
	}
	return record.Null, badValue(b, "a decimal can not hold it", "Set decimal.handling.mode=string to keep it, or leat.imitate.debezium.faults=true to write null as Debezium does")
}

// decimalText reads plain digits with the scale they are written in.
func (m *Map) decimalText(b []byte) (record.Value, error) {
	if len(b) == 0 {
		return record.Null, fmt.Errorf("the server sent an empty numeric")
	}
	if c := b[len(b)-1]; c < '0' || c > '9' {
		return m.special(b)
	}
	if len(b) <= 19 {
		if v, ok := shortDecimal(b); ok {
			return v, nil
		}
	}
	digits, scale := make([]byte, 0, len(b)), int32(0)
	for i, c := range b {
		if c == '.' {
			scale = int32(len(b) - i - 1)
			continue
		}
		digits = append(digits, c)
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return record.Null, fmt.Errorf("the server sent %q for a numeric", b)
	}
	return record.DecimalBig(n, scale), nil
}

// shortDecimal is the way for up to 18 digits, without a big.Int.
func shortDecimal(b []byte) (record.Value, bool) {
	neg := b[0] == '-'
	if neg {
		b = b[1:]
	}
	var n int64
	var scale int32
	digits := 0
	for i, c := range b {
		if c == '.' {
			scale = int32(len(b) - i - 1)
			continue
		}
		if c -= '0'; c > 9 {
			return record.Null, false
		}
		n = n*10 + int64(c)
		digits++
	}
	if digits > 18 {
		return record.Null, false
	}
	if neg {
		n = -n
	}
	return record.Decimal(n, scale), true
}

var pow10 = [19]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// decimalBinary reads digits of base 10,000: count, weight of the first, sign, scale, digits.
func (m *Map) decimalBinary(b []byte) (record.Value, error) {
	if len(b) < 8 || len(b) != 8+2*int(binary.BigEndian.Uint16(b)) {
		return record.Null, wrongSize("numeric", b)
	}
	n := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign, scale := binary.BigEndian.Uint16(b[4:]), int(binary.BigEndian.Uint16(b[6:]))
	if sign != 0 && sign != 0x4000 {
		return m.special([]byte(map[uint16]string{0xc000: "NaN", 0xd000: "Infinity", 0xf000: "-Infinity"}[sign]))
	}
	digits := b[8:]
	// The number is all digits × 10^exp; exp brings it to the scale.
	exp := scale - 4*(n-1-weight)
	if n == 0 {
		return record.Decimal(0, int32(scale)), nil
	}
	if n <= 4 && exp >= -3 && 4*n+exp <= 18 {
		var v int64
		for i := 0; i < 2*n; i += 2 {
			v = v*10000 + int64(binary.BigEndian.Uint16(digits[i:]))
		}
		if exp >= 0 {
			v *= pow10[exp]
		} else {
			v /= pow10[-exp]
		}
		if sign != 0 {
			v = -v
		}
		return record.Decimal(v, int32(scale)), nil
	}
	v, base := new(big.Int), big.NewInt(10000)
	for i := 0; i < 2*n; i += 2 {
		v.Mul(v, base).Add(v, big.NewInt(int64(binary.BigEndian.Uint16(digits[i:]))))
	}
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		v.Mul(v, p)
	} else {
		v.Quo(v, p)
	}
	if sign != 0 {
		v.Neg(v)
	}
	return record.DecimalBig(v, int32(scale)), nil
}

// rescale brings a decimal to the column's scale, exactly.
func rescale(v record.Value, scale int32, b []byte) (record.Value, error) {
	if v.Scale() == scale {
		return v, nil
	}
	n, from := v.DecimalParts()
	diff := int64(scale - from)
	p := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(diff, -diff)), nil)
	if diff > 0 {
		return record.DecimalBig(new(big.Int).Mul(n, p), scale), nil
	}
	q, rest := new(big.Int).QuoRem(n, p, new(big.Int))
	if rest.Sign() != 0 {
		return record.Null, badValue(b, "it has more decimals than its column", "Tell leat's authors")
	}
	return record.DecimalBig(q, scale), nil
}

// money is read in locale C, which the session asks for: "-$1,234.56". Its binary form is hundredths.
func (m *Map) money() *Codec {
	digits := int32(m.Options.MoneyDigits)
	c := &Codec{Schema: schema.NewDecimal(int(digits), 0), Fallback: record.Decimal(0, digits)}
	of := func(_ *capture.Slab, cents int64, b []byte) (record.Value, error) {
		return rescale(record.Decimal(cents, 2), digits, b)
	}
	switch m.Options.Decimal {
	case capture.DecimalDouble:
		c.Schema, c.Fallback = schema.New(schema.Float64), record.Float(0)
		of = func(_ *capture.Slab, cents int64, _ []byte) (record.Value, error) {
			return record.Float(float64(cents) / 100), nil
		}
	case capture.DecimalString:
		c.Schema, c.Fallback = schema.New(schema.String), record.String("0")
		of = func(s *capture.Slab, cents int64, _ []byte) (record.Value, error) {
			return record.StringBytes(s.Keep(record.Decimal(cents, 2).AppendDecimal(s.Buffer(24)))), nil
		}
	}
	c.Binary = func(s *capture.Slab, b []byte) (record.Value, error) {
		if len(b) != 8 {
			return record.Null, wrongSize("money", b)
		}
		return of(s, int64(binary.BigEndian.Uint64(b)), b)
	}
	c.Text = func(s *capture.Slab, b []byte) (record.Value, error) {
		digits := make([]byte, 0, 24)
		for _, ch := range b {
			if ch == '-' || ch >= '0' && ch <= '9' {
				digits = append(digits, ch)
			}
		}
		cents, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return record.Null, fmt.Errorf("the server sent %q for a money", b)
		}
		return of(s, cents, b)
	}
	return c
}
