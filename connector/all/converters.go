package all

import (
	"leat/convert"
	"leat/convert/bytearray"
	"leat/convert/json"
	"leat/convert/text"
)

var converters = []convert.Plugin{json.Plugin, text.Plugin, text.HeaderPlugin, bytearray.Plugin}
