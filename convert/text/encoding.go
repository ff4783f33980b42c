package text

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// append writes UTF-8 text in e.
func (e Encoding) append(dst, text []byte) ([]byte, error) {
	switch e {
	case ASCII, Latin1:
		limit := rune(0x7f)
		if e == Latin1 {
			limit = 0xff
		}
		for _, r := range string(text) {
			if r > limit {
				return nil, fmt.Errorf("%q does not exist in %s", r, e)
			}
			dst = append(dst, byte(r))
		}
		return dst, nil
	case UTF16:
		dst = append(dst, 0xfe, 0xff)
	}
	for _, u := range utf16.Encode([]rune(string(text))) {
		dst = e.order().AppendUint16(dst, u)
	}
	return dst, nil
}

func (e Encoding) order() interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if e == UTF16LE {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// decode gives the UTF-8 of data, without a copy where it is that already.
func (e Encoding) decode(data []byte) ([]byte, error) {
	switch e {
	case UTF8:
		if !utf8.Valid(data) {
			return nil, fmt.Errorf("bytes that are not UTF-8: set converter.encoding, or use ByteArrayConverter")
		}
		return data, nil
	case ASCII:
		if i := bytes.IndexFunc(data, func(r rune) bool { return r > 0x7f }); i >= 0 {
			return nil, fmt.Errorf("byte %#02x at %d is not US-ASCII", data[i], i)
		}
		return data, nil
	case Latin1:
		out := make([]byte, 0, len(data))
		for _, b := range data {
			out = utf8.AppendRune(out, rune(b))
		}
		return out, nil
	}
	return e.decodeUTF16(data)
}

func (e Encoding) decodeUTF16(data []byte) ([]byte, error) {
	if e == UTF16 && len(data) >= 2 {
		switch {
		case data[0] == 0xfe && data[1] == 0xff:
			data = data[2:]
		case data[0] == 0xff && data[1] == 0xfe:
			e, data = UTF16LE, data[2:]
		}
	}
	if len(data)%2 != 0 {
		return nil, fmt.Errorf("%d bytes are no %s text: the length is odd", len(data), e)
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = e.order().Uint16(data[2*i:])
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i++; i == len(units) {
				return nil, fmt.Errorf("half of a surrogate pair at the end of %s text", e)
			}
			if r = utf16.DecodeRune(r, rune(units[i])); r == utf8.RuneError {
				return nil, fmt.Errorf("half of a surrogate pair in %s text", e)
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, nil
}
