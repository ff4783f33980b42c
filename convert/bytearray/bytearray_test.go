package bytearray

import (
	"testing"

	"leat/convert"
	"leat/convert/converttest"
	"leat/record"
	"leat/schema"
)

func TestBytesPass(t *testing.T) {
	c := Converter{}
	for _, s := range []*schema.Schema{nil, optionalBytes, schema.New(schema.Bytes)} {
		for _, b := range []string{"", "x", "\x00\xff"} {
			data, err := c.Encode(nil, convert.At{}, nil, s, record.Bytes([]byte(b)))
			if err != nil || data == nil || string(data) != b {
				t.Fatalf("%q became %q, %v", b, data, err)
			}
			if _, v, err := c.Decode(convert.At{}, nil, data); err != nil || string(v.Bytes()) != b {
				t.Fatalf("%q was read as %v, %v", b, v, err)
			}
		}
	}
	if data, err := c.Encode([]byte("before"), convert.At{}, nil, optionalBytes, record.Null); data != nil || err != nil {
		t.Errorf("null became %q, %v", data, err)
	}
}

func TestOtherTypesAreRefused(t *testing.T) {
	c := Converter{}
	if _, err := c.Encode(nil, convert.At{}, nil, schema.New(schema.String), record.String("x")); err == nil {
		t.Error("a string schema passed")
	}
	if _, err := c.Encode(nil, convert.At{}, nil, nil, record.Int(1)); err == nil {
		t.Error("an integer passed")
	}
}

func TestContract(t *testing.T) {
	converttest.Run(t, converttest.Options{
		New:        func(testing.TB) convert.Converter { return Converter{} },
		Supports:   func(s *schema.Schema) bool { return s.Type() == schema.Bytes && s.Name() == "" },
		KeepsValue: true,
	})
}
