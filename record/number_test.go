package record

import "testing"

func TestFloatsAreWrittenAsByJava(t *testing.T) {
	for _, c := range []struct {
		f    float64
		bits int
		want string
	}{
		{0, 64, "0.0"}, {1, 64, "1.0"}, {0.001, 64, "0.001"}, {9e-4, 64, "9.0E-4"}, {1e7, 64, "1.0E7"}, {9999999, 64, "9999999.0"},
		{4.9e-324, 64, "4.9E-324"}, {1e-323, 64, "9.9E-324"}, {1.7976931348623157e308, 64, "1.7976931348623157E308"},
		{2e-3, 64, "0.002"}, {1e23, 64, "1.0E23"}, {2e23, 64, "2.0E23"}, {0.1, 32, "0.1"}, {3.4028234663852886e38, 32, "3.4028235E38"},
		{-123.5, 64, "-123.5"}, {99999.5, 64, "99999.5"},
	} {
		f := c.f
		if c.bits == 32 {
			f = float64(float32(f))
		}
		if got := string(AppendFloat(nil, f, c.bits)); got != c.want {
			t.Errorf("%v is %s, want %s", c.f, got, c.want)
		}
	}
}

func TestDecimalsAreWrittenAsByJava(t *testing.T) {
	for in, want := range map[string]string{
		"12.50": "12.50", "1e4": "1E+4", "12e3": "1.2E+4", "0.0000001": "1E-7", "0.000001": "0.000001", "-1.5e-9": "-1.5E-9",
		"0e3": "0E+3", "123456789012345678901.5": "123456789012345678901.5", "0.00": "0.00", "+7": "7",
	} {
		v, err := ParseDecimal([]byte(in))
		if got := string(v.AppendBigDecimal(nil)); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", "1x", "1e", "1e99999", ".", "1.-5", "--1"} {
		if v, err := ParseDecimal([]byte(in)); err == nil {
			t.Errorf("%q was read as %s", in, v.AppendDecimal(nil))
		}
	}
}

func TestRescaleLosesNoDigit(t *testing.T) {
	v, err := Decimal(125, 2).Rescale(4)
	if err != nil || !Equal(v, Decimal(12500, 4)) {
		t.Errorf("1.25 with scale 4: %v, %v", v, err)
	}
	if v, err = Decimal(12500, 4).Rescale(2); err != nil || !Equal(v, Decimal(125, 2)) {
		t.Errorf("1.2500 with scale 2: %v, %v", v, err)
	}
	if _, err = Decimal(125, 2).Rescale(1); err == nil {
		t.Error("1.25 fitted the scale 1")
	}
}
