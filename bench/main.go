// Bench measures leat against what limits it, in the same run, and prints the figures as Markdown.
//
//	go run ./bench [flags] snapshot|stream|stream1000|latency|sink|memory|start|all …
//
// What is measured. Every measurement starts servers of its own on loopback and removes them: PostgreSQL, the log, and leat as a process
// of its own, built from this tree and driven over REST as a user would.
//
//	snapshot    a table to the log, beside COPY … (FORMAT binary) TO STDOUT of the same table
//	stream      a backlog of one-row transactions to the log, beside pg_recvlogical on a slot at the same position
//	stream1000  the same with 1,000 rows a transaction
//	latency     from the INSERT until a consumer has the record, at 100 commits a second
//	sink        a topic upserted into PostgreSQL, new keys and then changed ones, beside COPY FROM STDIN of the same rows
//	memory      leat's resident bytes: idle, under load, with one very large transaction, with very large rows
//	start       from the start of the process until REST answers
//
// How to read the tables. A row is one figure: the median, every run, and its ratio to the limit measured in the same run. Rates count
// from just before the connector is made until the last record is in the log (or the last row in the target), start included; "flow"
// leaves out what came before the first record. CPU is user and system time of one process, in seconds per million rows. The other
// processes on the machine, the log and PostgreSQL among them, share its cores: a rate is one of the whole machine, CPU seconds are leat's.
//
// -peer measures Kafka Connect with Debezium beside it; -profile writes CPU profiles of leat for each run; -o keeps the report.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// measurements in the order in which "all" runs them.
var measurements = []struct {
	name string
	run  func(context.Context, *bench) error
}{
	{"snapshot", measureSnapshot},
	{"stream", func(ctx context.Context, b *bench) error { return measureStream(ctx, b, 1) }},
	{"stream1000", func(ctx context.Context, b *bench) error { return measureStream(ctx, b, 1000) }},
	{"latency", measureLatency},
	{"sink", measureSink},
	{"memory", measureMemory},
	{"start", measureStart},
}

// options are the flags.
type options struct {
	rows, runs   int
	txRows       int
	bigRows      int
	seconds      int
	log          string
	peer         bool
	out, profile string
	set          settings
	names        []string
}

func main() {
	opts, err := parseFlags(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, opts)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	opts := options{set: settings{}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&opts.rows, "rows", 1_000_000, "rows of the workload; an even number of thousands")
	f.IntVar(&opts.runs, "runs", 3, "runs of each measurement, of which the median counts")
	f.IntVar(&opts.txRows, "txrows", 5_000_000, "memory: rows of the very large transaction")
	f.IntVar(&opts.bigRows, "bigrows", 100, "memory: rows of 8 MiB")
	f.IntVar(&opts.seconds, "seconds", 20, "latency: seconds counted")
	f.StringVar(&opts.log, "log", "standin", "the log: `standin` (what leat carries, in a process of its own) or kafka")
	f.BoolVar(&opts.peer, "peer", false, "measure Kafka Connect with Debezium too (snapshot, stream, sink); it uses a Kafka of its own")
	f.StringVar(&opts.out, "o", "", "also write the report to this `file`")
	f.StringVar(&opts.profile, "profile", "", "write CPU profiles of leat to this `folder`; the figures get a little worse")
	f.Var(opts.set, "set", "`key=value` for leat's connectors, over what bench sets (may be given several times)")
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: go run ./bench [flags] snapshot|stream|stream1000|latency|sink|memory|start|all …")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		return opts, err
	}
	if opts.rows < 2000 || opts.rows%2000 != 0 {
		return opts, fmt.Errorf("-rows %d: want a multiple of 2,000", opts.rows)
	}
	if opts.runs < 1 || opts.runs > 9 {
		return opts, fmt.Errorf("-runs %d: want 1 to 9", opts.runs)
	}
	if opts.log != "standin" && opts.log != "kafka" {
		return opts, fmt.Errorf("-log %s: want standin or kafka", opts.log)
	}
	var err error
	opts.names, err = wanted(f.Args())
	return opts, err
}

// wanted gives the measurements that were asked for, in their order.
func wanted(args []string) ([]string, error) {
	var known, out []string
	for _, m := range measurements {
		known = append(known, m.name)
		if slices.Contains(args, m.name) || slices.Contains(args, "all") {
			out = append(out, m.name)
		}
	}
	for _, a := range args {
		if a != "all" && !slices.Contains(known, a) {
			return nil, fmt.Errorf("no measurement %q: there are %s and all", a, strings.Join(known, ", "))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("name a measurement: %s or all", strings.Join(known, ", "))
	}
	return out, nil
}

// run measures what was asked for. The report has what was finished even when a later measurement fails.
func run(ctx context.Context, opts options) (err error) {
	var out io.Writer = os.Stdout
	if opts.out != "" {
		file, err := os.Create(opts.out)
		if err != nil {
			return err
		}
		defer file.Close()
		out = io.MultiWriter(os.Stdout, file)
	}
	b, err := openBench(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	b.header(ctx, out)
	var failed []error
	for _, m := range measurements {
		if !slices.Contains(opts.names, m.name) || ctx.Err() != nil {
			continue
		}
		b.report = newReport(m.name)
		if err := m.run(ctx, b); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", m.name, err))
			b.report.remark("**Not finished**: %v", firstLine(err))
			progress("%s: %v; the end of leat's log:\n%s", m.name, err, tail(b.leatLog()))
		}
		b.report.write(out)
	}
	return errors.Join(failed...)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// settings are key=value pairs: a flag that may be given several times, and the config of a connector.
type settings map[string]string

// String shows them as a flag's default.
func (s settings) String() string { return "" }

// Set takes one pair.
func (s settings) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q: want key=value", text)
	}
	s[key] = value
	return nil
}
