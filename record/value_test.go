package record_test

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"
	"unsafe"

	"leat/record"
	"leat/schema"
)

func TestValueIsThreeWords(t *testing.T) {
	if size := unsafe.Sizeof(record.Value{}); size != 24 {
		t.Errorf("a Value takes %d bytes; the row path counts on 24", size)
	}
}

func TestValueKeepsWhatItWasGiven(t *testing.T) {
	if v := record.Int(math.MinInt64); v.Int() != math.MinInt64 {
		t.Error(v.Int())
	}
	if v := record.Float(math.Copysign(0, -1)); !math.Signbit(v.Float()) {
		t.Error("negative zero lost its sign")
	}
	if v := record.String(""); v.Kind() != record.KindString || v.Str() != "" || v.Len() != 0 {
		t.Error("an empty string is not null")
	}
	if v := record.Bytes(nil); v.Kind() != record.KindBytes || len(v.Bytes()) != 0 {
		t.Error("empty bytes are not null")
	}
	if v := record.Struct([]record.Value{record.Bool(true), record.Unchanged}); !v.Field(0).Bool() || !v.Field(1).IsUnchanged() || v.Field(1).IsNull() {
		t.Error("struct fields")
	}
	m := record.Map([]record.Entry{{Key: record.String("a"), Value: record.Int(1)}})
	if got, ok := m.Lookup("a"); !ok || got.Int() != 1 {
		t.Error("map lookup")
	}
	if _, ok := m.Lookup("b"); ok {
		t.Error("found a key that is not there")
	}
}

func TestWrongAccessorPanicsWithBothKinds(t *testing.T) {
	defer func() {
		if got, want := recover(), "record: string value used as int"; got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	record.String("x").Int()
}

func TestDecimalsAreExact(t *testing.T) {
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	for _, c := range []struct {
		value record.Value
		text  string
		bytes []byte
	}{
		{record.Decimal(0, 0), "0", []byte{0}},
		{record.Decimal(0, 2), "0.00", []byte{0}},
		{record.Decimal(-1, 3), "-0.001", []byte{0xff}},
		{record.Decimal(1250, 2), "12.50", []byte{0x04, 0xe2}},
		{record.Decimal(128, 0), "128", []byte{0, 0x80}},
		{record.Decimal(-128, 0), "-128", []byte{0x80}},
		{record.Decimal(7, -3), "7000", []byte{7}},
		{record.Decimal(math.MinInt64, 0), "-9223372036854775808", []byte{0x80, 0, 0, 0, 0, 0, 0, 0}},
		{record.DecimalBig(huge, 10), "-12345678901234567890.1234567890", huge2(huge)},
	} {
		if got := string(c.value.AppendDecimal(nil)); got != c.text {
			t.Errorf("digits %q, want %q", got, c.text)
		}
		if got := c.value.AppendDecimalBytes(nil); string(got) != string(c.bytes) {
			t.Errorf("%s: bytes %x, want %x", c.text, got, c.bytes)
		}
		if again := record.DecimalBytes(c.value.AppendDecimalBytes(nil), c.value.Scale()); !record.Equal(again, c.value) {
			t.Errorf("%s does not survive its bytes: %s", c.text, again.AppendDecimal(nil))
		}
	}
}

// huge2 is n in two's complement, made another way than the code under test.
func huge2(n *big.Int) []byte {
	m := new(big.Int).Not(n) // -n-1
	b := m.Bytes()
	for i := range b {
		b[i] = ^b[i]
	}
	if b[0]&0x80 == 0 {
		b = append([]byte{0xff}, b...)
	}
	return b
}

func FuzzDecimalBytes(f *testing.F) {
	f.Add([]byte{0x80}, int32(2))
	f.Add([]byte{0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}, int32(0))
	f.Fuzz(func(t *testing.T, b []byte, scale int32) {
		v := record.DecimalBytes(b, scale)
		want := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0]&0x80 != 0 {
			want.Sub(want, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
		}
		got, s := v.DecimalParts()
		if got.Cmp(want) != 0 || s != scale {
			t.Errorf("%x: %s scale %d, want %s scale %d", b, got, s, want, scale)
		}
		if !record.Equal(record.DecimalBig(want, scale), v) {
			t.Errorf("%x: not equal to the same number made from big.Int", b)
		}
	})
}

func TestEqualComparesContent(t *testing.T) {
	entries := func(keys ...string) record.Value {
		var es []record.Entry
		for _, k := range keys {
			es = append(es, record.Entry{Key: record.String(k), Value: record.Int(int64(len(k)))})
		}
		return record.Map(es)
	}
	for _, c := range []struct {
		a, b record.Value
		want bool
	}{
		{record.String("a"), record.StringBytes([]byte("a")), true},
		{record.String("a"), record.Bytes([]byte("a")), false},
		{record.Int(1), record.Float(1), false},
		{record.Float(math.NaN()), record.Float(math.NaN()), true},
		{record.Null, record.Unchanged, false},
		{entries("a", "bb"), entries("bb", "a"), true},
		{entries("a", "bb"), entries("a", "cc"), false},
		{record.Array([]record.Value{record.Int(1)}), record.Array(nil), false},
	} {
		if got := record.Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%v, %v) = %v", c.a.Kind(), c.b.Kind(), got)
		}
	}
}

func TestPlainJSONKeepsOrderAndWholeNumbers(t *testing.T) {
	const text = `{"b":9007199254740993,"a":[1.5,null,true,"<é\n>"],"c":{}}`
	var v record.Value
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != text {
		t.Errorf("got %s, want %s", out, text)
	}
}

func TestAStructHasNoPlainJSON(t *testing.T) {
	if _, err := record.Struct(nil).MarshalJSON(); err == nil {
		t.Error("a struct without its schema was written")
	}
}

func TestAsChangeViewsEnvelopes(t *testing.T) {
	row := schema.NewStruct([]schema.Field{schema.F("id", schema.New(schema.Int32))})
	envelope := schema.NewStruct([]schema.Field{schema.F("before", row), schema.F("after", row), schema.F("op", schema.New(schema.String))})
	after := record.Struct([]record.Value{record.Int(7)})
	c, ok := record.AsChange(envelope, record.Struct([]record.Value{record.Null, after, record.String("u")}))
	if !ok || c.Op != record.OpUpdate || c.RowSchema != row || c.After.Field(0).Int() != 7 || !c.Before.IsNull() {
		t.Errorf("%+v %v", c, ok)
	}
	if _, ok := record.AsChange(row, after); ok {
		t.Error("a flat row is no envelope")
	}
	var m record.Value
	if err := json.Unmarshal([]byte(`{"before":{"id":7},"after":null,"op":"d"}`), &m); err != nil {
		t.Fatal(err)
	}
	if c, ok := record.AsChange(nil, m); !ok || c.Op != record.OpDelete {
		t.Errorf("schemaless: %+v %v", c, ok)
	}
}
