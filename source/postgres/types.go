package postgres

import (
	"fmt"
	"strings"

	"leat/connector"
	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

// decodeFunc makes a value of what the server sent. b belongs to the garbage collector and is never changed.
type decodeFunc func(s *capture.Slab, b []byte) (record.Value, error)

// codec is one row of the table of types: how a database type looks in a record, and how it is read on both paths.
type codec struct {
	schema *schema.Schema // required; the column makes it optional
	text   decodeFunc     // of pgoutput, and of COPY where binary is nil
	binary decodeFunc     // of COPY (FORMAT binary); nil: COPY selects the text
	// asText is the SQL that gives the text for COPY, with %s for the column; "" is a cast.
	asText string
	// generated is the text that stands for a default which is a function call; hasDefault tells that defaults are read at all.
	generated  string
	hasDefault bool
	// fallback stands in for a NOT NULL column that an old row does not tell.
	fallback record.Value
	isText   bool // a type that masks and truncation work on
	length   int  // declared length of such a type, 0 for none
	inArray  bool // as an array's element required, as Debezium has enums
}

// OIDs of the built-in types.
const (
	oidBool, oidBytea, oidChar, oidName, oidInt8, oidInt2, oidInt4, oidText, oidOID = 16, 17, 18, 19, 20, 21, 23, 25, 26
	oidJSON, oidXML, oidPoint, oidLseg, oidPath, oidBox, oidPolygon, oidLine        = 114, 142, 600, 601, 602, 603, 604, 628
	oidCidr, oidFloat4, oidFloat8, oidCircle, oidMacaddr8, oidMoney, oidMacaddr     = 650, 700, 701, 718, 774, 790, 829
	oidInet, oidBpchar, oidVarchar, oidDate, oidTime, oidTimestamp, oidTimestamptz  = 869, 1042, 1043, 1082, 1083, 1114, 1184
	oidInterval, oidTimetz, oidBit, oidVarbit, oidNumeric, oidRefcursor, oidUUID    = 1186, 1266, 1560, 1562, 1700, 1790, 2950
	oidTsvector, oidJSONB, oidInt4range, oidNumrange, oidTsrange, oidTstzrange      = 3614, 3802, 3904, 3906, 3908, 3910
	oidDaterange, oidInt8range                                                      = 3912, 3926
)

// typeInfo is what the catalog says of a type.
type typeInfo struct {
	OID       uint32
	Namespace string
	Name      string
	Kind      byte // b base, c composite, d domain, e enum, p pseudo, r range, m multirange
	Elem      uint32
	IsArray   bool
	Base      uint32 // of a domain
	BaseMod   int32
	NotNull   bool // of a domain
	Labels    []string
}

// typeMap makes codecs as the options ask.
type typeMap struct {
	cfg    *Config
	lookup func(oid uint32) (*typeInfo, error)
}

// resolve follows domains to the type below.
func (m *typeMap) resolve(oid uint32, mod int32) (*typeInfo, int32, error) {
	for {
		t, err := m.lookup(oid)
		if err != nil {
			return nil, 0, err
		}
		if t.Kind != 'd' {
			return t, mod, nil
		}
		if mod < 0 {
			mod = t.BaseMod
		}
		oid = t.Base
	}
}

// codec finds the codec of a column's type; nil when records do not have such columns.
func (m *typeMap) codec(oid uint32, mod int32, dims int) (*codec, error) {
	t, mod, err := m.resolve(oid, mod)
	if err != nil {
		return nil, err
	}
	if t.IsArray {
		return m.array(t, mod, dims)
	}
	c := m.scalar(t, mod)
	if c == nil && m.cfg.IncludeUnknown {
		return m.unknown(t), nil
	}
	return c, nil
}

func (m *typeMap) scalar(t *typeInfo, mod int32) *codec {
	if t.Kind == 'e' {
		c := stringCodec(schema.Semantic(schema.String, schema.DebeziumEnum, schema.With("allowed", strings.Join(t.Labels, ","))))
		c.isText, c.inArray = false, true
		return c
	}
	switch t.OID {
	case oidBool:
		return &codec{schema: schema.New(schema.Boolean), text: boolText, binary: boolBinary, generated: "f", hasDefault: true, fallback: record.Bool(false)}
	case oidInt2:
		return intCodec(schema.Int16, int2Binary)
	case oidInt4:
		return intCodec(schema.Int32, int4Binary)
	case oidInt8:
		return intCodec(schema.Int64, int8Binary)
	case oidOID:
		c := intCodec(schema.Int64, oidBinary)
		c.hasDefault = false
		return c
	case oidFloat4:
		return &codec{schema: schema.New(schema.Float32), text: float4Text, binary: float4Binary, generated: "0", hasDefault: true, fallback: record.Float(0)}
	case oidFloat8:
		return &codec{schema: schema.New(schema.Float64), text: float8Text, binary: float8Binary, generated: "0", hasDefault: true, fallback: record.Float(0)}
	case oidNumeric:
		return m.numeric(mod)
	case oidMoney:
		return m.money()
	case oidText:
		return withDefault(stringCodec(schema.New(schema.String)), "")
	case oidVarchar, oidBpchar:
		c := withDefault(stringCodec(schema.New(schema.String)), "")
		c.length = max(0, int(mod)-4)
		if t.OID == oidBpchar {
			c.asText = formatText // a cast would strip the blanks
		}
		return c
	case oidName, oidChar, oidRefcursor:
		return stringCodec(schema.New(schema.String))
	case oidBytea:
		return m.bytea()
	case oidUUID:
		return &codec{schema: schema.Semantic(schema.String, schema.DebeziumUUID), text: stringText, binary: uuidBinary,
			generated: "00000000-0000-0000-0000-000000000000", hasDefault: true, fallback: record.String("")}
	case oidJSON, oidJSONB:
		c := withDefault(stringCodec(schema.Semantic(schema.String, schema.DebeziumJSON)), "{}")
		c.isText, c.fallback = false, record.String("{}")
		if t.OID == oidJSONB {
			c.binary = jsonbBinary
		}
		return c
	case oidXML:
		c := withDefault(stringCodec(schema.Semantic(schema.String, schema.DebeziumXML)), "")
		c.isText = false
		return c
	case oidDate:
		return m.date()
	case oidTime:
		return m.timeOfDay(mod)
	case oidTimetz:
		return timetzCodec()
	case oidTimestamp:
		return m.timestamp(mod)
	case oidTimestamptz:
		return timestamptzCodec(mod)
	case oidInterval:
		return m.interval()
	case oidBit, oidVarbit:
		return bitCodec(t.OID, mod)
	case oidPoint:
		return &codec{schema: pointSchema, text: pointText, fallback: point(&capture.Slab{}, 0, 0)}
	case oidInet, oidCidr:
		c := textOnly(schema.New(schema.String))
		c.asText = formatText // a cast would add the length of the network
		return c
	case oidMacaddr, oidMacaddr8, oidInt4range, oidInt8range, oidNumrange, oidTsrange, oidTstzrange, oidDaterange:
		return textOnly(schema.New(schema.String))
	case oidTsvector:
		return textOnly(schema.Semantic(schema.String, schema.DebeziumTsvector))
	}
	return m.extension(t)
}

// extension finds types of extensions, whose OIDs differ from database to database.
func (m *typeMap) extension(t *typeInfo) *codec {
	if t.Kind != 'b' {
		return nil
	}
	switch t.Name {
	case "citext":
		return stringCodec(schema.New(schema.String))
	case "hstore":
		return m.hstore()
	case "ltree":
		return textOnly(schema.Semantic(schema.String, schema.DebeziumLtree))
	case "isbn":
		return textOnly(schema.New(schema.String))
	case "vector":
		return vectorCodec("io.debezium.data.DoubleVector", schema.Float64)
	case "halfvec":
		return vectorCodec("io.debezium.data.FloatVector", schema.Float32)
	}
	return nil
}

// unknown hands on the text of a type that Debezium does not know, as include.unknown.datatypes asks: as binary, in the form
// of binary.handling.mode.
func (m *typeMap) unknown(t *typeInfo) *codec {
	c := m.bytea()
	encode := c.binary
	c.text = func(s *capture.Slab, b []byte) (record.Value, error) { return encode(s, b) }
	switch t.OID {
	case oidLine, oidBox, oidLseg, oidPath, oidPolygon, oidCircle:
		c.text = func(s *capture.Slab, b []byte) (record.Value, error) {
			return encode(s, s.Keep(javaNumbers(s.Buffer(4*len(b)), b)))
		}
	}
	c.binary = nil
	return c
}

// formatText gives the text of the type's output function, which is not always what a cast gives.
const formatText = "CASE WHEN %[1]s IS NOT NULL THEN pg_catalog.format('%%s', %[1]s) END"

func textOnly(s *schema.Schema) *codec {
	return &codec{schema: s, text: stringText, fallback: record.String("")}
}

// stringCodec is of types whose binary form is their text.
func stringCodec(s *schema.Schema) *codec {
	return &codec{schema: s, text: stringText, binary: stringText, fallback: record.String(""), isText: true}
}

func withDefault(c *codec, generated string) *codec {
	c.hasDefault, c.generated = true, generated
	return c
}

func intCodec(t schema.Type, binary decodeFunc) *codec {
	return &codec{schema: schema.New(t), text: intText, binary: binary, generated: "0", hasDefault: true, fallback: record.Int(0)}
}

// badValue is a value that can not be held: invariant 7.
func badValue(b []byte, why, hint string, args ...any) error {
	text := string(b)
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return connector.BadRecordf("value %q: %s", text, why).WithHint("%s", fmt.Sprintf(hint, args...))
}
