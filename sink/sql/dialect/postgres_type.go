package dialect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"leat/record"
	"leat/schema"
)

func (s *pgSession) Create(ctx context.Context, name Name, fields []Field, style Style) error {
	var parts, keys []string
	for _, f := range fields {
		spec, err := s.columnSpec(ctx, f, style)
		if err != nil {
			return err
		}
		parts = append(parts, spec)
		if f.Key {
			keys = append(keys, f.Name)
		}
	}
	if keys != nil {
		parts = append(parts, "PRIMARY KEY ("+quoteAll(keys, "")+")")
	}
	err := s.exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", name.quoted(), strings.Join(parts, ", ")))
	// Two tasks may create a table at the same time: one of them is told so by the catalog's own unique index.
	if hasState(err, "42P07", "23505") {
		return nil
	}
	return err
}

func (s *pgSession) AddColumns(ctx context.Context, t *Table, fields []Field, style Style) error {
	var parts []string
	for _, f := range fields {
		spec, err := s.columnSpec(ctx, f, style)
		if err != nil {
			return err
		}
		parts = append(parts, "ADD COLUMN IF NOT EXISTS "+spec)
	}
	return s.exec(ctx, fmt.Sprintf("ALTER TABLE %s %s", t.Name.quoted(), strings.Join(parts, ", ")))
}

func hasState(err error, states ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains(states, pg.Code)
}

func (s *pgSession) columnSpec(ctx context.Context, f Field, style Style) (string, error) {
	typ, err := pgType(f, style)
	if err != nil {
		return "", err
	}
	if base := strings.TrimSuffix(typ, "[]"); extensionTypes[base] != "" {
		ok, err := s.hasType(ctx, base)
		if err != nil {
			return "", err
		}
		if !ok {
			typ = extensionTypes[base] + strings.Repeat("[]", strings.Count(typ, "[]"))
		}
	}
	spec := quote(f.Name) + " " + typ
	if def := s.dialect.enc.defaultOf(f, typ); def != "" {
		spec += " DEFAULT " + def
	}
	if f.Key || !f.Schema.Optional() {
		spec += " NOT NULL"
	}
	return spec, nil
}

// extensionTypes are types of extensions, and what takes their place where the extension is not there.
var extensionTypes = map[string]string{"hstore": "jsonb", "citext": "text", "ltree": "text", "vector": "float8[]", "halfvec": "float4[]"}

func (p pgEncoders) defaultOf(f Field, typ string) string {
	def, ok := f.Schema.Default()
	if !ok || def == nil {
		return ""
	}
	v, ok := DefaultValue(f.Schema)
	if !ok || v.Kind() == record.KindArray || v.Kind() == record.KindStruct || v.Kind() == record.KindMap {
		return ""
	}
	text, err := p.text.append(nil, f.Schema, v)
	if err != nil || strings.ContainsRune(string(text), 0) {
		return ""
	}
	return literal(string(text))
}

// nativeTypes are those that a source may name in __debezium.source.column.type and that are made again under their own name.
var nativeTypes = map[string]bool{
	"INET": true, "CIDR": true, "MACADDR": true, "MACADDR8": true, "CITEXT": true, "MONEY": true, "OID": true, "INT4RANGE": true, "INT8RANGE": true,
	"NUMRANGE": true, "TSRANGE": true, "TSTZRANGE": true, "DATERANGE": true, "LTREE": true, "XML": true, "TSVECTOR": true,
}

