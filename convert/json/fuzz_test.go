package json

import (
	"testing"

	"leat/record"
	"leat/schema"
)

// FuzzDecode reads any text, with and without schemas; what is read must be written and read again as the same.
func FuzzDecode(f *testing.F) {
	for _, c := range readGolden(f) {
		f.Add([]byte(c.in))
		f.Add([]byte(c.plain))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, enable := range []bool{true, false} {
			conv := newConverter(t, Config{SchemasEnable: enable, CacheSize: 10, ReplaceNull: true, DecimalFormat: Base64})
			s, v, err := conv.Decode(at, nil, data)
			if err != nil {
				continue
			}
			text, err := conv.Encode([]byte{}, at, nil, s, v)
			if err != nil {
				continue // a decimal with more digits than its scale
			}
			s2, v2, err := conv.Decode(at, nil, text)
			if err != nil {
				t.Fatalf("%q was written as %q, which is not read: %v", data, text, err)
			}
			if !schema.Equal(s, s2) || !record.Equal(v, v2) {
				t.Fatalf("%q was written as %q, which is another value", data, text)
			}
		}
	})
}

// FuzzStrings writes any text and reads it back.
func FuzzStrings(f *testing.F) {
	for _, s := range []string{"", "plain text of some length", "\x00\x1f\"\\\u2028\U0001f600é", "1234567\"", "12345678\\"} {
		f.Add(s)
	}
	conv := newConverter(f, Config{})
	f.Fuzz(func(t *testing.T, s string) {
		text, err := conv.Encode(nil, at, nil, schema.New(schema.String), record.String(s))
		if err != nil {
			t.Fatal(err)
		}
		_, v, err := conv.Decode(at, nil, text)
		if err != nil {
			if string([]rune(s)) != s {
				return // not UTF-8
			}
			t.Fatalf("%q: %v", text, err)
		}
		if v.Str() != s {
			t.Fatalf("%q became %q", s, v.Str())
		}
	})
}

// FuzzFloats checks that what is written reads back as the same number.
func FuzzFloats(f *testing.F) {
	for _, x := range []float64{0, 1, -1, 0.001, 1e7, 4.9e-324, 1.5e300, 0.1} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		text := appendFloat(nil, x, 64)
		got, err := parseFloat(text, 64)
		if err == nil && got != x {
			t.Fatalf("%v was written as %s", x, text)
		}
		text32 := appendFloat(nil, float64(float32(x)), 32)
		got, err = parseFloat(text32, 32)
		if err == nil && float32(got) != float32(x) {
			t.Fatalf("%v was written as %s", float32(x), text32)
		}
	})
}
