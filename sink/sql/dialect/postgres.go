package dialect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgres is PostgreSQL, 13 and newer.
type postgres struct {
	config   *pgx.ConnConfig
	settings string // SET statements for every session
	enc      pgEncoders
}

// Parameters of pgjdbc that have the same meaning and name in pgx, or another name there.
var pgParams = map[string]string{
	"sslmode": "sslmode", "sslcert": "sslcert", "sslkey": "sslkey", "sslrootcert": "sslrootcert", "sslpassword": "sslpassword",
	"connectTimeout": "connect_timeout", "loginTimeout": "connect_timeout", "ApplicationName": "application_name", "options": "options",
	"channelBinding": "channel_binding",
}

// Parameters of pgjdbc that tune the Java driver and have no meaning here.
var pgIgnored = []string{
	"reWriteBatchedInserts", "prepareThreshold", "preparedStatementCacheQueries", "preparedStatementCacheSizeMiB", "databaseMetadataCacheFields",
	"databaseMetadataCacheFieldsMiB", "defaultRowFetchSize", "binaryTransfer", "binaryTransferEnable", "binaryTransferDisable", "stringtype", "tcpKeepAlive",
	"tcpNoDelay", "socketTimeout", "cancelSignalTimeout", "loadBalanceHosts", "hostRecheckSeconds", "assumeMinServerVersion", "preferQueryMode", "autosave",
	"cleanupSavepoints", "adaptiveFetch", "adaptiveFetchMinimum", "adaptiveFetchMaximum", "logUnclosedConnections", "logServerErrorDetail", "receiveBufferSize",
	"sendBufferSize", "unknownLength", "disableColumnSanitiser", "loggerLevel", "loggerFile", "maxResultBuffer", "readOnly", "readOnlyMode", "allowEncodingChanges",
	"gssEncMode", "gsslib", "jaasLogin", "jaasApplicationName", "protocolVersion", "escapeSyntaxCallMode", "quoteReturningIdentifiers", "hideUnprivilegedObjects",
	"replication", "maxSendBufferSize", "socketFactory", "socketFactoryArg", "sslResponseTimeout", "targetServerTypeRecheck",
}

func parsePostgresURL(rest string) (*Parsed, error) {
	head, params, err := splitQuery(rest)
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "postgres"}
	database := strings.TrimPrefix(head, "/")
	if hosts, ok := strings.CutPrefix(head, "//"); ok {
		u.Host, database, _ = strings.Cut(hosts, "/")
	}
	if u.Host == "" {
		u.Host = "localhost:5432"
	}
	if database, err = url.PathUnescape(database); err != nil {
		return nil, fmt.Errorf("has a database name that is not URL-encoded")
	}
	out := &Parsed{Kind: "postgresql"}
	p := pgSettings{query: url.Values{}}
	for _, kv := range params {
		if note := p.set(kv[0], kv[1]); note != "" {
			out.Notes = append(out.Notes, note)
		}
	}
	p.finish()
	out.Open = func(o Options) (Dialect, error) { return p.open(u, database, o) }
	return out, nil
}

type pgSettings struct {
	query          url.Values
	user, password string
	searchPath     string
	ssl            bool
}

// set takes one parameter and gives a note to show, "" for none.
func (p *pgSettings) set(key, value string) string {
	switch key {
	case "user":
		p.user = value
	case "password":
		p.password = value
	case "currentSchema":
		p.searchPath = value
	case "ssl":
		p.ssl = value == "" || strings.EqualFold(value, "true")
	case "sslfactory":
		if strings.HasSuffix(value, "NonValidatingFactory") {
			p.query.Set("sslmode", "require")
			return ""
		}
		return "parameter sslfactory has no meaning here; use sslmode and sslrootcert"
	case "targetServerType":
		p.query.Set("target_session_attrs", map[string]string{
			"primary": "read-write", "master": "read-write", "secondary": "standby", "slave": "standby",
			"preferSecondary": "prefer-standby", "preferSlave": "prefer-standby",
		}[value])
	default:
		if name, ok := pgParams[key]; ok {
			p.query.Set(name, value)
		} else if !slices.Contains(pgIgnored, key) {
			return fmt.Sprintf("parameter %s is not known and has no effect", key)
		}
	}
	return ""
}

func (p *pgSettings) finish() {
	if p.ssl && p.query.Get("sslmode") == "" {
		p.query.Set("sslmode", "verify-full") // as pgjdbc reads ssl=true
	}
	if p.query.Get("target_session_attrs") == "" {
		p.query.Del("target_session_attrs")
	}
	if p.query.Get("application_name") == "" {
		p.query.Set("application_name", "leat")
	}
}

