package demo

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// kind says how the values of a column are compared: SQLite has fewer types than PostgreSQL, so both sides are brought to one text.
type kind int

const (
	asText kind = iota
	asNumber
	asSingle // a real: 32 bits
	asBool
	asBytes
	asJSON
	asDate
	asTime
)

// columns are the columns of each table; the first is the key.
var columns = map[string][]struct {
	name string
	kind kind
}{
	"image": {
		{"id", asNumber}, {"path", asText}, {"width", asNumber}, {"height", asNumber}, {"megapixels", asNumber}, {"public", asBool},
		{"camera", asText}, {"exif", asJSON}, {"checksum", asBytes}, {"taken_on", asDate}, {"uploaded_at", asTime},
	},
	"slice": {
		{"id", asText}, {"image_id", asNumber}, {"level", asNumber}, {"x", asNumber}, {"y", asNumber}, {"side", asNumber},
		{"scale", asNumber}, {"mean", asSingle},
	},
	"annotation": {
		{"id", asNumber}, {"image_id", asNumber}, {"slice_id", asText}, {"label", asText}, {"confidence", asNumber},
		{"status", asText}, {"note", asText}, {"created_at", asTime},
	},
}

// compare reads a table on both sides, row by row and value by value. It gives the number of rows in PostgreSQL and the first
// differences, none when SQLite equals PostgreSQL.
func compare(ctx context.Context, pg *pgx.Conn, lite *sql.DB, table string) (rows int, differences []string, err error) {
	want, err := postgresRows(ctx, pg, table)
	if err != nil {
		return 0, nil, fmt.Errorf("read table %s in PostgreSQL: %w", table, err)
	}
	got, err := sqliteRows(ctx, lite, table)
	if err != nil {
		return 0, nil, fmt.Errorf("read table %s in SQLite: %w", table, err)
	}
	return len(want), differ(table, want, got), nil
}

func differ(table string, want, got map[string][]string) []string {
	const shown = 5
	var out []string
	add := func(format string, args ...any) {
		if len(out) < shown {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for key, row := range want {
		other, ok := got[key]
		if !ok {
			add("%s %s is missing in SQLite", table, key)
			continue
		}
		for i, c := range columns[table] {
			if row[i] != other[i] {
				add("%s %s: %s is %s in PostgreSQL, %s in SQLite", table, key, c.name, row[i], other[i])
			}
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			add("%s %s is in SQLite only", table, key)
		}
	}
	return out
}

func postgresRows(ctx context.Context, pg *pgx.Conn, table string) (map[string][]string, error) {
	list := make([]string, len(columns[table]))
	for i, c := range columns[table] {
		list[i] = c.name
		switch c.kind {
		case asTime: // a timestamp without zone is meant as UTC, as the source takes it
			list[i] = fmt.Sprintf("to_char(%s::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')", c.name)
		case asBytes:
			list[i] = fmt.Sprintf("encode(%s, 'hex')", c.name)
		default:
			list[i] += "::text"
		}
	}
	rows, err := pg.Query(ctx, fmt.Sprintf("SELECT %s FROM %s.%s", strings.Join(list, ", "), schemaName, table))
	if err != nil {
		return nil, err
	}
	return collect(rows, table, rows.Close)
}

func sqliteRows(ctx context.Context, lite *sql.DB, table string) (map[string][]string, error) {
	list := make([]string, len(columns[table]))
	for i, c := range columns[table] {
		list[i] = fmt.Sprintf("CAST(%q AS TEXT)", c.name)
		switch c.kind {
		case asNumber, asSingle: // SQLite's own text of a floating-point number has 15 digits only
			list[i] = fmt.Sprintf("%q", c.name)
		case asBytes:
			list[i] = fmt.Sprintf("CASE WHEN %[1]q IS NOT NULL THEN hex(%[1]q) END", c.name)
		}
	}
	rows, err := lite.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %q", strings.Join(list, ", "), table))
	if err != nil {
		return nil, err
	}
	return collect(rows, table, func() { rows.Close() })
}

type scanner interface {
	Next() bool
	Scan(...any) error
	Err() error
}

func collect(rows scanner, table string, done func()) (map[string][]string, error) {
	defer done()
	cols := columns[table]
	out := map[string][]string{}
	for rows.Next() {
		texts := make([]*string, len(cols))
		into := make([]any, len(cols))
		for i := range texts {
			into[i] = &texts[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(cols))
		for i, text := range texts {
			row[i] = "NULL"
			if text != nil {
				row[i] = canonical(cols[i].kind, *text)
			}
		}
		out[row[0]] = row
	}
	return out, rows.Err()
}

// canonical brings a value's text to one form; what can not be read stays as it is, and differs.
func canonical(k kind, s string) string {
	switch k {
	case asNumber:
		if r, ok := new(big.Rat).SetString(s); ok {
			return r.RatString()
		}
	case asSingle:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return strconv.FormatFloat(float64(float32(f)), 'g', -1, 32)
		}
	case asBool:
		if b, err := strconv.ParseBool(s); err == nil {
			return strconv.FormatBool(b)
		}
	case asBytes:
		return strings.ToLower(s)
	case asJSON:
		return canonicalJSON(s)
	case asDate:
		return canonicalDate(s)
	case asTime:
		return canonicalTime(s)
	}
	return strconv.Quote(s)
}

func canonicalJSON(s string) string {
	decoder := json.NewDecoder(bytes.NewReader([]byte(s)))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return strconv.Quote(s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(b)
}

// canonicalDate reads a date as text, or as days since the epoch.
func canonicalDate(s string) string {
	if days, err := strconv.Atoi(s); err == nil {
		return time.Unix(0, 0).UTC().AddDate(0, 0, days).Format(time.DateOnly)
	}
	return s[:min(len(s), len(time.DateOnly))]
}

// canonicalTime reads a time as text with or without zone (then UTC), or as microseconds since the epoch.
func canonicalTime(s string) string {
	if micros, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
	}
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return strconv.Quote(s)
}
