package json

import (
	"leat/record"
)

// appendFloat appends f as Java does; what is not finite becomes a string, as Jackson does.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if f-f == 0 {
		return record.AppendFloat(dst, f, bits)
	}
	return append(record.AppendFloat(append(dst, '"'), f, bits), '"')
}
