package harness

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresOptions say which server StartPostgres starts. The zero value is any
// version on a free port with a temporary directory.
type PostgresOptions struct {
	// Version is a major version, "13" to "18"; "" takes the newest that is
	// installed, else fetches one.
	Version string
	// Port is the TCP port; 0 takes a free one.
	Port int
	// Dir keeps data and log after Stop, and is started again when it holds a
	// server's data. "" is a temporary folder that Stop removes.
	Dir string
	// SharedBuffers is PostgreSQL's shared_buffers; "" is 128MB.
	SharedBuffers string
	// NoFsync trades safety against a crash of the machine, not of the server, for
	// speed.
	NoFsync bool
	// Settings are added to postgresql.conf and win over those above. (ALTER SYSTEM
	// wins over these.)
	Settings map[string]string
}

// Postgres is a PostgreSQL server that listens on loopback, with
// wal_level=logical and 32 replication slots and WAL senders. Its methods may be
// called from several goroutines.
type Postgres struct {
	Host     string
	Port     int
	User     string // a superuser
	Password string
	Version  string // major version, "15"

	opts     PostgresOptions
	dir      *workdir
	binaries string // folder above bin
	account  *account

	mu   sync.Mutex
	proc *process // nil when down
}

// StopMode says how a running server is ended.
type StopMode int

const (
	// Fast disconnects clients and shuts down cleanly.
	Fast StopMode = iota
	// Immediate ends without a checkpoint; the next start recovers.
	Immediate
	// Crash kills every process of the server at once, as a power cut would.
	Crash
)

const (
	postgresSuperuser = "postgres"
	// stopGrace is how long a server may take to shut down before it is killed.
	stopGrace = 30 * time.Second
	// startLimit bounds a start, recovery after a crash included.
	startLimit = 2 * time.Minute
)

// StartPostgres starts a server and returns when it takes connections. ctx
// bounds the start, not the server's life: that ends with Stop.
func StartPostgres(ctx context.Context, opts PostgresOptions) (*Postgres, error) {
	binaries, version, err := PostgresBinaries(ctx, opts.Version)
	if err != nil {
		return nil, err
	}
	acc := unprivileged()
	dir, err := openWorkdir(opts.Dir, acc)
	if err != nil {
		return nil, err
	}
	p := &Postgres{
		Host: loopback, User: postgresSuperuser, Version: version,
		opts: opts, dir: dir, binaries: binaries, account: acc,
	}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	if err := p.startOnFreePort(ctx); err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return p, nil
}

// URL is the connection string of a database for the superuser.
func (p *Postgres) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(p.User, p.Password),
		Host:     net.JoinHostPort(p.Host, strconv.Itoa(p.Port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// PID is the postmaster's process id, 0 when the server is down.
func (p *Postgres) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil {
		return 0
	}
	return p.proc.pid()
}

// LogPath is the file with the server's log.
func (p *Postgres) LogPath() string { return p.dir.file("log") }

// BinDir is the folder with psql, pg_dump, pg_recvlogical and the like, where
// the build has them.
func (p *Postgres) BinDir() string { return filepath.Join(p.binaries, "bin") }

// Down ends the server and leaves its data, for Up. Down on a server that is
// down does nothing.
func (p *Postgres) Down(ctx context.Context, mode StopMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.down(ctx, mode)
}

func (p *Postgres) down(ctx context.Context, mode StopMode) error {
	if p.proc == nil {
		return nil
	}
	proc := p.proc
	p.proc = nil
	backends := descendants(proc.pid())
	var err error
	switch mode {
	case Crash:
		killProcess(proc.pid())
		for _, pid := range backends {
			killProcess(pid)
		}
		<-proc.done
	case Immediate:
		err = proc.end(ctx, syscall.SIGQUIT, stopGrace)
	default:
		err = proc.end(ctx, syscall.SIGINT, stopGrace)
	}
	return errors.Join(err, waitGone(ctx, backends))
}

// waitGone waits until the backends of a postmaster that is gone are too: while
// one holds the shared memory, no new postmaster starts.
func waitGone(ctx context.Context, pids []int) error {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	return WaitFor(ctx, "the server's processes to end", func() error {
		for _, pid := range pids {
			if alive(pid) {
				return fmt.Errorf("process %d still runs", pid)
			}
		}
		return nil
	})
}

// Up starts a server that is down, on the same port and data, and returns when
// it takes connections.
func (p *Postgres) Up(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up(ctx)
}

// Restart is Down and Up.
func (p *Postgres) Restart(ctx context.Context, mode StopMode) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.down(ctx, mode); err != nil {
		return err
	}
	return p.up(ctx)
}

// Kill ends the server as a power cut would. Up starts it again.
func (p *Postgres) Kill() error { return p.Down(context.Background(), Crash) }

// Stop ends the server for good and removes its directory unless the caller
// named it. A second Stop does nothing.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == nil {
		return nil
	}
	mode := Immediate
	if p.dir.keep {
		mode = Fast
	}
	err := p.down(context.Background(), mode)
	err = errors.Join(err, p.dir.close())
	p.dir = nil
	return err
}

