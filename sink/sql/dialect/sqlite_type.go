package dialect

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"leat/record"
	"leat/schema"
)

func (s *sqliteSession) Create(ctx context.Context, name Name, fields []Field, style Style) error {
	var parts, keys []string
	for _, f := range fields {
		spec, err := s.columnSpec(f, style)
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
	return s.exec(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s)", name.quoted(), strings.Join(parts, ", ")))
}

func (s *sqliteSession) AddColumns(ctx context.Context, t *Table, fields []Field, style Style) error {
	for _, f := range fields {
		spec, err := s.columnSpec(f, style)
		if err != nil {
			return err
		}
		if err := s.exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", t.Name.quoted(), spec)); err != nil && !strings.Contains(err.Error(), "duplicate column name") {
			return err
		}
	}
	return nil
}

func (s *sqliteSession) columnSpec(f Field, style Style) (string, error) {
	typ, err := sqliteType(f, style)
	if err != nil {
		return "", err
	}
	spec := quote(f.Name) + " " + typ
	if v, ok := DefaultValue(f.Schema); ok && !v.IsNull() {
		c := &ColumnInfo{Name: f.Name, Type: typ}
		if bind, err := s.dialect.binder(c, f.Schema); err == nil {
			if arg, err := bind(v); err == nil {
				spec += " DEFAULT " + sqliteLiteral(arg)
			}
		}
	}
	if f.Key || !f.Schema.Optional() {
		spec += " NOT NULL"
	}
	return spec, nil
}

func sqliteLiteral(arg any) string {
	switch a := arg.(type) {
	case int64:
		return strconv.FormatInt(a, 10)
	case float64:
		return strconv.FormatFloat(a, 'g', -1, 64)
	case []byte:
		return fmt.Sprintf("x'%x'", a)
	}
	return literal(fmt.Sprint(arg))
}

// sqliteType is the declared type; what matters is the affinity that SQLite reads from it. Numbers of more than 15 digits are
// TEXT, since NUMERIC would make them floating-point.
func sqliteType(f Field, style Style) (string, error) {
	s := f.Schema
	k := meaningOf(s)
	if style.Confluent {
		switch s.Name() {
		case schema.DecimalName:
			if p := intParam(s, "connect.decimal.precision"); p <= 0 || p > 15 {
				return "TEXT", nil
			}
			return "NUMERIC", nil
		case schema.DateName, schema.TimeName, schema.TimestampName:
			return "NUMERIC", nil
		}
		if style.TimestampFields[f.Name] {
			return "TIMESTAMP", nil
		}
		k = meaningOf(schema.New(s.Type()))
		if k.meaning == mBool {
			return "INTEGER", nil
		}
	}
	switch k.meaning {
	case mInt:
		return "INTEGER", nil
	case mFloat:
		return "REAL", nil
	case mBool:
		return "BOOLEAN", nil
	case mBytes, mBits:
		return "BLOB", nil
	case mDecimal:
		if p := intParam(s, "connect.decimal.precision"); p > 0 && p <= 15 {
			return fmt.Sprintf("DECIMAL(%d,%d)", p, intParam(s, "scale")), nil
		}
		return "TEXT", nil
	case mDate:
		return "DATE", nil
	case mTime:
		return "TIME", nil
	case mTimestamp, mZonedStamp:
		return "TIMESTAMP", nil
	case mDuration:
		return "INTEGER", nil
	case mStruct, mGeometry, mSparseVector, mUnknown:
		return "", fmt.Errorf("field %s is a %s, for which there is no column type; flatten it, or leave it out", f.Name, s)
	}
	return "TEXT", nil
}

type affinity uint8

const (
	affText affinity = iota
	affInteger
	affReal
	affNumeric
	affBlob
)

// affinityOf reads a declared type as SQLite does.
func affinityOf(declared string) affinity {
	t := strings.ToUpper(declared)
	switch {
	case strings.Contains(t, "INT"):
		return affInteger
	case strings.Contains(t, "CHAR"), strings.Contains(t, "CLOB"), strings.Contains(t, "TEXT"):
		return affText
	case t == "", strings.Contains(t, "BLOB"):
		return affBlob
	case strings.Contains(t, "REAL"), strings.Contains(t, "FLOA"), strings.Contains(t, "DOUB"):
		return affReal
	}
	return affNumeric
}

