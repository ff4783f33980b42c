package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
)

// codecOf is the codec of a built-in type in the default modes.
func codecOf(t testing.TB, oid uint32, mod int32) *Codec {
	t.Helper()
	m := Map{Options: Options{Decimal: capture.DecimalPrecise, Time: capture.TimeAdaptive, Binary: capture.BinaryBytes, MoneyDigits: 2},
		Lookup: func(oid uint32) (*Info, error) {
			if oid == 1007 {
				return &Info{OID: oid, Kind: 'b', IsArray: true, Elem: oidInt4}, nil
			}
			return &Info{OID: oid, Kind: 'b'}, nil
		}}
	c, err := m.Codec(oid, mod, 0)
	if err != nil || c == nil {
		t.Fatalf("type %d: %v", oid, err)
	}
	return c
}

func TestTextBecomesTheValueThatDebeziumWrites(t *testing.T) {
	wide, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for _, c := range []struct {
		oid  uint32
		mod  int32
		text string
		want record.Value
	}{
		{oidDate, -1, "0044-03-15 BC", record.Int(-735160)},
		{oidDate, -1, "10000-01-01", record.Int(2932897)},
		{oidDate, -1, "5874897-12-31", record.Int(2145042905)},
		{oidTimestamp, 3, "294276-12-31 23:59:59.999", record.Int(9224318015999999)},
		{oidTimestamptz, -1, "294276-12-31 23:59:59.999999+00", record.String("+294276-12-31T23:59:59.999999Z")},
		{oidTimestamp, 3, "1969-12-31 23:59:59.999", record.Int(-1)},
		{oidTimestamp, -1, "-infinity", record.Int(-9223372036832400000)},
		{oidTimestamptz, -1, "2024-02-29 11:14:15.5+00", record.String("2024-02-29T11:14:15.500000Z")},
		{oidTimestamptz, 0, "2024-02-29 11:14:15+00", record.String("2024-02-29T11:14:15Z")},
		{oidTimestamptz, -1, "0044-03-15 12:00:00+00 BC", record.String("-0043-03-15T12:00:00.000000Z")},
		{oidTimetz, -1, "01:00:00+02:30", record.String("22:30:00Z")},
		{oidInterval, -1, "P1Y2M3DT4H5M6.789S", record.Int(37091106789000)},
		{oidInterval, -1, "P-1M-2DT-1S", record.Int(-2802601000000)},
		{oidNumeric, 12<<16 | 3 + 4, "-0.500", record.Decimal(-500, 3)},
		{oidNumeric, 38<<16 | 2 + 4, "123456789012345678901.23", record.DecimalBig(wide, 2)},
		{oidMoney, -1, "-$1,234.56", record.Decimal(-123456, 2)},
		{oidVarbit, 40, "101", record.Bytes([]byte{5})},
		{1007, -1, "[0:1]={1,NULL}", record.Array([]record.Value{record.Int(1), record.Null})},
	} {
		got, err := codecOf(t, c.oid, c.mod).Text(&capture.Slab{}, []byte(c.text))
		if err != nil || !record.Equal(got, c.want) {
			t.Errorf("%s of type %d: %v, %v", c.text, c.oid, got.Kind(), err)
		}
	}
}

func TestTimesThatTheirUnitCanNotHoldAreBadValues(t *testing.T) {
	interval := func(months, days uint32, us uint64) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, us), days), months)
	}
	for _, c := range []struct {
		oid    uint32
		text   string
		binary []byte
	}{
		{oidTimestamp, "294276-12-31 23:59:59.999999", binary.BigEndian.AppendUint64(nil, 9223371331199999999)},
		{oidInterval, "P178000000Y", interval(2136000000, 0, 0)},
		{oidInterval, "P292000YT10000000H", interval(12*292000, 0, 36_000_000_000_000_000)},
		{oidInterval, "P-292000YT-10000000H", interval(-12*292000&math.MaxUint32, 0, -36_000_000_000_000_000&math.MaxUint64)},
	} {
		k := codecOf(t, c.oid, -1)
		for path, read := range map[string]func() (record.Value, error){
			"text":   func() (record.Value, error) { return k.Text(&capture.Slab{}, []byte(c.text)) },
			"binary": func() (record.Value, error) { return k.Binary(&capture.Slab{}, c.binary) },
		} {
			if v, err := read(); connector.ClassOf(err) != connector.BadRecord {
				t.Errorf("%s as %s: %v, %v", c.text, path, v, err)
			}
		}
	}
}

func TestDaysAndDatesAreInverse(t *testing.T) {
	for days := int64(-800_000); days < 3_000_000; days += 997 {
		y, m, d := civil(days)
		if daysOf(y, m, d) != days {
			t.Fatalf("day %d is %d-%d-%d", days, y, m, d)
		}
	}
}

func FuzzDecodersDoNotPanic(f *testing.F) {
	for _, s := range []string{"{1,NULL}", "{{1},{2}}", "[0:1]={1}", "2024-01-01 00:00:00+00", "P1Y", `"a"=>"b"`, "(1,2)", "-1.50", "infinity", "$1", ""} {
		f.Add([]byte(s))
	}
	oids := []uint32{oidInt4, oidNumeric, oidDate, oidTime, oidTimetz, oidTimestamp, oidTimestamptz, oidInterval, oidBytea, oidPoint, oidMoney, oidUUID, oidFloat8, oidVarbit, 1007}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &capture.Slab{}
		for _, oid := range oids {
			c := codecOf(t, oid, -1)
			_, _ = c.Text(s, b)
			if c.Binary != nil {
				_, _ = c.Binary(s, b)
			}
		}
		_, _ = hstoreJSON(s, b)
	})
}