// CreateDatabase creates an empty database and gives its URL.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) (string, error) {
	err := p.exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return p.URL(name), err
}

// DropDatabase drops a database with its replication slots and connections.
func (p *Postgres) DropDatabase(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	// A walsender that was told to end may hold its slot a moment longer.
	err := WaitFor(ctx, "the replication slots of database "+name+" to be free", func() error {
		if err := p.exec(ctx, `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
			WHERE database = $1 AND active`, name); err != nil {
			return err
		}
		return p.exec(ctx, `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
			WHERE database = $1`, name)
	})
	if err != nil {
		return err
	}
	return p.exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

// prepare makes the data directory, unless it is there, and writes the settings.
func (p *Postgres) prepare(ctx context.Context) error {
	if !p.account.reaches(p.BinDir()) {
		mirror := p.dir.file("postgresql-" + p.Version)
		if !isDir(mirror) {
			if err := mirrorTree(p.binaries, mirror); err != nil {
				return fmt.Errorf("copy PostgreSQL to where user %s can run it: %w", p.account.name, err)
			}
		}
		p.binaries = mirror
	}
	if b, err := os.ReadFile(p.dir.file("data/PG_VERSION")); err == nil {
		if v := strings.TrimSpace(string(b)); v != p.Version {
			return fmt.Errorf("directory %s holds data of PostgreSQL %s, not %s (ask for version %s, or name another directory)", p.dir.path, v, p.Version, v)
		}
		b, err := os.ReadFile(p.dir.file("password"))
		p.Password = string(b)
		return err
	}
	return p.initdb(ctx)
}

func (p *Postgres) initdb(ctx context.Context) error {
	p.Password = rand.Text()
	secret, data := p.dir.file("password"), p.dir.file("data")
	if err := os.WriteFile(secret, []byte(p.Password), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := errors.Join(p.account.own(secret), p.account.own(data)); err != nil {
		return err
	}
	cmd := p.command(ctx, "initdb", "-D", data, "-U", p.User, "-A", "scram-sha-256", "--pwfile", secret,
		"-E", "UTF8", "--locale=C", "--no-sync")
	cmd.SysProcAttr = processAttributes(p.account, syscall.SIGKILL)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("initdb of PostgreSQL %s: %w: %s", p.Version, err, strings.TrimSpace(out.String()))
	}
	conf, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString("\ninclude = '" + settingsFile + "'\n")
	return errors.Join(err, conf.Close())
}

// command runs a program of the server with nothing of our environment that
// could change what it does.
func (p *Postgres) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.BinDir(), name), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	return cmd
}

const settingsFile = "harness.conf"

func (p *Postgres) writeSettings() error {
	settings := map[string]string{
		"listen_addresses":        p.Host,
		"port":                    strconv.Itoa(p.Port),
		"unix_socket_directories": "",
		"wal_level":               "logical",
		"max_replication_slots":   "32",
		"max_wal_senders":         "32",
		"max_connections":         "200",
		"shared_buffers":          p.opts.SharedBuffers,
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_line_prefix":         "%m [%p] %q%d ",
	}
	if p.opts.SharedBuffers == "" {
		settings["shared_buffers"] = "128MB"
	}
	if p.opts.NoFsync {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, p.opts.Settings)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", key, strings.ReplaceAll(settings[key], "'", "''"))
	}
	path := p.dir.file("data/" + settingsFile)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return p.account.own(path)
}

// startOnFreePort starts the server; when it was to choose the port and another
// process took it meanwhile, it tries another.
func (p *Postgres) startOnFreePort(ctx context.Context) error {
	for try := 1; ; try++ {
		if p.Port = p.opts.Port; p.Port == 0 {
			var err error
			if p.Port, err = FreePort(); err != nil {
				return err
			}
		}
		if err := p.writeSettings(); err != nil {
			return err
		}
		err := p.up(ctx)
		if err == nil || p.opts.Port != 0 || try == 3 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

func (p *Postgres) up(ctx context.Context) error {
	if p.dir == nil {
		return errors.New("this PostgreSQL was stopped for good")
	}
	if p.proc != nil {
		return nil
	}
	// The command outlives ctx, which bounds the start only.
	cmd := p.command(context.Background(), "postgres", "-D", p.dir.file("data"))
	proc, err := startProcess(cmd, p.account, syscall.SIGQUIT, p.LogPath())
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("limit of %s", startLimit))
	defer cancel()
	err = WaitFor(limited, "PostgreSQL to take connections", func() error {
		if err := proc.exited(); err != nil {
			cancel()
			return err
		}
		return p.exec(limited, "SELECT 1")
	})
	if err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL %s on port %d: %w: %s", p.Version, p.Port, err, logTail(p.LogPath())),
			proc.end(context.Background(), syscall.SIGQUIT, stopGrace))
	}
	p.proc = proc
	return nil
}

// exec runs a statement in the superuser's own database.
func (p *Postgres) exec(ctx context.Context, statement string, args ...any) error {
	conn, err := pgx.Connect(ctx, p.URL(postgresSuperuser))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement, args...)
	return err
}
