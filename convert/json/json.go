// Package json is Kafka's JsonConverter: typed values as JSON text and back, with the schema beside the payload
// (schemas.enable) or without.
//
// What it writes is byte for byte what org.apache.kafka.connect.json.JsonConverter of Kafka 4.3 writes on a Java of 19 or
// later: the order of schema members, Jackson's escapes (characters beyond the BMP as a pair of \u escapes), Double.toString
// for floats, NaN and infinities as strings, BigDecimal.toString for numeric decimals. Java 18 and before print some doubles
// with more digits than needed (2.0E-3 is the known case); the values are the same.
//
// What it reads is what that converter reads, but where Kafka would change a value in silence there is an error, or the exact
// value: a number out of its type's range, a fraction for an integer, a value of another JSON type (Kafka reads it as 0,
// false or null), a member that occurs twice, bytes after the value. Floats read back the strings that stand for NaN and the
// infinities. Without a schema, an integer beyond int64 and a fraction that float64 cannot hold become decimals. Members that
// the schema does not name are ignored, as by Kafka.
//
// Encoder and decoder are compiled once per schema; equal schema text gives the same schema pointer. Nesting is limited to
// 1000 levels and numbers to 1000 characters, as by Jackson.
package json

import (
	"fmt"
	"strings"

	"leat/config"
	"leat/convert"
	"leat/record"
	"leat/schema"
)

// DecimalFormat is how decimals are written.
type DecimalFormat string

// The formats: the unscaled bytes in base64, or a JSON number.
const (
	Base64  DecimalFormat = "BASE64"
	Numeric DecimalFormat = "NUMERIC"
)

// UnmarshalText accepts the words in any case.
func (f *DecimalFormat) UnmarshalText(b []byte) error {
	switch w := DecimalFormat(strings.ToUpper(string(b))); w {
	case Base64, Numeric:
		*f = w
		return nil
	}
	return fmt.Errorf("%q is not a decimal format: write BASE64 or NUMERIC", b)
}

// Words are the formats.
func (DecimalFormat) Words() []string { return []string{string(Base64), string(Numeric)} }

// Config is the options of the converter.
type Config struct {
	// SchemasEnable writes the schema beside each value, and expects it there.
	SchemasEnable bool `config:"schemas.enable" default:"true" importance:"high" group:"Schemas" display:"Enable Schemas"`
	// CacheSize is how many schemas are kept compiled, and for how many topics the last schema is remembered.
	CacheSize int `config:"schemas.cache.size" default:"1000" min:"1" importance:"high" group:"Schemas" display:"Schema Cache Size"`
	// SchemaContent is the schema of every value read, as JSON text in the form that schemas.enable writes; the records then
	// hold only payloads. For sinks, with schemas.enable=true.
	SchemaContent string `config:"schema.content" importance:"high" group:"Schemas" display:"Schema Content"`
	// DecimalFormat is how decimals are written: BASE64 (unscaled bytes) or NUMERIC (a JSON number).
	DecimalFormat DecimalFormat `config:"decimal.format" default:"BASE64" importance:"low" group:"Serialization" display:"Decimal Format"`
	// ReplaceNull writes and reads the default of a field in place of null where the field has one.
	ReplaceNull bool `config:"replace.null.with.default" default:"true" importance:"low" group:"Serialization" display:"Replace null with default"`
}

// Plugin describes the converter.
var Plugin = convert.Plugin{
	Name:    "json",
	Classes: []string{"org.apache.kafka.connect.json.JsonConverter"},
	Config:  Config{}, Docs: configDocs,
	New:       func(cfg any, _ record.Part) (convert.Converter, error) { return New(*cfg.(*Config)) },
	NewHeader: func(cfg any) (convert.HeaderConverter, error) { return New(*cfg.(*Config)) },
	Check:     check,
}

func check(cfg any) []config.Problem {
	if _, err := New(*cfg.(*Config)); err != nil {
		return []config.Problem{config.Problemf("schema.content", "%v; give a schema as schemas.enable writes it", err)}
	}
	return nil
}

// Converter is the converter of one part of the records of a connector.
type Converter struct {
	enc encoder
	dec decoder
}

// New makes a converter.
func New(cfg Config) (*Converter, error) {
	c := &Converter{}
	c.enc = encoder{cfg: cfg, plans: map[*schema.Schema]*encPlan{}}
	c.dec = newDecoder(cfg)
	if cfg.SchemasEnable && cfg.SchemaContent != "" {
		plan, err := c.dec.planOf([]byte(cfg.SchemaContent))
		if err != nil {
			return nil, fmt.Errorf("schema.content is no schema: %w", err)
		}
		c.dec.fixed = plan
	}
	return c, nil
}

// Encode implements convert.Converter.
func (c *Converter) Encode(dst []byte, _ convert.At, _ *[]record.RawHeader, s *schema.Schema, v record.Value) ([]byte, error) {
	return c.enc.encode(dst, s, v)
}

// Decode implements convert.Converter.
func (c *Converter) Decode(at convert.At, _ []record.RawHeader, data []byte) (*schema.Schema, record.Value, error) {
	return c.dec.decode(at.Topic, data)
}

// EncodeHeader implements convert.HeaderConverter.
func (c *Converter) EncodeHeader(_, _ string, s *schema.Schema, v record.Value) ([]byte, error) {
	return c.enc.encode(nil, s, v)
}

// DecodeHeader implements convert.HeaderConverter.
func (c *Converter) DecodeHeader(topic, key string, data []byte) (*schema.Schema, record.Value, error) {
	return c.dec.decode(topic+"\x00"+key, data)
}
