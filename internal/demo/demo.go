// Package demo shows leat at work: a PostgreSQL with a small dataset of images, annotations and slices, a server with the embedded
// log, a source and a sink registered over REST, and changes that arrive in a SQLite file while one looks on.
//
// Guarantees: when Run returns, nothing that it started runs on and nothing that it made is left, unless Keep is set; in a
// database given by URL that is the schema leat_demo, the replication slot and the publication. What is shown as equal was compared row by row.
package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver for the sink's file

	"leat/internal/cli/node"
	"leat/internal/harness"
	"leat/rest/client"
	"leat/worker"
)

// Options say how the demo runs.
type Options struct {
	// Postgres is the URL of a database to use; "" starts one.
	Postgres string
	// Duration ends the demo by itself; 0 waits for the context.
	Duration time.Duration
	// Keep leaves the folder and the tables.
	Keep bool
	// Pause is the time between two changes; 0 is a fifth of a second.
	Pause    time.Duration
	Out      io.Writer
	Terminal bool
	// Command is how the user calls leat, for the commands shown.
	Command string
	Plugins worker.Plugins
	Version string
}

const (
	defaultPause = 200 * time.Millisecond
	settleLimit  = 30 * time.Second
	startLimit   = 60 * time.Second
	cleanupLimit = 30 * time.Second
)

// Run runs the demo until ctx ends or the duration is over; then it checks that SQLite equals PostgreSQL. now gives up waiting.
func Run(ctx, now context.Context, opts Options) (err error) {
	if opts.Pause == 0 {
		opts.Pause = defaultPause
	}
	d := &demo{opts: opts, started: time.Now(), now: now}
	defer func() { err = errors.Join(err, d.cleanUp()) }()
	if err := d.prepare(ctx); err != nil {
		return ended(ctx, err)
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	return d.verdict(now)
}

// demo is what runs.
type demo struct {
	opts    Options
	started time.Time
	now     context.Context

	dir      string // with the log and the SQLite file
	postgres *harness.Postgres
	url      string          // of the database
	about    *pgx.ConnConfig // the same, taken apart
	pg       *pgx.Conn       // for looking
	lite     *sql.DB         // for looking
	node     *node.Node
	stopNode context.CancelFunc
	nodeDone chan error
	rest     *client.Client
	loaded   bool
	writer   *writer
	lag      *lag
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.opts.Out, format+"\n", args...) }

// prepare gets everything to the point where rows flow.
func (d *demo) prepare(ctx context.Context) error {
	var err error
	if d.dir, err = os.MkdirTemp("", "leat-demo-"); err != nil {
		return err
	}
	if err := d.startPostgres(ctx); err != nil {
		return err
	}
	d.say("Loading a few hundred images, slices and annotations …")
	if err := load(ctx, d.pg); err != nil {
		return err
	}
	d.loaded = true
	d.say("Starting leat with its own log …")
	if err := d.startNode(); err != nil {
		return err
	}
	return d.register(ctx)
}

func (d *demo) startPostgres(ctx context.Context) error {
	d.url = d.opts.Postgres
	if d.url == "" {
		d.say("Starting a PostgreSQL (fetched first where this machine has none) …")
		var err error
		if d.postgres, err = harness.StartPostgres(ctx, harness.PostgresOptions{SharedBuffers: "32MB"}); err != nil {
			return err
		}
		if d.url, err = d.postgres.CreateDatabase(ctx, "demo"); err != nil {
			return err
		}
	}
	var err error
	if d.about, err = pgx.ParseConfig(d.url); err != nil {
		return fmt.Errorf("--postgres: %w", err)
	}
	if d.pg, err = pgx.ConnectConfig(ctx, d.about); err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	return nil
}

// file is the SQLite file that the sink writes.
func (d *demo) file() string { return filepath.Join(d.dir, "demo.sqlite") }

// register makes the connectors over REST, as a user would.
func (d *demo) register(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("limit of %s", startLimit))
	defer cancel()
	d.rest = client.New(d.node.URL(), nil)
	d.say("Registering a PostgreSQL source and a SQLite sink over REST …")
	if _, err := d.rest.Create(ctx, sourceName, sourceConfig(d.about), ""); err != nil {
		return fmt.Errorf("register %s: %w", sourceName, err)
	}
	// The sink is registered once the topics are there, so that it does not wait for its client to notice them.
	err := harness.WaitFor(ctx, "the source to make its topics", func() error { return d.topicsThere(ctx) })
	if err != nil {
		return err
	}
	if _, err := d.rest.Create(ctx, sinkName, sinkConfig(d.file()), ""); err != nil {
		return fmt.Errorf("register %s: %w", sinkName, err)
	}
	d.lite, err = sql.Open("sqlite", "file:"+d.file()+"?mode=ro&_pragma=busy_timeout(1000)")
	return err
}

func (d *demo) topicsThere(ctx context.Context) error {
	if failures := d.failures(ctx); len(failures) > 0 {
		return errors.New(strings.Join(failures, "; "))
	}
	infos, err := d.node.Log().Admin().Topics(ctx, topics()...)
	if err == nil && len(infos) < len(tables) {
		err = fmt.Errorf("%d of %d topics are there", len(infos), len(tables))
	}
	return err
}

// failures tells which connectors and tasks have failed or wait for something.
func (d *demo) failures(ctx context.Context) []string {
	var out []string
	all, err := d.rest.Expanded(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	for name, c := range all {
		if c.Status.Connector.Trace != "" {
			out = append(out, fmt.Sprintf("%s is %s: %s", name, c.Status.Connector.State, firstLine(c.Status.Connector.Trace)))
		}
		for _, t := range c.Status.Tasks {
			if t.Trace != "" {
				out = append(out, fmt.Sprintf("task %d of %s is %s: %s", t.ID, name, t.State, firstLine(t.Trace)))
			}
		}
	}
	return out
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
