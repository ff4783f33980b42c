package postgres

import (
	"context"
	"flag"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"leat/record"
)

var bigRows = flag.Int("big.rows", 0, "rows of the transaction of TestMemoryOfABigTransactionIsBounded; 0 leaves the test out")

// By hand: go test ./source/postgres -run BigTransaction -big.rows=5000000 -v
func TestMemoryOfABigTransactionIsBounded(t *testing.T) {
	if *bigRows == 0 {
		t.Skip("-big.rows is not set; the contract suite has the small form")
	}
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY, name text, at timestamptz, n numeric(12,2))")
	r := d.open(record.Null, d.props)
	defer r.close()
	r.snapshot()
	d.exec("INSERT INTO rows SELECT i, 'name ' || i, now(), i / 7.0 FROM generate_series(1, " + strconv.Itoa(*bigRows) + ") i")
	heap := uint64(0)
	for n, batches := 0, 0; n < *bigRows; batches++ {
		b := r.batch()
		n += len(b.Records)
		if err := r.src.Acked(context.Background(), b.Offsets); err != nil {
			t.Fatal(err)
		}
		if batches%100 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapInuse)
		}
	}
	t.Logf("heap at most %d MiB, resident %s", heap>>20, peakRSS())
	if heap > 256<<20 {
		t.Errorf("the heap grew to %d MiB", heap>>20)
	}
}

// peakRSS is VmHWM where the system tells it.
func peakRSS() string {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