// binder chooses how values of s are stored in a column, so that its affinity changes none.
func (d *sqliteDialect) binder(c *ColumnInfo, s *schema.Schema) (func(record.Value) (any, error), error) {
	k := meaningOf(s)
	aff := affinityOf(c.Type)
	switch k.meaning {
	case mGeometry, mSparseVector:
		return nil, fmt.Errorf("column %s: %s is not in this build yet; leave the field out", c.Name, s.Name())
	case mInt, mDuration:
		return bindInt, nil
	case mBool:
		return func(v record.Value) (any, error) {
			if v.Kind() != record.KindBool {
				return nil, wrongKind(v, s)
			}
			if v.Bool() {
				return int64(1), nil
			}
			return int64(0), nil
		}, nil
	case mFloat:
		return bindFloat(aff), nil
	case mBytes, mBits:
		return func(v record.Value) (any, error) {
			if v.Kind() != record.KindBytes {
				return nil, wrongKind(v, s)
			}
			return append([]byte{}, v.Bytes()...), nil // empty bytes are not null
		}, nil
	case mDecimal, mVarDecimal:
		return func(v record.Value) (any, error) {
			text, err := d.text.append(nil, s, v)
			if err != nil {
				return nil, err
			}
			return keepNumber(string(text), aff)
		}, nil
	case mDate, mTime, mTimestamp:
		if aff == affInteger || strings.EqualFold(c.Type, "NUMERIC") {
			return d.epochMillis(k, s), nil
		}
	}
	return d.bindText(k, s, aff), nil
}

func bindInt(v record.Value) (any, error) {
	if v.Kind() != record.KindInt {
		return nil, fmt.Errorf("a value of kind %s is no integer", v.Kind())
	}
	return v.Int(), nil
}

func bindFloat(aff affinity) func(record.Value) (any, error) {
	return func(v record.Value) (any, error) {
		if v.Kind() != record.KindFloat {
			return nil, fmt.Errorf("a value of kind %s is no floating-point number", v.Kind())
		}
		f := v.Float()
		if math.IsNaN(f) {
			return nil, fmt.Errorf("SQLite has no NaN; it would become null")
		}
		if aff == affText {
			return strconv.FormatFloat(f, 'g', -1, 64), nil
		}
		return f, nil
	}
}

// keepNumber stores a decimal's digits so that they come back: as an integer where it is one and numbers are kept as numbers, as text
// in text columns, as a floating-point number only up to 15 digits.
func keepNumber(digits string, aff affinity) (any, error) {
	if aff == affText || aff == affBlob {
		return digits, nil
	}
	whole, frac, _ := strings.Cut(digits, ".")
	if strings.Trim(frac, "0") == "" && aff != affReal {
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return n, nil
		}
	}
	if significant := strings.Trim(strings.TrimLeft(whole+frac, "-0"), "0"); len(significant) > 15 {
		return nil, fmt.Errorf("a decimal has more than the 15 digits that this column keeps; make the column TEXT")
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err
}

// epochMillis stores times as Confluent's sink does with its driver: milliseconds since the epoch.
func (d *sqliteDialect) epochMillis(k kindOf, s *schema.Schema) func(record.Value) (any, error) {
	return func(v record.Value) (any, error) {
		if v.Kind() != record.KindInt {
			return nil, wrongKind(v, s)
		}
		n := v.Int()
		switch {
		case k.meaning == mDate:
			return n * 86400 * 1000, nil
		case k.perSec > 1e3 && n%(k.perSec/1e3) != 0:
			return nil, fmt.Errorf("a time has more than the milliseconds that a numeric column keeps; make the column TEXT")
		case k.perSec > 1e3:
			return n / (k.perSec / 1e3), nil
		}
		return n, nil
	}
}

func (d *sqliteDialect) bindText(k kindOf, s *schema.Schema, aff affinity) func(record.Value) (any, error) {
	return func(v record.Value) (any, error) {
		var text []byte
		var err error
		switch {
		case k.meaning == mMap, k.meaning == mStruct, k.meaning == mArray, k.meaning == mVector:
			text, err = d.text.json(nil, s, v)
		default:
			text, err = d.text.append(nil, s, v)
		}
		if err != nil {
			return nil, err
		}
		if aff == affNumeric || aff == affInteger || aff == affReal {
			if _, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err == nil && !isWord(text) {
				return nil, fmt.Errorf("a text that looks like a number would become one in a column of this type; make the column TEXT")
			}
		}
		return string(text), nil
	}
}

// isWord tells texts that Go reads as numbers and SQLite does not: infinity, nan, 0x10, 1_000.
func isWord(text []byte) bool { return strings.ContainsAny(string(text), "xX_nNpP") }
