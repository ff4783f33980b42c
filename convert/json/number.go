package json

import (
	"math"
	"strconv"

	"leat/record"
)

// appendFloat appends f as Double.toString (bits 64) or Float.toString (bits 32) of Java 19 and later writes it: the shortest
// digits that read back, at least one after the point, scientific below 10^-3 and from 10^7 on. What is not finite becomes a
// string, as Jackson does.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case f != f:
		return append(dst, `"NaN"`...)
	case f > math.MaxFloat64:
		return append(dst, `"Infinity"`...)
	case f < -math.MaxFloat64:
		return append(dst, `"-Infinity"`...)
	}
	a := math.Abs(f)
	if a < 1e7 && a == math.Trunc(a) && (a != 0 || !math.Signbit(f)) {
		return append(strconv.AppendInt(dst, int64(f), 10), '.', '0')
	}
	if a >= 1e-3 && a < 1e7 || a == 0 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, '.', '0')
	}
	return appendScientific(dst, f, bits)
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
	negative := dst[e+1] == '-'
	dst[e] = 'E'
	at := e + 1
	if negative {
		dst[at] = '-'
		at++
	}
	return append(dst[:at], dst[exp:]...)
}

// appendDecimalNumber appends a decimal as BigDecimal.toString does: plain where the exponent is between -6 and 0, scientific
// otherwise.
func appendDecimalNumber(dst []byte, v record.Value) []byte {
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
