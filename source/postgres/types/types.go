package types

import (
	"fmt"
	"strings"

	"leat/connector"
	"leat/record"
	"leat/schema"
	"leat/source/capture"
)

// Decode makes a value of what the server sent. b belongs to the garbage collector and is never changed.
type Decode func(s *capture.Slab, b []byte) (record.Value, error)

// Codec is one row of the table of types: how a database type looks in a record, and how it is read on both paths.
type Codec struct {
	Schema *schema.Schema // required; the column makes it optional
	Text   Decode         // of pgoutput, and of COPY where Binary is nil
	Binary Decode         // of COPY (FORMAT binary); nil: COPY selects the text
	// asText is the SQL that gives the text for COPY, with %s for the column; "" is a cast.
	asText string
	// generated is the text that stands for a default which is a function call; hasDefault tells that defaults are read at all.
	generated  string
	hasDefault bool
	// fallback stands in for a NOT NULL column that an old row does not tell.
	Fallback record.Value
	IsText   bool // a type that masks and truncation work on
	Length   int  // declared length of such a type, 0 for none
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

// Info is what the catalog says of a type.
type Info struct {
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

// Map makes codecs as the options ask.
type Map struct {
	Options Options
	Lookup  func(oid uint32) (*Info, error)
}

// resolve follows domains to the type below.
func (m *Map) resolve(oid uint32, mod int32) (*Info, int32, error) {
	for {
		t, err := m.Lookup(oid)
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

// Codec finds the codec of a column's type; nil when records do not have such columns.
func (m *Map) Codec(oid uint32, mod int32, dims int) (*Codec, error) {
	t, mod, err := m.resolve(oid, mod)
	if err != nil {
		return nil, err
	}
	if t.IsArray {
		return m.array(t, mod, dims)
	}
	c := m.scalar(t, mod)
	if c == nil && m.Options.IncludeUnknown {
		return m.unknown(t), nil
	}
	return c, nil
}

func (m *Map) scalar(t *Info, mod int32) *Codec {
	if t.Kind == 'e' {
		c := stringCodec(schema.Semantic(schema.String, schema.DebeziumEnum, schema.With("allowed", strings.Join(t.Labels, ","))))
		c.IsText, c.inArray = false, true
		return c
	}
	switch t.OID {
	case oidBool:
		return &Codec{Schema: schema.New(schema.Boolean), Text: boolText, Binary: boolBinary, generated: "f", hasDefault: true, Fallback: record.Bool(false)}
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
		return &Codec{Schema: schema.New(schema.Float32), Text: float4Text, Binary: float4Binary, generated: "0", hasDefault: true, Fallback: record.Float(0)}
	case oidFloat8:
		return &Codec{Schema: schema.New(schema.Float64), Text: float8Text, Binary: float8Binary, generated: "0", hasDefault: true, Fallback: record.Float(0)}
	case oidNumeric:
		return m.numeric(mod)
	case oidMoney:
		return m.money()
	case oidText:
		return withDefault(stringCodec(schema.New(schema.String)), "")
	case oidVarchar, oidBpchar:
		c := withDefault(stringCodec(schema.New(schema.String)), "")
		c.Length = max(0, int(mod)-4)
		if t.OID == oidBpchar {
			c.asText = formatText // a cast would strip the blanks
		}
		return c
	case oidName, oidRefcursor:
		return stringCodec(schema.New(schema.String))
	case oidChar:
		c := stringCodec(schema.New(schema.String))
		c.Binary = nil // is a raw octet, where the text has an escape
		return c
	case oidBytea:
		return m.bytea()
	case oidUUID:
		return &Codec{Schema: schema.Semantic(schema.String, schema.DebeziumUUID), Text: stringText, Binary: uuidBinary,
			generated: "00000000-0000-0000-0000-000000000000", hasDefault: true, Fallback: record.String("")}
	case oidJSON, oidJSONB:
		c := withDefault(stringCodec(schema.Semantic(schema.String, schema.DebeziumJSON)), "{}")
		c.IsText, c.Fallback = false, record.String("{}")
		if t.OID == oidJSONB {
			c.Binary = jsonbBinary
		}
		return c
	case oidXML:
		c := withDefault(stringCodec(schema.Semantic(schema.String, schema.DebeziumXML)), "")
		c.IsText = false
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
		return &Codec{Schema: pointSchema, Text: pointText, Fallback: point(&capture.Slab{}, 0, 0)}
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
func (m *Map) extension(t *Info) *Codec {
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
func (m *Map) unknown(t *Info) *Codec {
	c := m.bytea()
	encode := c.Binary
	c.Text = func(s *capture.Slab, b []byte) (record.Value, error) { return encode(s, b) }
	switch t.OID {
	case oidLine, oidBox, oidLseg, oidPath, oidPolygon, oidCircle:
		c.Text = func(s *capture.Slab, b []byte) (record.Value, error) {
			return encode(s, s.Keep(javaNumbers(s.Buffer(4*len(b)), b)))
		}
	}
	c.Binary = nil
	return c
}

// formatText gives the text of the type's output function, which is not always what a cast gives.
const formatText = "CASE WHEN %[1]s IS NOT NULL THEN pg_catalog.format('%%s', %[1]s) END"

func textOnly(s *schema.Schema) *Codec {
	return &Codec{Schema: s, Text: stringText, Fallback: record.String("")}
}

// stringCodec is of types whose binary form is their text.
func stringCodec(s *schema.Schema) *Codec {
	return &Codec{Schema: s, Text: stringText, Binary: stringText, Fallback: record.String(""), IsText: true}
}

func withDefault(c *Codec, generated string) *Codec {
	c.hasDefault, c.generated = true, generated
	return c
}

func intCodec(t schema.Type, binary Decode) *Codec {
	return &Codec{Schema: schema.New(t), Text: intText, Binary: binary, generated: "0", hasDefault: true, Fallback: record.Int(0)}
}

// badValue is a value that can not be held: invariant 7.
func badValue(b []byte, why, hint string, args ...any) error {
	text := string(b)
	if len(text) > 80 {
		text = text[:80] + "…"
	}
	return connector.BadRecordf("value %q: %s", text, why).WithHint("%s", fmt.Sprintf(hint, args...))
}
