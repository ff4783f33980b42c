package text

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"leat/record"
	"leat/schema"
)

// appendScalar writes what has the same form everywhere; false for a value with parts, and for null and text.
func appendScalar(dst []byte, s *schema.Schema, v record.Value) ([]byte, bool) {
	switch v.Kind() {
	case record.KindBool:
		return strconv.AppendBool(dst, v.Bool()), true
	case record.KindInt:
		return strconv.AppendInt(dst, v.Int(), 10), true
	case record.KindFloat:
		if s != nil && s.Type() == schema.Float32 {
			return record.AppendFloat(dst, v.Float(), 32), true
		}
		return record.AppendFloat(dst, v.Float(), 64), true
	case record.KindDecimal:
		return v.AppendBigDecimal(dst), true
	}
	return dst, false
}

// appendJava writes v as Java's toString does.
func appendJava(dst []byte, s *schema.Schema, v record.Value) (_ []byte, err error) {
	if t, ok := record.Instant(s, v); ok {
		return t.AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006"), nil
	}
	if out, ok := appendScalar(dst, s, v); ok {
		return out, nil
	}
	switch v.Kind() {
	case record.KindNull:
		return append(dst, "null"...), nil
	case record.KindUnchanged:
		return append(dst, record.UnavailableValue...), nil
	case record.KindString:
		return append(dst, v.Bytes()...), nil
	case record.KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes()), nil
	case record.KindArray:
		dst = append(dst, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if dst, err = appendJava(dst, elemOf(s), e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case record.KindMap:
		dst = append(dst, '{')
		for i, e := range v.Entries() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if dst, err = appendJava(dst, keyOf(s), e.Key); err != nil {
				return nil, err
			}
			if dst, err = appendJava(append(dst, '='), elemOf(s), e.Value); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return appendJavaStruct(dst, s, v)
}

func appendJavaStruct(dst []byte, s *schema.Schema, v record.Value) (_ []byte, err error) {
	if err := checkStruct(s, v); err != nil {
		return nil, err
	}
	dst = append(dst, "Struct{"...)
	first := true
	for i, f := range s.Fields() {
		if v.Field(i).IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if dst, err = appendJava(append(append(dst, f.Name...), '='), f.Schema, v.Field(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func checkStruct(s *schema.Schema, v record.Value) error {
	if s == nil || s.Type() != schema.Struct || len(s.Fields()) != v.Len() {
		return fmt.Errorf("a struct of %d fields with %s is no text", v.Len(), s)
	}
	return nil
}

func keyOf(s *schema.Schema) *schema.Schema {
	if s == nil {
		return nil
	}
	return s.Key()
}

func elemOf(s *schema.Schema) *schema.Schema {
	if s == nil {
		return nil
	}
	return s.Elem()
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// appendValue writes v as Connect's Values.convertToString does: the form that Infer reads. embedded: within an array, map
// or struct, where text is quoted.
func appendValue(dst []byte, s *schema.Schema, v record.Value, embedded bool) ([]byte, error) {
	if t, ok := record.Instant(s, v); ok {
		return record.AppendInstant(dst, t), nil
	}
	if out, ok := appendScalar(dst, s, v); ok {
		return out, nil
	}
	switch v.Kind() {
	case record.KindNull:
		return append(dst, "null"...), nil
	case record.KindUnchanged:
		return appendText(dst, record.UnavailableValue, embedded), nil
	case record.KindString:
		return appendText(dst, v.Str(), embedded), nil
	case record.KindBytes:
		return appendText(dst, base64.StdEncoding.EncodeToString(v.Bytes()), embedded), nil
	case record.KindArray:
		return appendElems(dst, elemOf(s), v.Elems())
	case record.KindMap:
		return appendEntries(dst, s, v.Entries())
	}
	return appendFields(dst, s, v)
}

func appendText(dst []byte, text string, embedded bool) []byte {
	if !embedded {
		return append(dst, text...)
	}
	return append(append(append(dst, '"'), escaper.Replace(text)...), '"')
}

func appendElems(dst []byte, s *schema.Schema, elems []record.Value) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, s, e, true); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendEntries(dst []byte, s *schema.Schema, entries []record.Entry) (_ []byte, err error) {
	dst = append(dst, '{')
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, keyOf(s), e.Key, true); err != nil {
			return nil, err
		}
		if dst, err = appendValue(append(dst, ':'), elemOf(s), e.Value, true); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendFields writes a struct; a null with a default as the default.
func appendFields(dst []byte, s *schema.Schema, v record.Value) (_ []byte, err error) {
	if err := checkStruct(s, v); err != nil {
		return nil, err
	}
	dst = append(dst, '{')
	for i, f := range s.Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		e := v.Field(i)
		if def, ok := record.DefaultOf(f.Schema); ok && e.IsNull() {
			e = def
		}
		dst = append(appendText(dst, f.Name, true), ':')
		if dst, err = appendValue(dst, f.Schema, e, true); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
