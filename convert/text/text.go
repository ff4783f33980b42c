// Package text is Kafka's StringConverter and SimpleHeaderConverter: values as text, and headers as text whose type is
// inferred when read.
//
// StringConverter writes what Java's toString gives: Struct{a=1,b=x} without null fields, [1, 2], {k=v}, Connect dates as
// java.util.Date in UTC. Java prints the identity of a byte array there; leat writes its base64. What an encoding does not
// have, and bytes that are not text in it, are errors where Java puts a question mark or U+FFFD.
//
// SimpleHeaderConverter follows org.apache.kafka.connect.data.Values, with these differences: a fraction that float32 does
// not hold becomes float64 or a decimal (Kafka drops digits), a value that something follows is text ("12:34" is the number
// 12 for Kafka), an array or map without a common type becomes schemaless, dates
// are in UTC, and a date or time must be in digits throughout.
package text

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"leat/convert"
	"leat/record"
	"leat/schema"
)

// Config is the options of StringConverter.
type Config struct {
	// Encoding is the character set: UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE.
	Encoding Encoding `config:"converter.encoding" default:"UTF-8" importance:"high" display:"Encoding"`
}

// HeaderConfig is the options of SimpleHeaderConverter: none.
type HeaderConfig struct{}

// Plugin describes StringConverter.
var Plugin = convert.Plugin{
	Name:    "string",
	Classes: []string{"org.apache.kafka.connect.storage.StringConverter"},
	Config:  Config{}, Docs: configDocs,
	New:       func(cfg any, _ record.Part) (convert.Converter, error) { return New(*cfg.(*Config)) },
	NewHeader: func(cfg any) (convert.HeaderConverter, error) { return New(*cfg.(*Config)) },
}

// HeaderPlugin describes SimpleHeaderConverter.
var HeaderPlugin = convert.Plugin{
	Name:      "simple",
	Classes:   []string{"org.apache.kafka.connect.storage.SimpleHeaderConverter"},
	Config:    HeaderConfig{},
	NewHeader: func(any) (convert.HeaderConverter, error) { return Headers{}, nil },
}

var optionalString = schema.New(schema.String, schema.Optional())

// Converter is StringConverter.
type Converter struct{ encoding Encoding }

// New makes a StringConverter.
func New(cfg Config) (*Converter, error) {
	if cfg.Encoding == "" {
		cfg.Encoding = UTF8
	}
	return &Converter{cfg.Encoding}, nil
}

// Encode implements convert.Converter.
func (c *Converter) Encode(dst []byte, _ convert.At, _ *[]record.RawHeader, s *schema.Schema, v record.Value) ([]byte, error) {
	if v.IsNull() {
		return nil, nil
	}
	if dst == nil {
		dst = []byte{} // nil would be a null
	}
	if c.encoding == UTF8 {
		return appendJava(dst, s, v)
	}
	text, err := appendJava(nil, s, v)
	if err != nil {
		return nil, err
	}
	return c.encoding.append(dst, text)
}

// Decode implements convert.Converter.
func (c *Converter) Decode(_ convert.At, _ []record.RawHeader, data []byte) (*schema.Schema, record.Value, error) {
	if data == nil {
		return optionalString, record.Null, nil
	}
	text, err := c.encoding.decode(data)
	return optionalString, record.StringBytes(text), err
}

// EncodeHeader implements convert.HeaderConverter.
func (c *Converter) EncodeHeader(_, _ string, s *schema.Schema, v record.Value) ([]byte, error) {
	return c.Encode(nil, convert.At{}, nil, s, v)
}

// DecodeHeader implements convert.HeaderConverter.
func (c *Converter) DecodeHeader(_, _ string, data []byte) (*schema.Schema, record.Value, error) {
	return c.Decode(convert.At{}, nil, data)
}

// Headers is SimpleHeaderConverter.
type Headers struct{}

// EncodeHeader implements convert.HeaderConverter.
func (Headers) EncodeHeader(_, _ string, s *schema.Schema, v record.Value) ([]byte, error) {
	if v.IsNull() {
		return nil, nil
	}
	return appendValue([]byte{}, s, v, false)
}

// DecodeHeader implements convert.HeaderConverter. Bytes that are not UTF-8 stay bytes.
func (Headers) DecodeHeader(_, _ string, data []byte) (*schema.Schema, record.Value, error) {
	switch {
	case data == nil:
		return nil, record.Null, nil
	case !utf8.Valid(data):
		return bytesSchema, record.Bytes(data), nil
	}
	s, v := record.Infer(string(data))
	return s, v, nil
}

var bytesSchema = schema.New(schema.Bytes)

// Encoding is a character set, by its Java name.
type Encoding string

// The encodings.
const (
	UTF8    Encoding = "UTF-8"
	ASCII   Encoding = "US-ASCII"
	Latin1  Encoding = "ISO-8859-1"
	UTF16   Encoding = "UTF-16"
	UTF16BE Encoding = "UTF-16BE"
	UTF16LE Encoding = "UTF-16LE"
)

var encodingAliases = map[string]Encoding{
	"utf-8": UTF8, "utf8": UTF8, "us-ascii": ASCII, "ascii": ASCII, "iso-8859-1": Latin1, "iso8859_1": Latin1,
	"latin1": Latin1, "utf-16": UTF16, "utf16": UTF16, "utf-16be": UTF16BE, "utf-16le": UTF16LE,
}

// UnmarshalText accepts Java's names and common aliases in any case.
func (e *Encoding) UnmarshalText(b []byte) error {
	known, ok := encodingAliases[strings.ToLower(string(b))]
	if !ok {
		return fmt.Errorf("%q is not an encoding that leat knows: write one of %s", b, strings.Join(e.Words(), ", "))
	}
	*e = known
	return nil
}

// Words are the encodings.
func (Encoding) Words() []string {
	return []string{string(UTF8), string(ASCII), string(Latin1), string(UTF16), string(UTF16BE), string(UTF16LE)}
}
