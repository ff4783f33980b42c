package record

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// MaxExponent bounds the exponent of a decimal that is read from text: one further off costs more memory than its text.
const MaxExponent = 4096

// AppendFloat appends f as Double.toString (bits 64) or Float.toString (bits 32) of Java 19 and later writes it: the shortest
// digits that read back, at least one after the point, scientific below 10^-3 and from 10^7 on; NaN, Infinity, -Infinity.
func AppendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	a := math.Abs(f)
	if a < 1e7 && a == math.Trunc(a) && (a != 0 || !math.Signbit(f)) {
		return append(strconv.AppendInt(dst, int64(f), 10), '.', '0')
	}
	if a < 1e-3 && a > 0 || a >= 1e7 {
		return appendScientific(dst, f, bits)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}

// appendScientific turns Go's 1.5e-07 into Java's 1.5E-7. Where one digit would do, Java picks the closest of the numbers
// with two (4.9E-324, which Go has as 5e-324).
func appendScientific(dst []byte, f float64, bits int) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	digit := start
	if dst[start] == '-' {
		digit++
	}
	if dst[digit+1] == 'e' {
		dst = strconv.AppendFloat(dst[:start], f, 'e', 1, bits)
	}
	e := len(dst) - 1
	for dst[e] != 'e' {
		e--
	}
	exp := e + 2
	for exp < len(dst)-1 && dst[exp] == '0' {
		exp++
	}
	at := e + 1
	if dst[at] == '-' {
		at++
	}
	dst[e] = 'E'
	return append(dst[:at], dst[exp:]...)
}

// AppendBigDecimal appends a decimal as java.math.BigDecimal.toString does: plain where scale and exponent allow it,
// scientific otherwise.
func (v Value) AppendBigDecimal(dst []byte) []byte {
	n, scale := v.DecimalParts()
	digits := n.String()
	sign := 0
	if digits[0] == '-' {
		sign = 1
	}
	adjusted := int64(len(digits)-sign) - 1 - int64(scale)
	if scale >= 0 && adjusted >= -6 {
		return v.AppendDecimal(dst)
	}
	dst = append(dst, digits[:sign+1]...)
	if rest := digits[sign+1:]; rest != "" {
		dst = append(append(dst, '.'), rest...)
	}
	if adjusted != 0 {
		dst = append(dst, 'E')
		if adjusted > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, adjusted, 10)
	}
	return dst
}

// ParseDecimal reads a number, with or without fraction and exponent, exactly; its scale is as written.
func ParseDecimal(text []byte) (Value, error) {
	mantissa, exponent := text, int64(0)
	if e := bytes.IndexAny(text, "eE"); e >= 0 {
		var err error
		exponent, err = strconv.ParseInt(string(text[e+1:]), 10, 32)
		if err != nil || exponent > MaxExponent || exponent < -MaxExponent {
			return Null, fmt.Errorf("the exponent of the number is beyond %d", MaxExponent)
		}
		mantissa = text[:e]
	}
	digits, scale := mantissa, -exponent
	if dot := bytes.IndexByte(mantissa, '.'); dot >= 0 {
		digits = append(append(make([]byte, 0, len(mantissa)), mantissa[:dot]...), mantissa[dot+1:]...)
		scale += int64(len(mantissa) - dot - 1)
	}
	if v, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
		return Decimal(v, int32(scale)), nil
	}
	for i, c := range digits {
		if (c < '0' || c > '9') && (i > 0 || c != '-' && c != '+') {
			return Null, fmt.Errorf("%q is no number", text)
		}
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return Null, fmt.Errorf("%q is no number", text)
	}
	return DecimalBig(n, int32(scale)), nil
}

// Rescale gives the same decimal with another scale. Invariant 7: an error where digits would be lost.
func (v Value) Rescale(scale int32) (Value, error) {
	n, have := v.DecimalParts()
	if have == scale {
		return v, nil
	}
	diff := int64(scale) - int64(have)
	if diff > 2*MaxExponent || diff < -2*MaxExponent {
		return Null, fmt.Errorf("a decimal of scale %d does not fit the scale %d", have, scale)
	}
	factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(diff, -diff)), nil)
	if diff >= 0 {
		return DecimalBig(n.Mul(n, factor), scale), nil
	}
	q, r := new(big.Int).QuoRem(n, factor, new(big.Int))
	if r.Sign() != 0 {
		return Null, fmt.Errorf("the decimal %s has more digits than the scale %d", v.AppendDecimal(nil), scale)
	}
	return DecimalBig(q, scale), nil
}

// SameDecimal tells whether two decimals are the same number, whatever their scales.
func SameDecimal(a, b Value) bool {
	n, sa := a.DecimalParts()
	m, sb := b.DecimalParts()
	if n.Sign() == 0 || m.Sign() == 0 {
		return n.Sign() == m.Sign()
	}
	if diff := int64(sa) - int64(sb); diff > 4*MaxExponent || diff < -4*MaxExponent {
		return false
	}
	if sa < sb {
		a, err := a.Rescale(sb)
		return err == nil && Equal(a, b)
	}
	b, err := b.Rescale(sa)
	return err == nil && Equal(a, b)
}

// FloatHolds tells whether the shortest digits of f (of the width bits) are those of the number in text.
func FloatHolds(f float64, bits int, text []byte) bool {
	d, err := ParseDecimal(text)
	if err != nil {
		return false
	}
	shortest, err := ParseDecimal(strconv.AppendFloat(nil, f, 'e', -1, bits))
	return err == nil && SameDecimal(d, shortest)
}
