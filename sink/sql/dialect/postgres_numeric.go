package dialect

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"leat/record"
	"leat/schema"
)

// Signs of PostgreSQL's binary numeric.
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericPlusInf  = 0xD000
	numericMinusInf = 0xF000
)

// numericEncoder writes numbers as PostgreSQL's numeric; typmod is the column's precision and scale, -1 for none.
func (p pgEncoders) numericEncoder(s *schema.Schema, typmod int) encoder {
	precision, scale := 0, 0
	if typmod >= 4 {
		precision, scale = (typmod-4)>>16&0xffff, (typmod-4)&0x7ff
		if scale > 1000 { // negative scales, in 11 bits
			scale -= 2048
		}
	}
	return func(dst []byte, v record.Value) ([]byte, error) {
		switch v.Kind() {
		case record.KindInt:
			return appendNumeric64(dst, v.Int(), 0, precision, scale)
		case record.KindDecimal:
			if n, sc, ok := v.DecimalInt64(); ok && sc >= 0 && sc <= 18 {
				return appendNumeric64(dst, n, int(sc), precision, scale)
			}
			return appendNumericBig(dst, v, precision, scale)
		case record.KindStruct:
			d, err := variableScale(s, v)
			if err != nil {
				return nil, err
			}
			return appendNumericBig(dst, d, precision, scale)
		case record.KindFloat:
			return appendNumericText(dst, string(appendFloat(nil, s, v.Float())), precision, scale)
		case record.KindString:
			return appendNumericText(dst, v.Str(), precision, scale)
		}
		return nil, wrongKind(v, s)
	}
}

func errNumeric(precision, scale int) error {
	return fmt.Errorf("a number has more digits than numeric(%d,%d) holds", precision, scale)
}

// appendNumeric64 is the quick way, without big integers.
func appendNumeric64(dst []byte, n int64, scale, precision, maxScale int) ([]byte, error) {
	sign := uint16(numericPositive)
	u := uint64(n)
	if n < 0 {
		sign, u = numericNegative, -u
	}
	if precision > 0 {
		for scale > maxScale && u%10 == 0 {
			u, scale = u/10, scale-1
		}
		digits := len(strconv.AppendUint(make([]byte, 0, 20), u, 10))
		if scale > maxScale || u != 0 && digits-scale > precision-maxScale {
			return nil, errNumeric(precision, maxScale)
		}
	}
	// Base-10000 digits, aligned at the decimal point: pad the fraction to a multiple of four.
	var groups [8]uint16
	count, weight := 0, -1
	intPart, fracPart := u, uint64(0)
	if scale > 0 {
		unit := pow10u(scale)
		intPart, fracPart = u/unit, u%unit
	}
	var ints [5]uint16
	ni := 0
	for ; intPart > 0; intPart /= 10000 {
		ints[ni] = uint16(intPart % 10000)
		ni++
	}
	for i := ni - 1; i >= 0; i-- {
		groups[count] = ints[i]
		count++
	}
	weight = ni - 1
	for left := scale; left > 0; left -= 4 {
		var g uint64
		if left >= 4 {
			unit := pow10u(left - 4)
			g, fracPart = fracPart/unit, fracPart%unit
		} else {
			g = fracPart * pow10u(4-left)
		}
		if count == 0 && g == 0 {
			weight--
			continue
		}
		groups[count] = uint16(g)
		count++
	}
	for count > 0 && groups[count-1] == 0 {
		count--
	}
	if count == 0 {
		weight, sign = 0, numericPositive
	}
	dst = appendNumericHeader(dst, count, weight, sign, scale)
	for i := range count {
		dst = binary.BigEndian.AppendUint16(dst, groups[i])
	}
	return dst, nil
}

func pow10u(n int) uint64 {
	r := uint64(1)
	for range n {
		r *= 10
	}
	return r
}

func appendNumericHeader(dst []byte, count, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(count))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return binary.BigEndian.AppendUint16(dst, uint16(scale))
}

