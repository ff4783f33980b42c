// Package converttest is the contract suite that every converter runs: what is encoded is decoded as the same value, the same
// schema gives the same pointer, null is null, what cannot be written is an error and no panic, and bytes stay as they are
// when the converter goes on.
package converttest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"leat/convert"
	"leat/record"
	"leat/schema"
)

// Options tells what a converter can do.
type Options struct {
	New func(t testing.TB) convert.Converter
	// Supports tells whether values of s can be written; nil: all.
	Supports func(s *schema.Schema) bool
	// KeepsSchema: a decoded value has the schema that it was encoded with.
	KeepsSchema bool
	// KeepsValue: a decoded value is the one that was encoded. Without it only the bytes are looked at.
	KeepsValue bool
}

// Run runs the suite.
func Run(t *testing.T, o Options) {
	t.Run("every type comes back", func(t *testing.T) { each(t, o, comesBack) })
	t.Run("the same schema is the same pointer", func(t *testing.T) { each(t, o, samePointer) })
	t.Run("bytes stay when encoding goes on", func(t *testing.T) { bytesStay(t, o) })
	t.Run("encoding appends", func(t *testing.T) { each(t, o, appends) })
	t.Run("a tombstone is null", func(t *testing.T) { tombstone(t, o) })
	t.Run("a wrong value is an error", func(t *testing.T) { each(t, o, wrongValue) })
	t.Run("a null that may not be is an error", func(t *testing.T) { requiredNull(t, o) })
	t.Run("no bytes are a panic", func(t *testing.T) { noPanic(t, o) })
}

// Case is a schema and a value of it.
type Case struct {
	Name   string
	Schema *schema.Schema
	Value  record.Value
}

var at = convert.At{Topic: "topic"}

// Cases are values of every type: at the edges, null, with defaults, nested, logical.
func Cases() []Case {
	cases := scalars()
	cases = append(cases, logical()...)
	return append(cases, composites(cases)...)
}

func scalars() (cases []Case) {
	add := func(t schema.Type, values ...record.Value) {
		for i, v := range values {
			cases = append(cases, Case{fmt.Sprintf("%s %d", t, i), schema.New(t), v})
		}
		cases = append(cases, Case{t.String() + " null", schema.New(t, schema.Optional()), record.Null})
	}
	add(schema.Int8, record.Int(math.MinInt8), record.Int(0), record.Int(math.MaxInt8))
	add(schema.Int16, record.Int(math.MinInt16), record.Int(math.MaxInt16))
	add(schema.Int32, record.Int(math.MinInt32), record.Int(math.MaxInt32))
	add(schema.Int64, record.Int(math.MinInt64), record.Int(math.MaxInt64), record.Int(1<<53+1))
	add(schema.Float32, record.Float(0), record.Float(float64(float32(0.1))), record.Float(math.MaxFloat32), record.Float(math.SmallestNonzeroFloat32), record.Float(math.Inf(1)))
	add(schema.Float64, record.Float(0.1), record.Float(-math.MaxFloat64), record.Float(math.SmallestNonzeroFloat64), record.Float(math.NaN()), record.Float(math.Inf(-1)))
	add(schema.Boolean, record.Bool(true), record.Bool(false))
	add(schema.String, record.String(""), record.String("plain"), record.String("\x00\"\\\n\u2028é日\U0001f600"))
	add(schema.Bytes, record.Bytes(nil), record.Bytes([]byte{0, 255, 128}), record.Bytes(bytes.Repeat([]byte("x"), 5000)))
	return cases
}

