// Package schema describes the shape of data, as Kafka Connect does: eight primitive types, arrays, maps and structs, each
// with an optional name, version, documentation, parameters and default. Logical types (decimals, dates, Debezium's semantic
// types) are ordinary schemas that are told apart by name.
//
// A Schema is immutable once built and shared by pointer: two records of one table carry the same *Schema until the table
// changes its shape. Work that depends only on the schema (an encoder, a transform's plan, a statement) is therefore done
// once and kept by pointer. Equal compares by content.
package schema

import "fmt"

// Type is the physical type of a value, in Kafka Connect's words.
type Type uint8

// The types of Kafka Connect (org.apache.kafka.connect.data.Schema.Type).
const (
	Invalid Type = iota
	Int8
	Int16
	Int32
	Int64
	Float32
	Float64
	Boolean
	String
	Bytes
	Array
	Map
	Struct
)

var typeNames = [...]string{"invalid", "int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string", "bytes", "array", "map", "struct"}

// String gives the name in lower case, "int32".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Param is one schema parameter. Parameters keep the order in which they were given.
type Param struct{ Name, Value string }

// Field is a named member of a struct. Index is its position, which is also its position in a struct value.
type Field struct {
	Name   string
	Schema *Schema
	Index  int
}

// Schema is the shape of a value. It is immutable: every method only reads, and what they return must not be changed.
type Schema struct {
	typ        Type
	optional   bool
	hasDefault bool
	version    int32 // 0: none
	name       string
	doc        string
	params     []Param
	def        any
	fields     []Field
	index      map[string]int // of fields, when there are many
	key, elem  *Schema
}

// Type is the physical type.
func (s *Schema) Type() Type { return s.typ }

// Optional tells whether null is allowed.
func (s *Schema) Optional() bool { return s.optional }

// Name is the logical or record name, "" when there is none.
func (s *Schema) Name() string { return s.name }

// Version is the schema's version, 0 when there is none.
func (s *Schema) Version() int { return int(s.version) }

// Doc is the documentation, "" when there is none.
func (s *Schema) Doc() string { return s.doc }

// Params are the parameters in their order, nil when there are none.
func (s *Schema) Params() []Param { return s.params }

// Param gives one parameter.
func (s *Schema) Param(name string) (string, bool) {
	for _, p := range s.params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// Default is the default value and whether there is one. Its Go type follows the physical type: int64 for the four integer
// types, float64 for both floats, bool, string, []byte, *big.Int for the Decimal logical type (the unscaled value),
// []any, map[string]any; nil is a default of null.
func (s *Schema) Default() (any, bool) { return s.def, s.hasDefault }

// Fields are the members of a struct in their order.
func (s *Schema) Fields() []Field { return s.fields }

// Field finds a member by name; nil when there is none.
func (s *Schema) Field(name string) *Field {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return &s.fields[i]
		}
		return nil
	}
	for i := range s.fields {
		if s.fields[i].Name == name {
			return &s.fields[i]
		}
	}
	return nil
}

// Key is the schema of a map's keys.
func (s *Schema) Key() *Schema { return s.key }

// Elem is the schema of an array's elements or of a map's values.
func (s *Schema) Elem() *Schema { return s.elem }

// String is for messages: the name if there is one, else the type.
func (s *Schema) String() string {
	switch {
	case s == nil:
		return "no schema"
	case s.name != "":
		return s.typ.String() + " " + s.name
	default:
		return s.typ.String()
	}
}
