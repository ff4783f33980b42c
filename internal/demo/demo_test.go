package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/connector/all"
	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

// output is a buffer that may be read while the demo writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func runDemo(t *testing.T, ctx context.Context, opts Options) string {
	t.Helper()
	out := &output{}
	opts.Out, opts.Plugins, opts.Command, opts.Version = out, all.Plugins(), "leat", "test"
	opts.Pause = 20 * time.Millisecond
	err := Run(ctx, t.Context(), opts)
	var missing *harness.UnavailableError
	if errors.As(err, &missing) {
		harnesstest.Unavailable(t, err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out.String()
}

var equalRows = regexp.MustCompile(`SQLite equals PostgreSQL: [1-9]\d* rows in 3 tables, after [1-9]\d* inserts, [1-9]\d* updates and [1-9]\d* deletes`)

func TestDemoEndsEqualAndLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	if err := os.Chmod(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", temp)
	out := runDemo(t, t.Context(), Options{Duration: 4 * time.Second})
	if !equalRows.MatchString(out) {
		t.Errorf("the demo says:\n%s", out)
	}
	for _, pattern := range []string{"leat-demo-*", "leat-server-*"} {
		if left, _ := filepath.Glob(filepath.Join(temp, pattern)); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
	port := regexp.MustCompile(`PostgreSQL  postgres://\S+@127\.0\.0\.1:(\d+)/`).FindStringSubmatch(out)
	if port == nil {
		t.Fatalf("no URL of PostgreSQL in:\n%s", out)
	}
	if conn, err := pgx.Connect(t.Context(), "postgres://postgres@127.0.0.1:"+port[1]+"/demo?sslmode=disable"); err == nil {
		conn.Close(t.Context())
		t.Error("PostgreSQL runs on")
	} else if !strings.Contains(err.Error(), "refused") {
		t.Errorf("PostgreSQL runs on: %v", err)
	}
}

func TestDemoOnAGivenDatabaseLeavesNothingThere(t *testing.T) {
	db := harnesstest.SharedPostgres(t)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Second) // ended as by Ctrl-C
	defer stop()
	out := runDemo(t, ctx, Options{Postgres: db.URL})
	if !equalRows.MatchString(out) {
		t.Errorf("the demo says:\n%s", out)
	}
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for what, query := range map[string]string{
		"schema":      "SELECT count(*) FROM pg_namespace WHERE nspname = 'leat_demo'",
		"slot":        "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'leat_demo'",
		"publication": "SELECT count(*) FROM pg_publication WHERE pubname = 'leat_demo'",
	} {
		var n int
		if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s leat_demo is left behind (%d, %v)", what, n, err)
		}
	}
}

func TestDemoRefusesASchemaThatIsThere(t *testing.T) {
	db := harnesstest.SharedPostgres(t)
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA leat_demo; CREATE TABLE leat_demo.mine (id int)"); err != nil {
		t.Fatal(err)
	}
	err = Run(t.Context(), t.Context(), Options{Postgres: db.URL, Out: &output{}, Plugins: all.Plugins()})
	if err == nil || !strings.Contains(err.Error(), "DROP SCHEMA leat_demo CASCADE") {
		t.Errorf("got %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT * FROM leat_demo.mine"); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	row := func(values ...string) []string { return values }
	columns := func(label string) []string {
		return row("7", "1", "NULL", canonical(asText, label), canonical(asNumber, "0.50"), canonical(asText, "draft"), "NULL", canonical(asTime, "2024-01-02 03:04:05"))
	}
	same := map[string][]string{"7": columns("a")}
	if got := differ("annotation", same, map[string][]string{"7": columns("a")}); len(got) != 0 {
		t.Errorf("equal rows differ: %q", got)
	}
	if got := differ("annotation", same, map[string][]string{"7": columns("b"), "8": columns("a")}); len(got) != 2 ||
		got[0] != `annotation 7: label is "a" in PostgreSQL, "b" in SQLite` || got[1] != "annotation 8 is in SQLite only" {
		t.Errorf("got %q", got)
	}
	if got := differ("annotation", same, nil); len(got) != 1 || got[0] != "annotation 7 is missing in SQLite" {
		t.Errorf("got %q", got)
	}
}

func TestValuesOfBothSidesHaveOneForm(t *testing.T) {
	tests := []struct {
		kind kind
		a, b string
		same bool
	}{
		{asNumber, "0.5000", "0.5", true},
		{asNumber, "12.001", "12.0010000001", false},
		{asSingle, "0.14285715", "0.1428571492433548", true},
		{asBool, "true", "1", true},
		{asBytes, "DEADBEEF", "deadbeef", true},
		{asJSON, `{"a": 1, "b": [1.50]}`, `{"b":[1.50],"a":1}`, true},
		{asDate, "1969-12-31", "-1", true},
		{asTime, "2024-06-30T23:59:59.999999Z", "1719791999999999", true},
		{asTime, "2024-06-30 23:59:59.999999", "2024-07-01T01:59:59.999999+02:00", true},
		{asTime, "2024-06-30 23:59:59.999999", "2024-06-30 23:59:59.999998", false},
		{asText, "a", "A", false},
	}
	for _, tt := range tests {
		if same := canonical(tt.kind, tt.a) == canonical(tt.kind, tt.b); same != tt.same {
			t.Errorf("%q and %q: same is %t", tt.a, tt.b, same)
		}
	}
}

func TestThePanelIsDrawnOverItself(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out, true, "about\n")
	s.show(state{tables: []tableState{{"image", 3, 5, 2}}})
	first := out.Len()
	s.show(state{tables: []tableState{{"image", 3, 5, 3}}})
	if second := out.String()[first:]; !strings.HasPrefix(second, "\x1b[6A\x1b[J") || strings.Contains(second, "about") || !strings.Contains(second, "3 =") {
		t.Errorf("got %q", second)
	}
}

func TestMain(m *testing.M) { harnesstest.Main(m) }
