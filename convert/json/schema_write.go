package json

import (
	"fmt"
	"strconv"

	"leat/record"
	"leat/schema"
)

// typeWords are the types in Connect's JSON schemas.
var typeWords = map[schema.Type]string{
	schema.Int8: "int8", schema.Int16: "int16", schema.Int32: "int32", schema.Int64: "int64", schema.Float32: "float",
	schema.Float64: "double", schema.Boolean: "boolean", schema.String: "string", schema.Bytes: "bytes",
	schema.Array: "array", schema.Map: "map", schema.Struct: "struct",
}

// schemaWriter writes schemas in the order of members that Kafka uses.
type schemaWriter struct{ cfg Config }

// append writes s; field is nil, or the field that it is the schema of.
func (w schemaWriter) append(dst []byte, s *schema.Schema, field *schema.Field) (_ []byte, err error) {
	dst = append(append(append(dst, `{"type":"`...), typeWords[s.Type()]...), '"')
	if dst, err = w.appendParts(dst, s); err != nil {
		return nil, err
	}
	dst = strconv.AppendBool(append(dst, `,"optional":`...), s.Optional())
	if s.Name() != "" {
		dst = appendString(append(dst, `,"name":`...), []byte(s.Name()))
	}
	if s.Version() != 0 {
		dst = strconv.AppendInt(append(dst, `,"version":`...), int64(s.Version()), 10)
	}
	if s.Doc() != "" {
		dst = appendString(append(dst, `,"doc":`...), []byte(s.Doc()))
	}
	if len(s.Params()) > 0 {
		dst = appendParams(dst, s.Params())
	}
	if dst, err = w.appendDefault(dst, s); err != nil {
		return nil, err
	}
	if field != nil {
		dst = appendString(append(dst, `,"field":`...), []byte(field.Name))
	}
	return append(dst, '}'), nil
}

func (w schemaWriter) appendParts(dst []byte, s *schema.Schema) (_ []byte, err error) {
	switch s.Type() {
	case schema.Array:
		return w.append(append(dst, `,"items":`...), s.Elem(), nil)
	case schema.Map:
		if dst, err = w.append(append(dst, `,"keys":`...), s.Key(), nil); err != nil {
			return nil, err
		}
		return w.append(append(dst, `,"values":`...), s.Elem(), nil)
	case schema.Struct:
		dst = append(dst, `,"fields":[`...)
		for i := range s.Fields() {
			if i > 0 {
				dst = append(dst, ',')
			}
			f := &s.Fields()[i]
			if dst, err = w.append(dst, f.Schema, f); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	return dst, nil
}

func appendParams(dst []byte, params []schema.Param) []byte {
	dst = append(dst, `,"parameters":{`...)
	for i, p := range params {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, []byte(p.Name)), ':')
		dst = appendString(dst, []byte(p.Value))
	}
	return append(dst, '}')
}

func (w schemaWriter) appendDefault(dst []byte, s *schema.Schema) ([]byte, error) {
	def, ok := record.DefaultOf(s)
	if !ok {
		return dst, nil
	}
	node, err := (&encoder{cfg: w.cfg}).compile(s)
	if err != nil {
		return nil, err
	}
	dst, err = node.append(append(dst, `,"default":`...), def)
	if err != nil {
		return nil, fmt.Errorf("default of %s: %w", s, err)
	}
	return dst, nil
}
