package json

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, in the high bit of each byte of w, the characters that a JSON string does not hold as they are: controls,
// quote and backslash, and (with them Jackson's choice to escape them) the first byte of a character beyond the BMP.
// A byte after a marked one may be marked wrongly; the first mark is right, and no mark is missing.
func special(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	control := (w - ones*0x20) & ^w
	beyond := w & (w << 1) & (w << 2) & (w << 3)
	return (control | (quote-ones)&^quote | (slash-ones)&^slash | beyond) & highs
}

// plain tells up to where s needs no escape from i on. The last bytes are looked at together with some before them.
func plain(s []byte, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if m := special(binary.LittleEndian.Uint64(s[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	if len(s) >= 8 && special(binary.LittleEndian.Uint64(s[len(s)-8:])) == 0 {
		return len(s)
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0xf0 {
			break
		}
	}
	return i
}

const hexDigits = "0123456789ABCDEF"

// appendString appends s as a JSON string, escaped as Jackson does.
func appendString(dst []byte, s []byte) []byte {
	dst = append(dst, '"')
	for start := 0; ; {
		end := plain(s, start)
		dst = append(dst, s[start:end]...)
		if end == len(s) {
			return append(dst, '"')
		}
		if s[end] < 0xf0 {
			dst = appendEscape(dst, s[end])
			start = end + 1
			continue
		}
		r, size := utf8.DecodeRune(s[end:])
		if r > 0xffff {
			dst = appendSurrogates(dst, r)
		} else { // not UTF-8: as it is
			dst = append(dst, s[end:end+size]...)
		}
		start = end + size
	}
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

func appendSurrogates(dst []byte, r rune) []byte {
	r -= 0x10000
	for _, u := range [2]rune{0xd800 + r>>10, 0xdc00 + r&0x3ff} {
		dst = append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
	}
	return dst
}