func (p *pgSettings) open(u url.URL, database string, o Options) (Dialect, error) {
	user, password := p.user, p.password
	if o.User != "" {
		user = o.User
	}
	if o.Password != "" {
		password = o.Password
	}
	if user != "" {
		u.User = url.User(user)
	}
	if database == "" {
		database = user
	}
	u.Path, u.RawQuery = "/"+database, p.query.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("can not be used: %s", firstCause(err))
	}
	if password != "" {
		config.Password = password
	}
	d := &postgres{config: config, enc: pgEncoders{texter{bc: true, zones: o.Zones}}}
	d.settings = "SET timezone='UTC'; SET datestyle='ISO'; SET intervalstyle='postgres'; SET jit=off; SET plan_cache_mode=force_generic_plan"
	if p.searchPath != "" {
		var path []string
		for _, s := range strings.Split(p.searchPath, ",") {
			path = append(path, quote(strings.Trim(strings.TrimSpace(s), `"`)))
		}
		d.settings += "; SET search_path=" + strings.Join(path, ",")
	}
	return d, nil
}

// firstCause gives an error's message without the connection string that pgx puts before it; of several addresses that were tried,
// the first one's.
func firstCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if several, ok := err.(interface{ Unwrap() []error }); ok && len(several.Unwrap()) > 0 {
			next = several.Unwrap()[0]
		}
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

func (d *postgres) Name() string            { return "PostgreSQL" }
func (d *postgres) Fold(name string) string { return strings.ToLower(name) }
func (d *postgres) SplitNames() bool        { return true }
func (d *postgres) Database() string        { return d.config.Database }

func (d *postgres) Connect(ctx context.Context) (Session, error) {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, d.settings, pgx.QueryExecModeSimpleProtocol); err != nil {
		conn.Close(ctx)
		return nil, err
	}
	return &pgSession{dialect: d, conn: conn, prepared: map[string]string{}}, nil
}

// Judge reads SQLSTATE classes; what the server never answered is the network's.
func (d *postgres) Judge(err error) (Verdict, error) {
	var rows RowErrors
	if errors.As(err, &rows) {
		return BadRow, err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var connect *pgconn.ConnectError
		var network net.Error
		switch {
		case errors.As(err, &connect):
			return Wait, fmt.Errorf("cannot connect to PostgreSQL at %s:%d: %s", d.config.Host, d.config.Port, firstCause(err))
		case errors.As(err, &network), pgconn.SafeToRetry(err), strings.Contains(err.Error(), "conn closed"):
			return Wait, fmt.Errorf("connection to PostgreSQL lost: %w", err)
		}
		return Wait, fmt.Errorf("connection to PostgreSQL lost: %w", err)
	}
	return judgeState(pg.Code), describePgError(pg)
}

func judgeState(code string) Verdict {
	switch code {
	case "55P03", // lock_not_available
		"55006", // object_in_use
		"25006", // read_only_sql_transaction: a standby, until it is promoted
		"25P02", // a transaction that has failed before: begin anew
		"57014": // a statement timeout of the server
		return Wait
	case "42P01", "3F000", // undefined_table, invalid_schema_name
		"42P10": // no unique constraint matches the key: the table was altered, or never had it
		return Missing
	case "42703", "42804", "0A000", "42P18", "26000", "42704": // columns or types that changed, a cached plan or statement that is gone
		return Changed
	case "54000", "54001", "54011": // too large or too complex
		return BadRow
	}
	switch code[:2] {
	case "08", // connection
		"53", // disk full, out of memory, too many connections
		"57", // admin shutdown, crash, cannot connect now
		"58", // the server's own files
		"40", // deadlock, serialization
		"XX": // a damaged page or the like: not the row's fault
		return Wait
	case "22", "23", "44": // data, constraint, check option
		return BadRow
	}
	return Broken
}

// describePgError tells what happened without values: those are in the detail, and in the message of class 22 behind a colon.
func describePgError(pg *pgconn.PgError) error {
	msg := pg.Message
	if strings.HasPrefix(pg.Code, "22") {
		msg, _, _ = strings.Cut(msg, `: "`)
	}
	where := ""
	switch {
	case pg.TableName != "" && pg.ColumnName != "":
		where = fmt.Sprintf(" (table %s.%s, column %s)", pg.SchemaName, pg.TableName, pg.ColumnName)
	case pg.TableName != "" && pg.ConstraintName != "":
		where = fmt.Sprintf(" (table %s.%s, constraint %s)", pg.SchemaName, pg.TableName, pg.ConstraintName)
	}
	return &stateError{pg, fmt.Sprintf("PostgreSQL: %s%s (SQLSTATE %s)", msg, where, pg.Code)}
}

// stateError hides the server's own error, which tells values, behind a text that does not.
type stateError struct {
	pg   *pgconn.PgError
	text string
}

func (e *stateError) Error() string { return e.text }

// SQLState is the server's code.
func (e *stateError) SQLState() string { return e.pg.Code }

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (n Name) quoted() string {
	if n.Schema == "" {
		return quote(n.Table)
	}
	return quote(n.Schema) + "." + quote(n.Table)
}

func quoteAll(names []string, prefix string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + quote(n))
	}
	return b.String()
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
