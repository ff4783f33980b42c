package text

import (
	"os"
	"strings"
	"testing"

	"leat/convert"
	"leat/convert/converttest"
	"leat/record"
	"leat/schema"
)

// differs lists the header texts that leat reads otherwise than Kafka: the schema it gives, the text being kept.
var differs = map[string]string{
	// No common type: schemaless.
	"[null]": "none", "[]": "none", "{}": "none", `[1,"a"]`: "none", `{"a":1,"b":"x"}`: "none", `{"a":null}`: "none", `[[1],["a"]]`: "none",
	// Kafka drops what follows the value.
	"12:34": "string", "1,2": "string", `{"a":1}x`: "string", "[1]x": "string",
}

func describe(s *schema.Schema) string {
	if s == nil {
		return "none"
	}
	text := strings.ToLower(s.Type().String())
	if s.Name() != "" {
		text += " " + s.Name()
	}
	switch s.Type() {
	case schema.Array:
		text += "<" + describe(s.Elem()) + ">"
	case schema.Map:
		text += "<" + describe(s.Key()) + "," + describe(s.Elem()) + ">"
	}
	return text
}

func TestHeadersAreInferredAsByKafka(t *testing.T) {
	data, err := os.ReadFile("testdata/headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		s, v, err := Headers{}.DecodeHeader("t", "k", []byte(f[0]))
		if err != nil {
			t.Fatal(err)
		}
		out, err := Headers{}.EncodeHeader("t", "k", s, v)
		if err != nil {
			t.Fatal(err)
		}
		if out == nil {
			out = []byte("(null)")
		}
		if want, ok := differs[f[0]]; ok {
			f[1], f[2] = want, f[0]
		}
		if got := describe(s); got != f[1] || string(out) != f[2] {
			t.Errorf("%q is %s %q, want %s %q", f[0], got, out, f[1], f[2])
		}
	}
}

func TestHeadersKeepDigitsThatKafkaDrops(t *testing.T) {
	for in, want := range map[string]string{
		"3.14159265358979": "float64", "0.12345678901234567890": "bytes " + schema.DecimalName, "1.5e300": "float64", "1.5e-60": "float64",
	} {
		s, v := record.Infer(in)
		if describe(s) != want {
			t.Errorf("%s is %s, want %s", in, describe(s), want)
		}
		out, err := appendValue(nil, s, v, false)
		if err != nil || !strings.EqualFold(strings.Replace(string(out), "E", "e", 1), in) {
			t.Errorf("%s was written again as %s, %v", in, out, err)
		}
	}
}

func TestStringsAreThoseOfJava(t *testing.T) {
	inner := schema.NewStruct([]schema.Field{schema.F("d", schema.New(schema.Float32)), schema.F("n", schema.NewDecimal(2, 0))})
	s := schema.NewStruct([]schema.Field{
		schema.F("a", schema.New(schema.Int64)), schema.F("b", schema.New(schema.String)), schema.F("none", schema.New(schema.String, schema.Optional())),
		schema.F("l", schema.NewArray(schema.New(schema.Int8, schema.Optional()))), schema.F("m", schema.NewMap(schema.New(schema.String), schema.New(schema.Boolean))),
		schema.F("s", inner), schema.F("t", schema.Semantic(schema.Int64, schema.TimestampName)),
	})
	v := record.Struct([]record.Value{record.Int(1), record.String("x"), record.Null, record.Array([]record.Value{record.Int(1), record.Null}),
		record.Map([]record.Entry{{Key: record.String("k"), Value: record.Bool(true)}}),
		record.Struct([]record.Value{record.Float(0.10000000149011612), record.Decimal(1250, 2)}), record.Int(1709212455123)})
	conv, _ := New(Config{})
	got, err := conv.Encode(nil, convert.At{}, nil, s, v)
	want := "Struct{a=1,b=x,l=[1, null],m={k=true},s=Struct{d=0.1,n=12.50},t=Thu Feb 29 13:14:15 UTC 2024}"
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestEncodingsReadWhatTheyWrite(t *testing.T) {
	for _, e := range []Encoding{UTF8, ASCII, Latin1, UTF16, UTF16BE, UTF16LE} {
		conv, _ := New(Config{Encoding: e})
		for _, text := range []string{"", "plain", "hé", "日本\U0001f600"} {
			data, err := conv.Encode(nil, convert.At{}, nil, nil, record.String(text))
			if err != nil {
				if e == ASCII || e == Latin1 {
					continue // not in the set
				}
				t.Fatalf("%s: %v", e, err)
			}
			_, v, err := conv.Decode(convert.At{}, nil, data)
			if err != nil || v.Str() != text {
				t.Errorf("%s: %q became %q, %v", e, text, v.Str(), err)
			}
		}
	}
	for e, data := range map[Encoding]string{UTF8: "\xff", ASCII: "\xe9", UTF16: "a", UTF16BE: "\xd8\x00"} {
		conv, _ := New(Config{Encoding: e})
		if _, v, err := conv.Decode(convert.At{}, nil, []byte(data)); err == nil {
			t.Errorf("%s: %q was read as %q", e, data, v.Str())
		}
	}
}

func FuzzInfer(f *testing.F) {
	for _, s := range []string{`[1,2]`, `{"a":[1,"x"]}`, "1.5e3", "12:34:56.789Z", `\"`, `[[[[`, `{1:{2:3}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, v := record.Infer(text)
		if _, err := appendValue(nil, s, v, false); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func TestContract(t *testing.T) {
	fresh := func(testing.TB) convert.Converter {
		c, _ := New(Config{})
		return c
	}
	converttest.Run(t, converttest.Options{New: fresh})
	t.Run("strings", func(t *testing.T) {
		converttest.Run(t, converttest.Options{
			New: fresh, KeepsValue: true,
			Supports: func(s *schema.Schema) bool { return s.Type() == schema.String },
		})
	})
}