func logical() []Case {
	wide := record.DecimalBytes([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3)
	return []Case{
		{"decimal", schema.NewDecimal(2, 12), record.Decimal(-12345, 2)},
		{"decimal zero", schema.NewDecimal(0, 0), record.Decimal(0, 0)},
		{"decimal wide", schema.NewDecimal(3, 0), wide},
		{"date", schema.Semantic(schema.Int32, schema.DateName), record.Int(-1)},
		{"time", schema.Semantic(schema.Int32, schema.TimeName), record.Int(86399999)},
		{"timestamp", schema.Semantic(schema.Int64, schema.TimestampName), record.Int(-1)},
		{"micro timestamp", schema.Semantic(schema.Int64, schema.DebeziumMicroTimestamp, schema.Doc("doc")), record.Int(1709212455123456)},
		{"enum", schema.Semantic(schema.String, schema.DebeziumEnum, schema.With("allowed", "a,b"), schema.Default("a"), schema.Optional()), record.String("b")},
	}
}

// composites puts every case into an array, a map and a struct, beside a default and a missing column.
func composites(cases []Case) (out []Case) {
	var fields []schema.Field
	var values []record.Value
	for i, c := range cases {
		out = append(out, Case{"array of " + c.Name, schema.NewArray(c.Schema), record.Array([]record.Value{c.Value, c.Value})})
		fields = append(fields, schema.F(fmt.Sprintf("f%d", i), c.Schema))
		values = append(values, c.Value)
	}
	row := schema.NewStruct(slices.Clone(fields), schema.Named("test.Row"), schema.Version(1))
	optionalRow := row.Change(schema.Optional())
	envelope := schema.NewStruct([]schema.Field{schema.F("before", optionalRow), schema.F("after", optionalRow), schema.F("op", schema.New(schema.String))}, schema.Named("test.Envelope"))
	text := schema.New(schema.String)
	return append(out,
		Case{"empty array", schema.NewArray(text), record.Array(nil)},
		Case{"map", schema.NewMap(text, schema.New(schema.Int32, schema.Optional())), record.Map([]record.Entry{{Key: record.String("a"), Value: record.Int(1)}, {Key: record.String(""), Value: record.Null}})},
		Case{"map with numbers as keys", schema.NewMap(schema.New(schema.Int16), text), record.Map([]record.Entry{{Key: record.Int(3), Value: record.String("x")}})},
		Case{"struct", row, record.Struct(slices.Clone(values))},
		Case{"envelope", envelope, record.Struct([]record.Value{record.Null, record.Struct(slices.Clone(values)), record.String("c")})},
	)
}

func each(t *testing.T, o Options, check func(*testing.T, convert.Converter, Options, Case)) {
	for _, c := range Cases() {
		if o.Supports == nil || o.Supports(c.Schema) {
			t.Run(c.Name, func(t *testing.T) { check(t, o.New(t), o, c) })
		}
	}
}

func encode(t *testing.T, conv convert.Converter, c Case) []byte {
	t.Helper()
	data, err := conv.Encode(nil, at, &[]record.RawHeader{}, c.Schema, c.Value)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return data
}

func comesBack(t *testing.T, conv convert.Converter, o Options, c Case) {
	for range 2 { // the second time by way of caches
		s, v, err := conv.Decode(at, nil, encode(t, conv, c))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if o.KeepsSchema && !schema.Equal(s, c.Schema) {
			t.Errorf("the schema came back as another: %s", s)
		}
		if o.KeepsValue && !record.Equal(v, c.Value) {
			t.Error("the value came back as another")
		}
	}
}

func samePointer(t *testing.T, conv convert.Converter, _ Options, c Case) {
	data := encode(t, conv, c)
	first, _, err1 := conv.Decode(at, nil, data)
	second, _, err2 := conv.Decode(at, nil, bytes.Clone(data))
	other, _, err3 := conv.Decode(convert.At{Topic: "other"}, nil, bytes.Clone(data))
	if err1 != nil || err2 != nil || err3 != nil || first != second || first != other {
		t.Errorf("pointers %p, %p, and of another topic %p; %v, %v, %v", first, second, other, err1, err2, err3)
	}
}

func appends(t *testing.T, conv convert.Converter, _ Options, c Case) {
	want := encode(t, conv, c)
	if want == nil {
		return // a null has no bytes
	}
	got, err := conv.Encode([]byte("before"), at, nil, c.Schema, c.Value)
	if err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
		t.Errorf("got %q, %v, want %q after what was there", got, err, want)
	}
}

// bytesStay encodes all cases into one buffer, and decodes them all before any value is looked at.
func bytesStay(t *testing.T, o Options) {
	conv := o.New(t)
	var cases []Case
	for _, c := range Cases() {
		if (o.Supports == nil || o.Supports(c.Schema)) && encode(t, conv, c) != nil {
			cases = append(cases, c)
		}
	}
	var buffer []byte
	var ends []int
	for _, c := range cases {
		var err error
		if buffer, err = conv.Encode(buffer, at, nil, c.Schema, c.Value); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		ends = append(ends, len(buffer))
	}
	values := make([]record.Value, len(cases))
	start := 0
	for i, c := range cases {
		if !bytes.Equal(buffer[start:ends[i]], encode(t, conv, c)) {
			t.Errorf("the bytes of %s changed", c.Name)
		}
		var err error
		if _, values[i], err = conv.Decode(at, nil, buffer[start:ends[i]:ends[i]]); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		start = ends[i]
	}
	for i, c := range cases {
		if o.KeepsValue && !record.Equal(values[i], c.Value) {
			t.Errorf("the value of %s changed when others were decoded", c.Name)
		}
	}
}

func tombstone(t *testing.T, o Options) {
	conv := o.New(t)
	for _, dst := range [][]byte{nil, []byte("before")} {
		if data, err := conv.Encode(dst, at, nil, nil, record.Null); data != nil || err != nil {
			t.Errorf("a null was encoded as %q, %v", data, err)
		}
	}
	if _, v, err := conv.Decode(at, nil, nil); err != nil || !v.IsNull() {
		t.Errorf("a null was decoded as a %s, %v", v.Kind(), err)
	}
}

// wrongValue gives a value of a kind that no schema of the case has.
func wrongValue(t *testing.T, conv convert.Converter, o Options, c Case) {
	if !o.KeepsSchema {
		return // text is made of anything
	}
	wrong := record.Bool(true)
	if c.Schema.Type() == schema.Boolean {
		wrong = record.Int(1)
	}
	if data, err := conv.Encode(nil, at, nil, c.Schema, wrong); err == nil {
		t.Errorf("a %s was encoded as %q", wrong.Kind(), data)
	}
	encodeAgain := encode(t, conv, c) // an error leaves the converter as it was
	if _, _, err := conv.Decode(at, nil, encodeAgain); err != nil && c.Value.Kind() != record.KindNull {
		t.Errorf("after an error: %v", err)
	}
}

func requiredNull(t *testing.T, o Options) {
	if !o.KeepsSchema {
		return
	}
	s := schema.NewStruct([]schema.Field{schema.F("a", schema.New(schema.Int32))})
	if data, err := o.New(t).Encode(nil, at, nil, s, record.Struct([]record.Value{record.Null})); err == nil {
		t.Errorf("a required null was encoded as %q", data)
	}
}

// noPanic decodes what is cut off or flipped: any error is right, and any value.
func noPanic(t *testing.T, o Options) {
	conv := o.New(t)
	for _, c := range Cases() {
		if o.Supports != nil && !o.Supports(c.Schema) {
			continue
		}
		data := encode(t, conv, c)
		for i := 0; i < len(data); i += 1 + len(data)/50 {
			_, _, _ = conv.Decode(at, nil, data[:i:i])
			flipped := bytes.Clone(data)
			flipped[i] ^= 0x55
			_, _, _ = conv.Decode(at, nil, flipped)
		}
	}
}
