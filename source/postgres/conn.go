package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"leat/connector"
)

// session are the settings that make the text of values independent of the server's configuration.
var session = map[string]string{
	"client_encoding": "UTF8", "TimeZone": "UTC", "DateStyle": "ISO, MDY", "IntervalStyle": "iso_8601", "bytea_output": "hex",
	"extra_float_digits": "1", "lc_monetary": "C",
}

// sessionName is the application_name of a connector's sessions, as the server keeps it: 63 octets of printable ASCII.
func (c *Config) sessionName() string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, "leat "+c.TopicPrefix)
	return name[:min(len(name), 63)]
}

const connectTimeout = 20 * time.Second

// connConfig makes the driver's config; replication asks for a WAL sender.
func (c *Config) connConfig(replication bool) (*pgx.ConnConfig, error) {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	dsn := []string{"host=" + quote(c.Hostname), "port=" + strconv.Itoa(c.Port), "user=" + quote(c.User), "dbname=" + quote(c.Database),
		"sslmode=" + string(c.SSLMode)}
	if c.Password != "" {
		dsn = append(dsn, "password="+quote(c.Password.Reveal()))
	}
	for key, v := range map[string]string{"sslrootcert": c.SSLRootCert, "sslcert": c.SSLCert, "sslkey": c.SSLKey, "sslpassword": c.SSLPassword.Reveal()} {
		if v != "" {
			dsn = append(dsn, key+"="+quote(v))
		}
	}
	cfg, err := pgx.ParseConfig(strings.Join(dsn, " "))
	if err != nil {
		// Invariant 10: the driver's message has the whole string in it.
		return nil, connector.Fatalf("the connection to %s:%d can not be set up: check database.sslmode and the files of database.sslrootcert, database.sslcert and database.sslkey", c.Hostname, c.Port)
	}
	cfg.ConnectTimeout = connectTimeout
	for k, v := range session {
		cfg.RuntimeParams[k] = v
	}
	cfg.RuntimeParams["application_name"] = c.sessionName()
	if replication {
		cfg.RuntimeParams["replication"] = "database"
		cfg.DialFunc = dialQuiet
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	return cfg, nil
}

// connect opens a connection for queries and runs the initial statements.
func (c *Config) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := c.connConfig(false)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, c.connectError(err)
	}
	for _, sql := range c.initialStatements() {
		if _, err := conn.Exec(ctx, sql); err != nil {
			_ = conn.Close(ctx)
			return nil, connector.Fatalf("database.initial.statements: %w", err)
		}
	}
	return conn, nil
}

func (c *Config) initialStatements() []string {
	var out []string
	for _, s := range strings.Split(strings.ReplaceAll(c.InitialStatements, ";;", "\x00"), ";") {
		if s = strings.TrimSpace(strings.ReplaceAll(s, "\x00", ";")); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// connectError gives a failure to connect its class: what a person must mend is fatal, what passes by itself is waited out.
func (c *Config) connectError(err error) error {
	where := fmt.Sprintf("PostgreSQL at %s:%d, database %s, user %s", c.Hostname, c.Port, c.Database, c.User)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case strings.HasPrefix(pg.Code, "28"):
			return connector.Fatalf("%s refuses the login: %s", where, pg.Message).WithHint("Check database.user, database.password and the server's pg_hba.conf")
		case pg.Code == "3D000":
			return connector.Fatalf("%s: %s", where, pg.Message).WithHint("Check database.dbname")
		case pg.Code == "53300":
			return connector.Retriablef("%s: %s", where, pg.Message).WithHint("Raise max_connections or max_wal_senders")
		}
		return connector.Retriablef("%s: %s", where, pg.Message)
	}
	if untrusted := c.trustError(err, where); untrusted != nil {
		return untrusted
	}
	// The driver's own text may show the connection string, but never the password.
	return connector.Retriablef("%s can not be reached: %w", where, attempts{errors.Unwrap(err)})
}

// attempts is the error of several tries to connect, told on one line and each text once.
type attempts struct{ err error }

func (a attempts) Unwrap() error { return a.err }

func (a attempts) Error() string {
	var texts []string
	for line := range strings.Lines(fmt.Sprint(a.err)) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(texts, line) {
			texts = append(texts, line)
		}
	}
	return strings.Join(texts, "; ")
}

// trustError tells of a server whose certificate is refused, or that has none; nil for other errors.
func (c *Config) trustError(err error, where string) error {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var other *tls.CertificateVerificationError
	switch {
	case errors.As(err, &name):
		return connector.Fatalf("%s has a certificate for another name: %w", where, name).
			WithHint("Set database.hostname to a name in the certificate, or database.sslmode=verify-ca to trust the authority alone")
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &other):
		return connector.Fatalf("%s has a certificate that is not trusted: %w", where, errors.Unwrap(err)).
			WithHint("Set database.sslrootcert to the file with the authority that signed it")
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return connector.Fatalf("%s does not speak TLS", where).
			WithHint("Set ssl = on in its postgresql.conf, or database.sslmode=prefer here")
	}
	return nil
}

