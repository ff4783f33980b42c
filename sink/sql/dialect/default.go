package dialect

import (
	"math/big"

	"leat/record"
	"leat/schema"
)

// DefaultValue gives a schema's default as a value; false when there is none, or none of a plain kind.
func DefaultValue(s *schema.Schema) (record.Value, bool) {
	def, ok := s.Default()
	if !ok {
		return record.Null, false
	}
	switch d := def.(type) {
	case nil:
		return record.Null, true
	case int64:
		return record.Int(d), true
	case float64:
		return record.Float(d), true
	case bool:
		return record.Bool(d), true
	case string:
		return record.String(d), true
	case []byte:
		return record.Bytes(d), true
	case *big.Int:
		return record.DecimalBig(d, int32(intParam(s, "scale"))), true
	}
	return record.Null, false
}
