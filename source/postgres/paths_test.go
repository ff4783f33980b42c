package postgres

import (
	"fmt"
	"strings"
	"testing"

	"leat/record"
	"leat/source/capture"
)

// What a snapshot reads in binary and what the stream reads as text must be the same value.
func TestSnapshotAndStreamGiveTheSameValueAtTheEdgesOfTypes(t *testing.T) {
	values := []struct {
		kind  string
		texts []string
	}{
		{"date", []string{"2024-02-29", "5874897-12-31", "4713-01-01 BC", "infinity", "-infinity"}},
		{"timestamp", []string{"2024-01-01 00:00:00.123456", "4713-01-01 00:00:00 BC", "1969-12-31 23:59:59.999999", "infinity", "-infinity"}},
		{"timestamp(3)", []string{"294276-12-31 23:59:59.999", "1900-01-01 00:00:00.5", "infinity"}},
		{"timestamptz", []string{"294276-12-31 23:59:59.999999+00", "12345-01-01 00:00+00", "0044-03-15 12:00:00+00 BC", "infinity"}},
		{"time", []string{"24:00:00", "23:59:59.999999"}},
		{"timetz", []string{"24:00:00-15:59", "01:02:03.000001-00:30:15"}},
		{"interval", []string{"1 year 2 mons -3 days 04:05:06.789", "-00:00:00.000001", "1 mon -00:01"}},
		{`"char"`, []string{"x", `\377`, ""}},
		{"money", []string{"-92233720368547758.08", "0.01"}},
		{"float4", []string{"NaN", "-0", "3.4028235e38", "1e-45"}},
		{"float8", []string{"-Infinity", "1.7976931348623157e308", "5e-324"}},
		{"int8", []string{"-9223372036854775808", "9223372036854775807"}},
		{"numeric(20,5)", []string{"-99999.99900", "0"}},
		{"char(5)", []string{"ab"}},
		{"inet", []string{"::1", "192.168.1.5/24"}},
		{"bit(64)", []string{"1" + strings.Repeat("0", 63)}},
	}
	for _, mode := range []string{"adaptive", "connect", "isostring"} {
		t.Run(mode, func(t *testing.T) {
			d := newDatabase(t)
			var inserts []string
			for i, v := range values {
				d.exec(fmt.Sprintf("CREATE TABLE t%d (id int PRIMARY KEY, v %s)", i, v.kind))
				for j, text := range v.texts {
					inserts = append(inserts, fmt.Sprintf("INSERT INTO t%d VALUES (%%d + %d, %s)", i, j, quoteLiteral(text)))
				}
			}
			for _, sql := range inserts {
				d.exec(fmt.Sprintf(sql, 0))
			}
			r := d.open(record.Null, d.with("time.precision.mode", mode))
			defer r.close()
			got := r.snapshot()
			for _, sql := range inserts {
				d.exec(fmt.Sprintf(sql, 1000))
			}
			got = append(got, r.records(len(inserts))...)
			first := map[string]record.Value{}
			for _, rec := range got {
				row := rec.Value.Field(capture.FieldAfter)
				name := fmt.Sprint(rec.Topic, "/", row.Field(0).Int()%1000)
				before, again := first[name]
				if !again {
					first[name] = row.Field(1)
				} else if !record.Equal(before, row.Field(1)) {
					a, _ := before.MarshalJSON()
					b, _ := row.Field(1).MarshalJSON()
					t.Errorf("%s: %s from the snapshot, %s from the stream", name, a, b)
				}
			}
			if len(got) != 2*len(inserts) || len(first) != len(inserts) {
				t.Errorf("%d records of %d rows", len(got), len(inserts))
			}
		})
	}
}
