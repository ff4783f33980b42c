package json

import (
	"testing"

	"leat/convert"
	"leat/convert/converttest"
)

func TestContract(t *testing.T) {
	for name, format := range map[string]DecimalFormat{"base64": Base64, "numeric": Numeric} {
		t.Run(name, func(t *testing.T) {
			converttest.Run(t, converttest.Options{
				New: func(t testing.TB) convert.Converter {
					return newConverter(t, Config{SchemasEnable: true, CacheSize: 100, DecimalFormat: format, ReplaceNull: true})
				},
				KeepsSchema: true, KeepsValue: true,
			})
		})
	}
}