func appendNumericBig(dst []byte, v record.Value, precision, maxScale int) ([]byte, error) {
	n, scale := v.DecimalParts()
	if scale < 0 {
		n, scale = new(big.Int).Mul(n, pow10(-scale)), 0
	}
	return appendNumericDigits(dst, n.Sign() < 0, new(big.Int).Abs(n).String(), int(scale), precision, maxScale)
}

// appendNumericText reads a decimal text, with an exponent or a word.
func appendNumericText(dst []byte, text string, precision, maxScale int) ([]byte, error) {
	switch strings.ToLower(text) {
	case "nan":
		return appendNumericHeader(dst, 0, 0, numericNaN, 0), nil
	case "infinity", "inf":
		return appendInfiniteNumeric(dst, numericPlusInf, precision)
	case "-infinity", "-inf":
		return appendInfiniteNumeric(dst, numericMinusInf, precision)
	}
	mantissa, exp := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var err error
		if exp, err = strconv.Atoi(strings.TrimPrefix(text[i+1:], "+")); err != nil || exp > math.MaxInt16 || exp < math.MinInt16 {
			return nil, fmt.Errorf("a text is no number")
		}
		mantissa = text[:i]
	}
	negative := strings.HasPrefix(mantissa, "-")
	mantissa = strings.TrimPrefix(strings.TrimPrefix(mantissa, "-"), "+")
	whole, frac, _ := strings.Cut(mantissa, ".")
	all := whole + frac
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return nil, fmt.Errorf("a text is no number")
	}
	scale := len(frac) - exp
	if scale < 0 {
		all, scale = all+strings.Repeat("0", -scale), 0
	}
	return appendNumericDigits(dst, negative, all, scale, precision, maxScale)
}

func appendInfiniteNumeric(dst []byte, sign uint16, precision int) ([]byte, error) {
	if precision > 0 {
		return nil, fmt.Errorf("an infinite number does not fit a numeric column with a precision")
	}
	return appendNumericHeader(dst, 0, 0, sign, 0x20), nil
}

// appendNumericDigits writes digits × 10^-scale.
func appendNumericDigits(dst []byte, negative bool, digits string, scale, precision, maxScale int) ([]byte, error) {
	if scale > len(digits) {
		digits = strings.Repeat("0", scale-len(digits)) + digits
	}
	whole, frac := strings.TrimLeft(digits[:len(digits)-scale], "0"), digits[len(digits)-scale:]
	if precision > 0 {
		for len(frac) > max(maxScale, 0) && frac[len(frac)-1] == '0' {
			frac = frac[:len(frac)-1]
		}
		if len(frac) > max(maxScale, 0) || len(whole) > precision-maxScale ||
			maxScale < 0 && strings.TrimRight(whole, "0") != "" && len(whole)-len(strings.TrimRight(whole, "0")) < -maxScale {
			return nil, errNumeric(precision, maxScale)
		}
	}
	if len(frac) > 16383 || len(whole) > 131072 {
		return nil, fmt.Errorf("a number has more digits than PostgreSQL's numeric holds")
	}
	shown := len(frac)
	if m := len(whole) % 4; m != 0 {
		whole = "0000"[m:] + whole
	}
	if m := len(frac) % 4; m != 0 {
		frac += "0000"[m:]
	}
	weight := len(whole)/4 - 1
	all := whole + frac
	for len(all) > 0 && all[:4] == "0000" {
		all, weight = all[4:], weight-1
	}
	for len(all) > 0 && all[len(all)-4:] == "0000" {
		all = all[:len(all)-4]
	}
	sign := uint16(numericPositive)
	if len(all) == 0 {
		weight = 0
	} else if negative {
		sign = numericNegative
	}
	dst = appendNumericHeader(dst, len(all)/4, weight, sign, shown)
	for ; len(all) > 0; all = all[4:] {
		g := uint16(all[0]-'0')*1000 + uint16(all[1]-'0')*100 + uint16(all[2]-'0')*10 + uint16(all[3]-'0')
		dst = binary.BigEndian.AppendUint16(dst, g)
	}
	return dst, nil
}
