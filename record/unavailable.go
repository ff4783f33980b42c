package record

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"

	"leat/schema"
)

// UnavailableValue is what Debezium writes for a column that the database did not send (unavailable.value.placeholder).
const UnavailableValue = "__debezium_unavailable_value"

// Unavailable gives the form in which Unchanged is written on the log under s, with placeholder as its text: the forms of
// Debezium's PostgreSQL connector for strings, bytes, arrays and maps, and for the other types that can be TOASTed (decimals
// and structs that hold bytes) the placeholder's bytes in their place. It tells false where s has no room for one.
func Unavailable(s *schema.Schema, placeholder string) (Value, bool) {
	switch s.Type() {
	case schema.String:
		return String(placeholder), true
	case schema.Bytes:
		if s.Name() == schema.DecimalName {
			return unavailableDecimal(s, placeholder), true
		}
		return Bytes([]byte(placeholder)), true
	case schema.Array:
		return unavailableArray(s.Elem(), placeholder)
	case schema.Map:
		if s.Key().Type() == schema.String && s.Elem().Type() == schema.String {
			return Map([]Entry{{String(placeholder), String(placeholder)}}), true
		}
	case schema.Struct:
		return unavailableStruct(s, placeholder)
	}
	return Null, false
}

// IsUnavailable tells whether v, of the schema s or schemaless when s is nil, is the placeholder in one of its forms.
// Without a schema, text in base64 counts as the form of bytes.
func IsUnavailable(s *schema.Schema, v Value, placeholder string) bool {
	switch v.kind {
	case KindString, KindBytes:
		if v.Len() == len(placeholder) && string(v.Bytes()) == placeholder {
			return true
		}
		return s == nil && v.Len() == base64.StdEncoding.EncodedLen(len(placeholder)) &&
			string(v.Bytes()) == base64.StdEncoding.EncodeToString([]byte(placeholder))
	case KindNull, KindUnchanged, KindBool, KindInt, KindFloat:
		return false
	}
	if s == nil {
		return isUnavailableSchemaless(v, placeholder)
	}
	want, ok := Unavailable(s, placeholder)
	return ok && Equal(v, want)
}

func isUnavailableSchemaless(v Value, placeholder string) bool {
	switch v.kind {
	case KindMap:
		e := v.Entries()
		return len(e) == 1 && IsUnavailable(nil, e[0].Key, placeholder) && IsUnavailable(nil, e[0].Value, placeholder)
	case KindArray:
		e := v.Elems()
		if len(e) == 1 && e[0].kind == KindString {
			return e[0].Str() == placeholder || e[0].Str() == nameUUID(placeholder)
		}
		return len(e) == len(placeholder) && Equal(v, Array(placeholderInts(placeholder)))
	}
	return false
}

func unavailableDecimal(s *schema.Schema, placeholder string) Value {
	scale := int32(0)
	if text, ok := s.Param("scale"); ok {
		for _, c := range []byte(text) {
			if c < '0' || c > '9' {
				return DecimalBytes([]byte(placeholder), 0)
			}
			scale = scale*10 + int32(c-'0')
		}
	}
	return DecimalBytes([]byte(placeholder), scale)
}

func unavailableArray(elem *schema.Schema, placeholder string) (Value, bool) {
	switch elem.Type() {
	case schema.Int32, schema.Int64:
		return Array(placeholderInts(placeholder)), true
	case schema.String:
		if elem.Name() == schema.DebeziumUUID {
			return Array([]Value{String(nameUUID(placeholder))}), true
		}
	}
	v, ok := Unavailable(elem, placeholder)
	return Array([]Value{v}), ok
}

// unavailableStruct fills the required members of a struct that has room for bytes or text, such as VariableScaleDecimal.
func unavailableStruct(s *schema.Schema, placeholder string) (Value, bool) {
	fields, room := make([]Value, len(s.Fields())), false
	for i, f := range s.Fields() {
		v, ok := Unavailable(f.Schema, placeholder)
		switch {
		case ok && (!room || !f.Schema.Optional()):
			fields[i], room = v, true
		case f.Schema.Optional():
		case f.Schema.Type() <= schema.Int64:
			fields[i] = Int(0)
		case f.Schema.Type() <= schema.Float64:
			fields[i] = Float(0)
		default:
			return Null, false
		}
	}
	return Struct(fields), room
}

func placeholderInts(placeholder string) []Value {
	elems := make([]Value, len(placeholder))
	for i := range elems {
		elems[i] = Int(int64(int8(placeholder[i])))
	}
	return elems
}

// nameUUID is java.util.UUID.nameUUIDFromBytes: MD5, version 3, without a namespace.
func nameUUID(name string) string {
	sum := md5.Sum([]byte(name))
	sum[6] = sum[6]&0x0f | 0x30
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:])
	return string(bytes.Join([][]byte{[]byte(h[:8]), []byte(h[8:12]), []byte(h[12:16]), []byte(h[16:20]), []byte(h[20:])}, []byte("-")))
}
