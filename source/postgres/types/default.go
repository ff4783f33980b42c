package types

import (
	"math/big"
	"regexp"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

var (
	functionDefault = regexp.MustCompile(`^[(]?[A-Za-z0-9_.]+\((?:.+(?:, ?.+)*)?\)`)
	literalDefault  = regexp.MustCompile(`'([^']*(?:''[^']*)*)'`)
	clockDefaults   = map[string]bool{"current_timestamp": true, "current_time": true, "current_date": true, "localtime": true, "localtimestamp": true}
)

// DefaultOf reads a column's default expression as Debezium does: a literal as it is, a function call as the type's
// placeholder, anything else as no default.
func (c *Codec) DefaultOf(expr string) (any, bool) {
	if expr == "" || c.Schema.Type() == schema.Struct {
		return nil, false
	}
	if c.inArray { // an enum
		if m := literalDefault.FindStringSubmatch(expr); m != nil && strings.HasPrefix(expr, "'") {
			return strings.ReplaceAll(m[1], "''", "'"), true
		}
		return nil, false
	}
	if !c.hasDefault {
		return nil, false
	}
	text := strings.TrimSpace(expr)
	switch {
	case functionDefault.MatchString(text) || clockDefaults[strings.ToLower(text)]:
		text = c.generated
	case strings.HasPrefix(text, "NULL::"):
		return nil, false
	default:
		if m := literalDefault.FindStringSubmatch(text); m != nil {
			text = strings.ReplaceAll(m[1], "''", "'")
		}
	}
	if c.Schema.Type() == schema.Boolean && len(text) > 0 {
		text = map[bool]string{true: "t", false: "f"}[strings.EqualFold(text, "true") || text == "t" || text == "1"]
		if c.generated == "0" { // bit(1)
			text = map[string]string{"t": "1", "f": "0"}[text]
		}
	}
	v, err := c.Text(&capture.Slab{}, []byte(text))
	if err != nil {
		return nil, false
	}
	return goValue(v)
}

// goValue is a value as schema.Default wants it.
func goValue(v record.Value) (any, bool) {
	switch v.Kind() {
	case record.KindBool:
		return v.Bool(), true
	case record.KindInt:
		return v.Int(), true
	case record.KindFloat:
		return v.Float(), true
	case record.KindString:
		return strings.Clone(v.Str()), true
	case record.KindBytes:
		return append([]byte(nil), v.Bytes()...), true
	case record.KindDecimal:
		n, _ := v.DecimalParts()
		return n, true
	}
	return nil, false
}

// ValueOf is a default as a value.
func ValueOf(def any, s *schema.Schema) record.Value {
	switch d := def.(type) {
	case bool:
		return record.Bool(d)
	case int64:
		return record.Int(d)
	case float64:
		return record.Float(d)
	case string:
		return record.String(d)
	case []byte:
		return record.Bytes(d)
	case *big.Int:
		scale, _ := s.Param("scale")
		n, _ := parseInt([]byte(scale))
		return record.DecimalBig(d, int32(n))
	}
	return record.Null
}
