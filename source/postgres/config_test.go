package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"leat/connector"
	"leat/record"
)

func TestOptionsWithoutEffectAreTold(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"lsn.flush.timeout.ms", "5", "lsn.flush.timeout.ms has no effect"},
		{"lsn.flush.timeout.ms", "30000", ""},
		{"lsn.flush.timeout.action", "warn", "does not block"},
		{"poll.interval.ms", "100", "instead of polling"},
		{"signal.enabled.channels", "kafka", "does not do signals yet"},
		{"max.queue.size.in.bytes", "1000", ""},
		{"slot.max.retries", "1", ""},
	} {
		_, notes := prepare(map[string]string{"plugin.name": "pgoutput", c.key: c.value})
		if text := strings.Join(notes, "\n"); !strings.Contains(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s=%s: %q", c.key, c.value, text)
		}
	}
}

func TestTriesEndWhereTheyAreBounded(t *testing.T) {
	d := newDatabase(t)
	for _, c := range []struct {
		retries string
		fatal   int // the first fatal try, 0 for none
	}{{"0", 1}, {"2", 3}, {"-1", 0}} {
		r := d.open(record.Null, d.with("database.port", "1", "errors.max.retries", c.retries))
		for try := 1; try <= 5; try++ {
			_, err := r.src.Read(context.Background())
			if fatal := connector.ClassOf(err) == connector.Fatal; err == nil || fatal != (c.fatal > 0 && try >= c.fatal) {
				t.Errorf("errors.max.retries=%s, try %d: %v", c.retries, try, err)
			}
		}
		r.close()
	}
}

func TestSlotInUseIsWaitedForAsLongAsConfigured(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY)")
	r := d.open(record.Null, d.props)
	r.snapshot()
	d.exec("INSERT INTO rows VALUES (1)")
	r.records(1)
	// Not long enough.
	other := d.open(r.offset, d.with("slot.max.retries", "2", "slot.retry.delay.ms", "50"))
	begin := time.Now()
	_, err := other.src.Read(context.Background())
	if connector.ClassOf(err) != connector.Retriable || !strings.Contains(fmt.Sprint(err), "in use by the server process") || time.Since(begin) < 100*time.Millisecond {
		t.Errorf("got %v after %s", err, time.Since(begin))
	}
	other.close()
	// Long enough: the read that waits goes on by itself.
	other = d.open(r.offset, d.with("slot.max.retries", "600", "slot.retry.delay.ms", "100"))
	defer other.close()
	got := make(chan error, 1)
	go func() {
		_, err := other.src.Read(context.Background())
		got <- err
	}()
	time.Sleep(300 * time.Millisecond)
	r.close()
	d.exec("INSERT INTO rows VALUES (2)")
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestQueueBytesBoundBatches(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY, pad text)")
	d.exec("INSERT INTO rows SELECT i, repeat('x', 100) FROM generate_series(1, 1000) i")
	const limit = 30_000
	r := d.open(record.Null, d.with("max.queue.size.in.bytes", fmt.Sprint(limit)))
	defer r.close()
	rows, largest := 0, int64(0)
	read := func(n int) {
		for rows < n {
			b := r.batch()
			rows += len(b.Records)
			largest = max(largest, b.Bytes)
		}
	}
	read(1000)
	if largest > limit/3+2000 {
		t.Errorf("a batch of the snapshot has %d bytes", largest)
	}
	largest = 0
	d.exec("INSERT INTO rows SELECT i, repeat('x', 100) FROM generate_series(1001, 2000) i")
	read(2000)
	if largest > limit+2000 {
		t.Errorf("a batch of the stream has %d bytes", largest)
	}
}
