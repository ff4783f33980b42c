package json

import (
	"os"
	"strings"
	"testing"

	"leat/convert"
	"leat/record"
)

// goldenCase is one block of testdata/kafka.txt.
type goldenCase struct {
	name, config, in, schemas, plain, err string
}

func readGolden(t testing.TB) []goldenCase {
	data, err := os.ReadFile("testdata/kafka.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			cases = append(cases, goldenCase{name: name})
			continue
		}
		key, text, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		c := &cases[len(cases)-1]
		switch key {
		case "config":
			c.config = text
		case "in":
			c.in = text
		case "schemas":
			c.schemas = text
		case "plain":
			c.plain = text
		case "error":
			c.err = text
		}
	}
	return cases
}

func (c goldenCase) options() Config {
	cfg := Config{SchemasEnable: true, CacheSize: 1000, DecimalFormat: Base64, ReplaceNull: true}
	for o := range strings.SplitSeq(c.config, ";") {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "schemas.enable":
			cfg.SchemasEnable = value == "true"
		case "decimal.format":
			cfg.DecimalFormat = DecimalFormat(value)
		case "replace.null.with.default":
			cfg.ReplaceNull = value == "true"
		case "schema.content":
			cfg.SchemaContent = value
		}
	}
	return cfg
}

var at = convert.At{Topic: "t"}