// classify gives an error of a running connection its class: a lost connection is retriable, and so is a server that shuts
// down or is out of resources; what the server refuses for good is fatal.
func classify(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *connector.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !transient(pg.Code) {
		return connector.Fatalf("%s: %w", doing, err)
	}
	return connector.Retriablef("%s: %w", doing, err)
}

// transient tells of SQLSTATEs that pass by themselves: connection (08), resources (53), operator intervention (57),
// serialization and deadlock (40), locks (55P03) and a slot or object in use (55006).
func transient(code string) bool {
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57") || strings.HasPrefix(code, "40") ||
		code == "55P03" || code == "55006"
}

const (
	chunkSize = 256 << 10
	// minRead is the least free space worth a read.
	minRead = 16 << 10
	// writeTimeout bounds a write to a server that does not read.
	writeTimeout = 30 * time.Second
)

// wire reads the server's messages off a connection taken over from the driver, in large chunks that are never used again:
// what refers to them stays valid. One goroutine reads; writing is safe from any.
type wire struct {
	conn  net.Conn
	chunk []byte
	r, w  int // the unread part of chunk

	writing sync.Mutex
	out     []byte
}

// takeOver makes a wire of an idle connection.
func takeOver(pg *pgconn.PgConn) (*wire, error) {
	h, err := pg.Hijack()
	if err != nil {
		return nil, err
	}
	_ = h.Conn.SetDeadline(time.Time{})
	return &wire{conn: h.Conn}, nil
}

// kernelBuffer is asked for, so that the server goes on sending while leat pauses; the kernel has its own limit.
const kernelBuffer = 4 << 20

// widen asks the kernel for a larger receive buffer.
func (w *wire) widen() {
	conn := w.conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
		_ = t.SetReadBuffer(kernelBuffer)
	}
}

// next gives the next message if all of it is here.
func (w *wire) next() (kind byte, body []byte, ok bool) {
	if w.w-w.r < 5 {
		return 0, nil, false
	}
	end := w.r + 1 + int(binary.BigEndian.Uint32(w.chunk[w.r+1:]))
	if end > w.w || end < w.r+5 {
		return 0, nil, false
	}
	kind, body = w.chunk[w.r], w.chunk[w.r+5:end:end]
	if w.r = end; end == w.w && len(w.chunk) > chunkSize {
		w.chunk, w.r, w.w = nil, 0, 0 // a large row must not live until the next one comes
	}
	return kind, body, true
}

// maxMessage is more than any message of the server: a value is at most 1 GiB, a row some of them.
const maxMessage = 1<<31 - 1

// fill reads once.
func (w *wire) fill() (int, error) {
	need := minRead
	if w.w-w.r >= 5 {
		size := int(binary.BigEndian.Uint32(w.chunk[w.r+1:])) + 1
		if size < 5 || size > maxMessage {
			return 0, fmt.Errorf("the server sent a message of %d bytes", size)
		}
		need = max(size-(w.w-w.r), 1)
	}
	if len(w.chunk)-w.w < need {
		// A message that is larger than a chunk gets one that ends with it.
		chunk := make([]byte, max(chunkSize, w.w-w.r+need))
		w.w = copy(chunk, w.chunk[w.r:w.w])
		w.chunk, w.r = chunk, 0
	}
	n, err := w.conn.Read(w.chunk[w.w:])
	w.w += n
	return n, err
}

// receive gives the next message, however long that takes.
func (w *wire) receive() (byte, []byte, error) {
	for {
		if kind, body, ok := w.next(); ok {
			return kind, body, nil
		}
		if _, err := w.fill(); err != nil {
			return 0, nil, err
		}
	}
}

// send writes one message.
func (w *wire) send(kind byte, body ...[]byte) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	size := 4
	for _, b := range body {
		size += len(b)
	}
	w.out = binary.BigEndian.AppendUint32(append(w.out[:0], kind), uint32(size))
	for _, b := range body {
		w.out = append(w.out, b...)
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := w.conn.Write(w.out)
	return err
}

// query sends a simple query and reads on to the message that begins its data.
func (w *wire) query(ctx context.Context, sql string, begins byte) error {
	stop := w.interruptible(ctx)
	defer stop()
	if err := w.send('Q', []byte(sql), []byte{0}); err != nil {
		return err
	}
	for {
		kind, body, err := w.receive()
		switch {
		case err != nil:
			return contextError(ctx, err)
		case kind == 'E':
			return serverError(body)
		case kind == begins:
			return nil
		}
	}
}

// interruptible makes reads end when ctx does.
func (w *wire) interruptible(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = w.conn.SetReadDeadline(time.Unix(1, 0)) })
}

func contextError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// serverError reads an ErrorResponse.
func serverError(body []byte) error {
	var m pgproto3.ErrorResponse
	if err := m.Decode(body); err != nil {
		return err
	}
	return pgconn.ErrorResponseToPgError(&m)
}

// close ends the connection without ceremony.
func (w *wire) close() { _ = w.conn.Close() }
