package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sqlite "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// sqliteDialect is a SQLite file.
type sqliteDialect struct {
	dsn  string
	path string
	text texter
}

// Parameters of sqlite-jdbc that are SQLite pragmas.
var sqlitePragmas = map[string]bool{
	"journal_mode": true, "synchronous": true, "busy_timeout": true, "foreign_keys": true, "cache_size": true, "locking_mode": true,
	"temp_store": true, "mmap_size": true, "page_size": true, "auto_vacuum": true, "recursive_triggers": true, "secure_delete": true,
}

func parseSqliteURL(rest string) (*Parsed, error) {
	path, params, err := splitQuery(rest)
	if err != nil {
		return nil, err
	}
	path = strings.TrimPrefix(path, "file:")
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, fmt.Errorf("names a database in memory, which nobody else could read and which is gone when the task stops; name a file")
	}
	if strings.HasPrefix(path, ":resource:") {
		return nil, fmt.Errorf("names a resource of a Java class path, which does not exist here; name a file")
	}
	out := &Parsed{Kind: "sqlite"}
	query := url.Values{"_txlock": {"immediate"}}
	busy := false
	for _, kv := range params {
		switch {
		case sqlitePragmas[kv[0]]:
			busy = busy || kv[0] == "busy_timeout"
			query.Add("_pragma", kv[0]+"("+kv[1]+")")
		case strings.HasPrefix(kv[0], "date_") || kv[0] == "transaction_mode" || kv[0] == "jdbc.explicit_readonly" || kv[0] == "encoding":
		default:
			out.Notes = append(out.Notes, fmt.Sprintf("parameter %s is not known and has no effect", kv[0]))
		}
	}
	if !busy {
		query.Add("_pragma", "busy_timeout(5000)")
	}
	out.Open = func(o Options) (Dialect, error) {
		dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
		return &sqliteDialect{dsn: dsn.String(), path: path, text: texter{zones: o.Zones}}, nil
	}
	return out, nil
}

func (d *sqliteDialect) Name() string            { return "SQLite" }
func (d *sqliteDialect) Fold(name string) string { return name }
func (d *sqliteDialect) SplitNames() bool        { return false }
func (d *sqliteDialect) Database() string        { return "" }

func (d *sqliteDialect) Connect(ctx context.Context) (Session, error) {
	if _, err := os.Stat(filepath.Dir(d.path)); err != nil {
		return nil, fmt.Errorf("folder of %s: %w", d.path, err)
	}
	db, err := sql.Open("sqlite", d.dsn)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &sqliteSession{dialect: d, db: db, conn: conn, prepared: map[string]*sql.Stmt{}}, nil
}

func (d *sqliteDialect) Judge(err error) (Verdict, error) {
	var rows RowErrors
	if errors.As(err, &rows) {
		return BadRow, err
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return Broken, fmt.Errorf("SQLite: %w", err)
		}
		return Wait, fmt.Errorf("SQLite: %w", err)
	}
	// SQLite's messages name tables and columns, and no values.
	described := fmt.Errorf("SQLite: %s", e.Error())
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_INTERRUPT, lib.SQLITE_PROTOCOL, lib.SQLITE_NOMEM:
		return Wait, described
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_TOOBIG, lib.SQLITE_RANGE:
		return BadRow, described
	case lib.SQLITE_SCHEMA:
		return Changed, described
	}
	switch msg := e.Error(); {
	case strings.Contains(msg, "no such table"), strings.Contains(msg, "ON CONFLICT clause does not match"):
		return Missing, described
	case strings.Contains(msg, "no such column"), strings.Contains(msg, "has no column"):
		return Changed, described
	}
	return Broken, described
}