func newConverter(t testing.TB, cfg Config) *Converter {
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReadsAndWritesAsKafka(t *testing.T) {
	for _, c := range readGolden(t) {
		t.Run(c.name, func(t *testing.T) {
			cfg := c.options()
			conv := newConverter(t, cfg)
			for range 3 { // the second and third time by way of caches
				s, v, err := conv.Decode(at, nil, []byte(c.in))
				if c.err != "" {
					if err == nil {
						t.Fatalf("no error; Kafka says %s", c.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				for enable, want := range map[bool]string{true: c.schemas, false: c.plain} {
					cfg.SchemasEnable = enable
					cfg.SchemaContent = ""
					got, err := newConverter(t, cfg).Encode([]byte{}, at, nil, s, v)
					if err != nil {
						t.Fatal(err)
					}
					if got == nil {
						got = []byte("(null)")
					}
					if string(got) != want {
						t.Errorf("schemas.enable=%v\n got %s\nwant %s", enable, got, want)
					}
				}
			}
		})
	}
}

// TestDiffersFromKafkaWhereKafkaChangesValues lists what Kafka reads with another meaning, or not at all.
func TestDiffersFromKafkaWhereKafkaChangesValues(t *testing.T) {
	typed := func(typ, payload string) string {
		return `{"schema":{"type":"` + typ + `","optional":false},"payload":` + payload + `}`
	}
	for _, c := range []struct{ name, in, want, why string }{
		{"negative zero", typed("double", "-0.0"), "-0.0", "Kafka goes by BigDecimal, which has no sign for zero"},
		{"1e23", typed("double", "1e23"), "1.0E23", "Java 17 reads the neighbour 9.999999999999999E22"},
		{"smallest normal float", typed("float", "1.17549435E-38"), "1.1754944E-38", "Java 17 prints a digit too many"},
		{"NaN", typed("double", `"NaN"`), `"NaN"`, "Kafka reads 0.0"},
		{"infinity", typed("float", `"-Infinity"`), `"-Infinity"`, "Kafka reads 0.0"},
		{"whole fraction", typed("int32", "12.0"), "12", ""},
		{"whole exponent", typed("int32", "12e2"), "1200", ""},
		{"int8 overflow", typed("int8", "128"), "", "Kafka wraps to -128"},
		{"int32 overflow", typed("int32", "2147483648"), "", "Kafka wraps"},
		{"int64 overflow", typed("int64", "9223372036854775808"), "", "Kafka wraps"},
		{"fraction for integer", typed("int32", "1.5"), "", "Kafka reads 1"},
		{"text for integer", typed("int32", `"1"`), "", "Kafka reads 0"},
		{"number for text", typed("string", "1"), "", "Kafka reads null"},
		{"number for boolean", typed("boolean", "1"), "", "Kafka reads false"},
		{"double overflow", typed("double", "1e400"), "", "Kafka reads infinity"},
		{"number for bytes", typed("bytes", "1"), "", "Kafka reads null"},
		{"trailing bytes", typed("int8", "1") + "x", "", "Kafka ignores them"},
		{"empty value", typed("int8", ""), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkDifference(t, c.in, c.want, true)
		})
	}
	for _, c := range []struct{ name, in, want string }{
		{"lone surrogate", `"\ud800"`, ""},
		{"not UTF-8", "\"\xff\"", ""},
		{"twice the same member", `{"a":1,"a":2}`, ""},
		{"twice the same member by escape", `{"a":1,"\u0061":2}`, ""},
		{"beyond int64", "9223372036854775808", "9223372036854775808"},
		{"far beyond int64", "-123456789012345678901234567890", "-123456789012345678901234567890"},
		{"more digits than a double", "0.12345678901234567890", "0.12345678901234567890"},
		{"beyond a double", "1e400", "1E+400"},
		{"below a double", "1e-400", "1E-400"},
		{"exponent out of reason", "1e999999999", ""},
		{"order of members", `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		{"tenth", "0.1", "0.1"},
		{"17 digits", "0.30000000000000004", "0.30000000000000004"},
		{"control character", "\"\n\"", ""},
		{"two values", "1 2", ""},
		{"too deep", strings.Repeat("[", 1001) + strings.Repeat("]", 1001), ""},
		{"deep", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
		{"long number", strings.Repeat("1", 1001), ""},
	} {
		t.Run(c.name, func(t *testing.T) { checkDifference(t, c.in, c.want, false) })
	}
}

func checkDifference(t *testing.T, in, want string, enable bool) {
	t.Helper()
	conv := newConverter(t, Config{SchemasEnable: enable, CacheSize: 10, ReplaceNull: true, DecimalFormat: Base64})
	s, v, err := conv.Decode(at, nil, []byte(in))
	if want == "" {
		if err == nil {
			t.Fatalf("no error but %v", v)
		}
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	conv.enc.cfg.SchemasEnable = false
	got, err := conv.Encode(nil, at, nil, s, v)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestErrorsTellWhereAndWhy(t *testing.T) {
	conv := newConverter(t, Config{SchemasEnable: true, CacheSize: 10, ReplaceNull: true})
	in := `{"schema":{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int8","optional":false,"field":"n"}],"optional":true,"field":"after"}],"optional":false},"payload":{"after":{"n":300}}}`
	for range 2 {
		_, _, err := conv.Decode(at, nil, []byte(in))
		if err == nil || !strings.HasSuffix(err.Error(), "field after: field n: JSON at byte 186: 300 is no int8") {
			t.Errorf("error: %v", err)
		}
	}
}

func TestUnchangedIsThePlaceholder(t *testing.T) {
	typ := map[string]string{
		`{"type":"string","optional":true}`:                                                                                                `"__debezium_unavailable_value"`,
		`{"type":"bytes","optional":true}`:                                                                                                 `"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="`,
		`{"type":"array","items":{"type":"string","optional":true},"optional":true}`:                                                       `["__debezium_unavailable_value"]`,
		`{"type":"array","items":{"type":"string","optional":true,"name":"io.debezium.data.Uuid"},"optional":true}`:                        `["` + javaNameUUID + `"]`,
		`{"type":"array","items":{"type":"int32","optional":true},"optional":true}`:                                                        `[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]`,
		`{"type":"map","keys":{"type":"string"},"values":{"type":"string","optional":true},"optional":true}`:                               `{"__debezium_unavailable_value":"__debezium_unavailable_value"}`,
		`{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}`:                       `"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="`,
		`{"type":"struct","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}]}`: `{"scale":0,"value":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="}`,
		`{"type":"struct","fields":[{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}]}`:     `{"wkb":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","srid":null}`,
		`{"type":"int32","optional":true}`:                                                                                                 "",
	}
	for text, want := range typ {
		conv := newConverter(t, Config{CacheSize: 10})
		plan, err := conv.dec.planOf([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := conv.Encode(nil, at, nil, plan.schema, record.Unchanged)
		if want == "" {
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

// javaNameUUID is java.util.UUID.nameUUIDFromBytes of the placeholder, as Java gives it.
const javaNameUUID = "b68a35a7-17ad-35b3-af2a-ae46edb4545a"
