package dialect

import (
	"math/big"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"leat/record"
	"leat/schema"
)

// readNumeric decodes with pgx, which is another implementation.
func readNumeric(t *testing.T, b []byte) *big.Rat {
	t.Helper()
	var n pgtype.Numeric
	if err := pgtype.NewMap().Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, b, &n); err != nil {
		t.Fatal(err)
	}
	r := new(big.Rat).SetInt(n.Int)
	if n.Exp < 0 {
		return r.Quo(r, new(big.Rat).SetInt(pow10(-n.Exp)))
	}
	return r.Mul(r, new(big.Rat).SetInt(pow10(n.Exp)))
}

func FuzzNumericComesBack(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 9999, 10000, 12345678, -1234567890123456789, 1<<63 - 1, -1 << 63} {
		for scale := range 19 {
			f.Add(n, uint8(scale), []byte{1, 2, 3})
		}
	}
	f.Fuzz(func(t *testing.T, n int64, scale uint8, wide []byte) {
		s := int32(scale % 40)
		for _, v := range []record.Value{record.Decimal(n, s), record.DecimalBytes(append([]byte{byte(n)}, wide...), s)} {
			got, err := pgEncoders{}.numericEncoder(schema.NewDecimal(int(s), 0), -1)(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := new(big.Rat).SetString(string(v.AppendDecimal(nil)))
			if back := readNumeric(t, got); back.Cmp(want) != 0 {
				t.Fatalf("%s came back as %s", want, back)
			}
			text, err := appendNumericText(nil, string(v.AppendDecimal(nil)), 0, 0)
			if err != nil || readNumeric(t, text).Cmp(want) != 0 {
				t.Fatalf("text %s: %v", want, err)
			}
		}
	})
}

func TestNumericThatDoesNotFitIsRefused(t *testing.T) {
	typmod := func(precision, scale int) int { return (precision<<16 | scale) + 4 }
	for _, c := range []struct {
		v    record.Value
		mod  int
		fits bool
	}{
		{record.Decimal(12345, 2), typmod(5, 2), true},
		{record.Decimal(123450, 3), typmod(5, 2), true},
		{record.Decimal(123456, 3), typmod(5, 2), false},
		{record.Decimal(1234567, 2), typmod(5, 2), false},
		{record.Decimal(0, 5), typmod(5, 2), true},
		{record.Float(0.1), typmod(5, 2), true},
		{record.Float(0.125), typmod(5, 2), false},
		{record.String("1e3"), typmod(5, 2), false},
		{record.String("1e2"), typmod(5, 2), true},
		{record.String("1,5"), -1, false},
		{record.Int(-999), typmod(5, 2), true},
		{record.Int(-1000), typmod(5, 2), false},
	} {
		_, err := pgEncoders{}.numericEncoder(schema.New(schema.Float64), c.mod)(nil, c.v)
		if (err == nil) != c.fits {
			t.Errorf("%s %v into %d: %v", c.v.Kind(), c.v, c.mod, err)
		}
	}
}

func FuzzParseZoned(f *testing.F) {
	for _, s := range []string{"2024-02-29T11:14:15.123456Z", "1883-11-18T12:00:00Z", "2024-02-30T00:00:00Z", "2024-02-29T11:14:15+02:00", "+10000-01-01T00:00:00Z", "-0043-03-15T12:00:00Z", "0000-02-29T00:00:00.000000001Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		us, ns, ok := parseZoned(s)
		want, err := time.Parse(time.RFC3339Nano, s)
		if err == nil && (!ok || us != want.UnixMicro() || ns != want.Nanosecond()%1000) {
			t.Fatalf("%q: %d %d %v, want %s", s, us, ns, ok, want)
		}
		if err != nil && ok && s[0] != '+' && s[0] != '-' {
			t.Fatalf("%q was read, and is not RFC 3339: %v", s, err)
		}
	})
}
