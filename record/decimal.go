package record

import (
	"math/big"
	"unsafe"
)

// DecimalInt64 gives unscaled value and scale of a decimal when the unscaled value fits an int64.
func (v Value) DecimalInt64() (unscaled int64, scale int32, ok bool) {
	v.must(KindDecimal)
	return int64(v.num), v.aux, v.ptr == nil
}

// DecimalParts gives unscaled value and scale of a decimal.
func (v Value) DecimalParts() (*big.Int, int32) {
	v.must(KindDecimal)
	if v.ptr == nil {
		return big.NewInt(int64(v.num)), v.aux
	}
	b := unsafe.Slice((*byte)(v.ptr), int(v.num))
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n, v.aux
}

// Scale is the scale of a decimal.
func (v Value) Scale() int32 { v.must(KindDecimal); return v.aux }

// AppendDecimalBytes appends the unscaled value as the shortest big-endian two's complement, as Kafka Connect's Decimal and
// java.math.BigInteger.toByteArray write it.
func (v Value) AppendDecimalBytes(dst []byte) []byte {
	v.must(KindDecimal)
	if v.ptr != nil {
		return append(dst, unsafe.Slice((*byte)(v.ptr), int(v.num))...)
	}
	n := int64(v.num)
	size := 1
	for m := n; m > 127 || m < -128; m >>= 8 {
		size++
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

// AppendDecimal appends the decimal as plain digits, "-12.50": never an exponent, all digits of the scale.
func (v Value) AppendDecimal(dst []byte) []byte {
	n, scale := v.DecimalParts()
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	start := len(dst)
	dst = new(big.Int).Abs(n).Append(dst, 10)
	if scale <= 0 {
		if n.Sign() != 0 {
			for ; scale < 0; scale++ {
				dst = append(dst, '0')
			}
		}
		return dst
	}
	digits := len(dst) - start
	if missing := int(scale) + 1 - digits; missing > 0 {
		dst = append(dst, make([]byte, missing)...)
		copy(dst[start+missing:], dst[start:start+digits])
		for i := range missing {
			dst[start+i] = '0'
		}
		digits += missing
	}
	dst = append(dst, 0)
	point := start + digits - int(scale)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

func trimTwosComplement(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		b = b[1:]
	}
	return b
}

func twosComplementInt(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	n := int64(int8(b[0]))
	for _, c := range b[1:] {
		n = n<<8 | int64(c)
	}
	return n
}

func appendTwosComplement(dst []byte, n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			dst = append(dst, 0)
		}
		return append(dst, b...)
	}
	size := len(n.Bytes()) + 1
	c := new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size)*8))
	return append(dst, trimTwosComplement(c.Bytes())...)
}
