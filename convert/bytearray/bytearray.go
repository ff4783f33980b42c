// Package bytearray is Kafka's ByteArrayConverter: bytes pass as they are. Anything else than bytes is an error.
package bytearray

import (
	"fmt"

	"leat/convert"
	"leat/record"
	"leat/schema"
)

// Config is the options of the converter: none.
type Config struct{}

// Plugin describes the converter.
var Plugin = convert.Plugin{
	Name:      "bytes",
	Classes:   []string{"org.apache.kafka.connect.converters.ByteArrayConverter"},
	Config:    Config{},
	New:       func(any, record.Part) (convert.Converter, error) { return Converter{}, nil },
	NewHeader: func(any) (convert.HeaderConverter, error) { return Converter{}, nil },
}

var optionalBytes = schema.New(schema.Bytes, schema.Optional())

// Converter passes bytes.
type Converter struct{}

// Encode implements convert.Converter.
func (Converter) Encode(dst []byte, _ convert.At, _ *[]record.RawHeader, s *schema.Schema, v record.Value) ([]byte, error) {
	if s != nil && s.Type() != schema.Bytes {
		return nil, fmt.Errorf("ByteArrayConverter takes bytes alone, not %s: use another converter, or one that fits the data", s)
	}
	switch v.Kind() {
	case record.KindNull:
		return nil, nil
	case record.KindUnchanged:
		return append(dst, record.UnavailableValue...), nil
	case record.KindBytes:
		if dst == nil {
			dst = []byte{} // nil would be a null
		}
		return append(dst, v.Bytes()...), nil
	}
	return nil, fmt.Errorf("ByteArrayConverter takes bytes alone, not a %s", v.Kind())
}

// Decode implements convert.Converter.
func (Converter) Decode(_ convert.At, _ []record.RawHeader, data []byte) (*schema.Schema, record.Value, error) {
	if data == nil {
		return optionalBytes, record.Null, nil
	}
	return optionalBytes, record.Bytes(data), nil
}

// EncodeHeader implements convert.HeaderConverter.
func (c Converter) EncodeHeader(_, _ string, s *schema.Schema, v record.Value) ([]byte, error) {
	return c.Encode(nil, convert.At{}, nil, s, v)
}

// DecodeHeader implements convert.HeaderConverter.
func (c Converter) DecodeHeader(_, _ string, data []byte) (*schema.Schema, record.Value, error) {
	return c.Decode(convert.At{}, nil, data)
}
