package record

import "leat/schema"

// Op is what happened to a row, as the envelope writes it.
type Op byte

// The operations of Debezium's envelope.
const (
	OpCreate   Op = 'c'
	OpUpdate   Op = 'u'
	OpDelete   Op = 'd'
	OpRead     Op = 'r' // from a snapshot
	OpTruncate Op = 't'
	OpMessage  Op = 'm' // a logical message
)

// Change is a typed view over a record whose value is a Debezium envelope; it is no second model.
type Change struct {
	Op            Op
	RowSchema     *schema.Schema // of Before and After; nil when schemaless
	Before, After Value          // struct or null
	Source        Value          // the source block; null when absent
	SourceSchema  *schema.Schema
}

// AsChange views v as an envelope: a struct with the fields op and after or before, or a schemaless map of that shape. It
// tells false for anything else, and for an op of more than one letter.
func AsChange(s *schema.Schema, v Value) (Change, bool) {
	var c Change
	var op Value
	switch {
	case v.Kind() == KindStruct && s != nil:
		fo, fa, fb := s.Field("op"), s.Field("after"), s.Field("before")
		if fo == nil || fa == nil && fb == nil {
			return c, false
		}
		op = v.Field(fo.Index)
		if fb != nil {
			c.Before, c.RowSchema = v.Field(fb.Index), fb.Schema
		}
		if fa != nil {
			c.After, c.RowSchema = v.Field(fa.Index), fa.Schema
		}
		if fs := s.Field("source"); fs != nil {
			c.Source, c.SourceSchema = v.Field(fs.Index), fs.Schema
		}
	case v.Kind() == KindMap:
		var hasAfter, hasBefore bool
		op, _ = v.Lookup("op")
		c.After, hasAfter = v.Lookup("after")
		c.Before, hasBefore = v.Lookup("before")
		c.Source, _ = v.Lookup("source")
		if !hasAfter && !hasBefore {
			return c, false
		}
	}
	if op.Kind() != KindString || op.Len() != 1 {
		return c, false
	}
	c.Op = Op(op.Str()[0])
	return c, true
}