// pgType is the column type for a field.
func pgType(f Field, style Style) (string, error) {
	s := f.Schema
	k := meaningOf(s)
	if style.Confluent {
		return confluentPgType(f, style, k)
	}
	source := sourceType(s)
	switch k.meaning {
	case mDecimal:
		scale, precision := intParam(s, "scale"), intParam(s, "connect.decimal.precision")
		if source == "MONEY" {
			return "money", nil
		}
		if precision > 0 && scale >= 0 {
			return fmt.Sprintf("numeric(%d,%d)", precision, scale), nil
		}
		return "numeric", nil
	case mVarDecimal:
		return "numeric", nil
	case mDate:
		return "date", nil
	case mTime:
		return "time(" + secondsDigits(s) + ")", nil
	case mTimestamp:
		return "timestamp(" + secondsDigits(s) + ")", nil
	case mZonedStamp:
		return "timestamp(" + secondsDigits(s) + ") with time zone", nil
	case mZonedTime:
		return "time(" + secondsDigits(s) + ") with time zone", nil
	case mDuration, mInterval:
		return "interval", nil
	case mBits:
		n := intParam(s, "length")
		if source == "VARBIT" || n <= 0 || n > 83886080 {
			return "varbit", nil
		}
		return fmt.Sprintf("bit(%d)", n), nil
	case mJSON:
		switch source {
		case "HSTORE", "JSONB":
			return strings.ToLower(source), nil
		}
		return "json", nil
	case mUUID:
		return "uuid", nil
	case mPoint:
		return "point", nil
	case mGeometry, mSparseVector:
		return "", fmt.Errorf("field %s: %s is not in this build yet; leave the field out with field.exclude.list", f.Name, s.Name())
	case mMap:
		return "hstore", nil
	case mStruct:
		return "", fmt.Errorf("field %s is a struct, for which there is no column type; flatten it with the Flatten transform, or leave it out", f.Name)
	case mVector:
		if s.Elem().Type() == schema.Float32 {
			return "halfvec", nil
		}
		return "vector", nil
	case mArray:
		elem, err := pgType(Field{Name: f.Name, Schema: s.Elem()}, style)
		if native := strings.TrimPrefix(source, "_"); native != source && nativeTypes[native] {
			return strings.ToLower(native) + "[]", nil
		}
		return elem + "[]", err
	}
	switch s.Name() {
	case schema.DebeziumXML:
		return "xml", nil
	case schema.DebeziumLtree:
		return "ltree", nil
	case schema.DebeziumTsvector:
		return "tsvector", nil
	}
	if nativeTypes[source] {
		return strings.ToLower(source), nil
	}
	if k.meaning == mText {
		length := intParam(s, "__debezium.source.column.length")
		switch {
		case length <= 0 || length > 10485760:
		case source == "VARCHAR" || source == "VARCHAR2" || source == "CHARACTER VARYING" || source == "NVARCHAR" || source == "NVARCHAR2":
			return fmt.Sprintf("varchar(%d)", length), nil
		case source == "CHAR" || source == "CHARACTER" || source == "BPCHAR" || source == "NCHAR":
			return fmt.Sprintf("char(%d)", length), nil
		}
		return "text", nil
	}
	return pgPrimitive(s, f)
}

func pgPrimitive(s *schema.Schema, f Field) (string, error) {
	switch s.Type() {
	case schema.Int8, schema.Int16:
		return "smallint", nil
	case schema.Int32:
		return "integer", nil
	case schema.Int64:
		return "bigint", nil
	case schema.Float32:
		return "real", nil
	case schema.Float64:
		return "double precision", nil
	case schema.Boolean:
		return "boolean", nil
	case schema.String:
		return "text", nil
	case schema.Bytes:
		return "bytea", nil
	}
	return "", fmt.Errorf("field %s is a %s, for which there is no column type", f.Name, s)
}

// secondsDigits is how many digits a time column keeps: those of the source when it tells, else all.
func secondsDigits(s *schema.Schema) string {
	if sourceType(s) != "" {
		if v, ok := s.Param("__debezium.source.column.length"); ok && len(v) == 1 && v[0] >= '0' && v[0] <= '6' {
			return v
		}
	}
	return "6"
}

// confluentPgType is the type that Confluent's sink makes. Debezium's names mean nothing to it: they are made as what they are.
func confluentPgType(f Field, style Style, k kindOf) (string, error) {
	s := f.Schema
	switch s.Name() {
	case schema.DecimalName:
		return "decimal", nil
	case schema.DateName:
		return "date", nil
	case schema.TimeName:
		return "time", nil
	case schema.TimestampName:
		return "timestamp", nil
	}
	if style.TimestampFields[f.Name] && (s.Type() == schema.Int64 || s.Type() == schema.String) {
		return "timestamp", nil
	}
	if s.Type() == schema.Array {
		elem, err := confluentPgType(Field{Name: f.Name, Schema: s.Elem()}, style, k)
		return elem + "[]", err
	}
	if s.Type() == schema.Struct || s.Type() == schema.Map {
		return "", fmt.Errorf("field %s is a %s, for which there is no column type; flatten it with the Flatten transform, or leave it out with fields.whitelist", f.Name, s)
	}
	return pgPrimitive(s, f)
}
