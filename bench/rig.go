package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"leat/internal/harness"
)

//go:embed sql/wide.sql
var wideSQL string

//go:embed sql/backlog.sql
var backlogSQL string

const (
	sourceDB = "src"
	targetDB = "dst"
)

// bench is what all measurements share: the databases and the programs. Workers are started for each measurement.
type bench struct {
	options
	dir     string // removed at the end
	pg      *harness.Postgres
	source  *pgx.Conn
	target  *pgx.Conn
	leat    string // program
	standin string // program, "" with -log kafka
	report  *report
	names   int
	tables  map[string]bool
}

func openBench(ctx context.Context, opts options) (b *bench, err error) {
	b = &bench{options: opts, tables: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.dir, err = os.MkdirTemp("", "leat-bench-"); err != nil {
		return b, err
	}
	if opts.profile != "" {
		if err := os.MkdirAll(opts.profile, 0o755); err != nil {
			return b, err
		}
	}
	if err := b.build(ctx); err != nil {
		return b, err
	}
	progress("starting PostgreSQL")
	b.pg, err = harness.StartPostgres(ctx, harness.PostgresOptions{SharedBuffers: "512MB", Settings: map[string]string{
		"max_wal_size": "8GB", "wal_sender_timeout": "5min", "autovacuum": "off",
	}})
	if err != nil {
		return b, err
	}
	for name, conn := range map[string]**pgx.Conn{sourceDB: &b.source, targetDB: &b.target} {
		url, err := b.pg.CreateDatabase(ctx, name)
		if err != nil {
			return b, err
		}
		if *conn, err = pgx.Connect(ctx, url); err != nil {
			return b, err
		}
	}
	return b, nil
}

// close ends and removes everything.
func (b *bench) close() error {
	var errs []error
	if b.pg != nil {
		errs = append(errs, b.pg.Stop())
	}
	if b.dir != "" {
		errs = append(errs, os.RemoveAll(b.dir))
	}
	return errors.Join(errs...)
}

// leatLog is the file that every leat process writes its log to.
func (b *bench) leatLog() string { return filepath.Join(b.dir, "leat.log") }

// build compiles leat, with a port for profiles when they are wanted, and the stand-in log.
func (b *bench) build(ctx context.Context) error {
	progress("building")
	b.leat = filepath.Join(b.dir, "leat")
	main := "leat/cmd/leat"
	if b.profile != "" {
		main = "leat/bench/profiled"
	}
	if err := goBuild(ctx, b.leat, main); err != nil {
		return err
	}
	if b.log == "kafka" {
		return nil
	}
	b.standin = filepath.Join(b.dir, "standin")
	return goBuild(ctx, b.standin, "leat/kafka/embedded/standin")
}

func goBuild(ctx context.Context, program, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w (run bench inside leat's repository)\n%s", pkg, err, out)
	}
	return nil
}

// header says what was measured, and where.
func (b *bench) header(ctx context.Context, out io.Writer) {
	log := "leat's stand-in log in a process of its own; every append is synced to disk before it is acknowledged"
	if b.log == "kafka" {
		log = "Kafka 4.3, one broker, acks=all; it leaves syncing to the operating system"
	}
	fmt.Fprintf(out, "# Measured %s\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(out, "- machine: %s\n- load in the minute before: %s\n- commit %s, %s, PostgreSQL %s (shared_buffers 512 MB, max_wal_size 8 GB, fsync on)\n- log: %s\n",
		machine(), loadAverage(), commit(ctx), runtime.Version(), b.pg.Version, log)
	fmt.Fprintf(out, "- rows: %s, runs: %d", number(float64(b.rows), 0), b.runs)
	if len(b.set) > 0 {
		fmt.Fprintf(out, ", leat's connectors with %s", pairs(b.set))
	}
	if b.profile != "" {
		fmt.Fprint(out, ", while profiled")
	}
	fmt.Fprintln(out)
}

func pairs(s settings) string {
	var out []string
	for k, v := range s {
		out = append(out, k+"="+v)
	}
	return strings.Join(out, " ")
}

func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		model = field(string(text), "model name")
	}
	memory := "?"
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		kib, _ := strconv.Atoi(strings.TrimSuffix(field(string(text), "MemTotal"), " kB"))
		memory = fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
	}
	return fmt.Sprintf("%d CPUs (%s), %s of memory, %s/%s", runtime.NumCPU(), model, memory, runtime.GOOS, runtime.GOARCH)
}

// field gives the value of the first line that begins with key.
func field(text, key string) string {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "?"
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}

func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// unique gives a name that was not used before in this run, for connectors, slots and topics.
func (b *bench) unique(kind string) string {
	b.names++
	return fmt.Sprintf("%s%d", kind, b.names)
}

// wide loads the workload's table once; change sets its rows apart from those of another.
func (b *bench) wide(ctx context.Context, table string, rows, change int) error {
	if b.tables[table] {
		return nil
	}
	progress("loading table %s", table)
	if err := b.script(ctx, wideSQL, map[string]string{"table": table, "rows": strconv.Itoa(rows), "change": strconv.Itoa(change)}); err != nil {
		return err
	}
	b.tables[table] = true
	if err := b.script(ctx, "vacuum analyze "+table, nil); err != nil {
		return err
	}
	return b.script(ctx, "checkpoint", nil)
}

// script runs SQL in the source database with :names replaced.
func (b *bench) script(ctx context.Context, sql string, values map[string]string) error {
	for name, value := range values {
		sql = strings.ReplaceAll(sql, ":"+name, value)
	}
	_, err := b.source.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// progress tells on standard error what goes on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
