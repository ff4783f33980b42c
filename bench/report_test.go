package main

import (
	"strings"
	"testing"
)

func TestReportShowsMedianRatioAndTarget(t *testing.T) {
	r := newReport("snapshot")
	limit := r.figure("COPY, rows/s", 0).add(1_000_000).add(900_000).add(1_200_000)
	r.figure("leat, rows/s", 0).add(410_000).add(500_000).add(390_000).beside(limit).aim(atLeast, 0.4, true)
	r.figure("leat, CPU s per million", 2).add(3.5).add(2.5).aim(atMost, 2.9, false)
	var out strings.Builder
	r.write(&out)
	for _, want := range []string{
		"| COPY, rows/s | 1,000,000 | 1,000,000; 900,000; 1,200,000 |  |  |",
		"| leat, rows/s | 410,000 | 410,000; 500,000; 390,000 | 41.0 % | at least 40 %: met |",
		"| leat, CPU s per million | 3.00 | 3.50; 2.50 |  | at most 2.90: **missed** |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}

func TestNumberGroupsThousands(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {-1234567.8, 1, "-1,234,567.8"}, {0.25, 2, "0.25"}} {
		if got := number(c.v, c.digits); got != c.want {
			t.Errorf("number(%v, %d) = %q, want %q", c.v, c.digits, got, c.want)
		}
	}
}

func TestPercentileOfFewValuesIsOneOfThem(t *testing.T) {
	sorted := []float64{1, 2, 3, 4}
	for p, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 4, 1: 4} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("percentile(%v) = %v, want %v", p, got, want)
		}
	}
}

func TestMeasurementsAreNamed(t *testing.T) {
	got, err := wanted([]string{"sink", "snapshot"})
	if err != nil || strings.Join(got, " ") != "snapshot sink" {
		t.Errorf("wanted = %v, %v; want the two in their order", got, err)
	}
	if all, err := wanted([]string{"all"}); err != nil || len(all) != len(measurements) {
		t.Errorf("all = %v, %v", all, err)
	}
	if _, err := wanted([]string{"speed"}); err == nil {
		t.Error("an unknown measurement was taken")
	}
}
