package dialect

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// pgSession is one connection.
type pgSession struct {
	dialect  *postgres
	conn     *pgx.Conn
	prepared map[string]string // statement's name by its text
	bufs     [][]byte          // encoded columns, shared by the writers
	copied   []byte            // encoded rows of COPY, the same
}

// keptBytes is how large a buffer may be to be kept for the next rows.
const keptBytes = 4 << 20

// columns gives n buffers, with what the last user left in them.
func (s *pgSession) columns(n int) [][]byte {
	for len(s.bufs) < n {
		s.bufs = append(s.bufs, nil)
	}
	return s.bufs[:n]
}

// trim lets go of buffers that a few very large rows have made.
func (s *pgSession) trim() {
	for i := range s.bufs {
		if cap(s.bufs[i]) > keptBytes {
			s.bufs[i] = nil
		}
	}
	if cap(s.copied) > keptBytes {
		s.copied = nil
	}
}

const describeTable = `SELECT n.nspname, c.relkind::text, c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND c.relkind IN ('r','p','v','f') AND CASE WHEN $2 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $2 END`

const describeColumns = `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef OR a.attidentity <> '',
 a.attgenerated <> '', a.attidentity = 'a', tn.nspname, t.typname,
 CASE WHEN t.typtype <> 'd' AND (t.oid < 16384 OR t.typname = 'citext') THEN t.typname WHEN b.oid < 16384 THEN b.typname ELSE '' END,
 CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

const describeKeys = `SELECT ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(n, o)
 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n WHERE k.o <= i.indnkeyatts ORDER BY k.o)
FROM pg_catalog.pg_index i WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indisprimary DESC`

func (s *pgSession) Describe(ctx context.Context, name Name) (*Table, error) {
	var kind string
	var oid uint32
	t := &Table{Name: name}
	err := s.conn.QueryRow(ctx, describeTable, name.Table, name.Schema).Scan(&t.Name.Schema, &kind, &oid)
	if err == pgx.ErrNoRows {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t.Kind = map[string]Kind{"p": Partitioned, "v": View}[kind]
	rows, err := s.conn.Query(ctx, describeColumns, oid)
	if err != nil {
		return nil, err
	}
	t.Columns, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c ColumnInfo, err error) {
		err = row.Scan(&c.Name, &c.Type, &c.NotNull, &c.HasDefault, &c.Generated, &c.Identity, &c.pg.schema, &c.pg.typ, &c.pg.base, &c.pg.typmod)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	if rows, err = s.conn.Query(ctx, describeKeys, oid); err != nil {
		return nil, err
	}
	t.Keys, err = pgx.CollectRows(rows, pgx.RowTo[[]string])
	return t, err
}

func (s *pgSession) exec(ctx context.Context, sql string) error {
	return s.conn.PgConn().Exec(ctx, sql).Close()
}

func (s *pgSession) Begin(ctx context.Context) error     { return s.exec(ctx, "BEGIN") }
func (s *pgSession) Commit(ctx context.Context) error    { s.trim(); return s.exec(ctx, "COMMIT") }
func (s *pgSession) Rollback(ctx context.Context) error  { return s.exec(ctx, "ROLLBACK") }
func (s *pgSession) Savepoint(ctx context.Context) error { return s.exec(ctx, "SAVEPOINT leat") }
func (s *pgSession) Release(ctx context.Context) error   { return s.exec(ctx, "RELEASE SAVEPOINT leat") }
func (s *pgSession) RollbackTo(ctx context.Context) error {
	return s.exec(ctx, "ROLLBACK TO SAVEPOINT leat; RELEASE SAVEPOINT leat")
}

func (s *pgSession) Truncate(ctx context.Context, t *Table) error {
	return s.exec(ctx, "TRUNCATE TABLE "+t.Name.quoted())
}

func (s *pgSession) Close(ctx context.Context) error { return s.conn.Close(ctx) }

// statement prepares sql once per session.
func (s *pgSession) statement(ctx context.Context, sql string) (string, error) {
	if name, ok := s.prepared[sql]; ok {
		return name, nil
	}
	name := "leat_" + strconv.Itoa(len(s.prepared))
	if _, err := s.conn.PgConn().Prepare(ctx, name, sql, nil); err != nil {
		return "", err
	}
	s.prepared[sql] = name
	return name, nil
}

func (s *pgSession) CanCreate(ctx context.Context, schemaName string) (string, error) {
	var ok, exists bool
	var name, user string
	err := s.conn.QueryRow(ctx, `SELECT coalesce(n.nspname, ''), n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE'), false), current_user
FROM (SELECT 1) x LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = CASE WHEN $1 = '' THEN current_schema() ELSE $1 END`, schemaName).Scan(&name, &exists, &ok, &user)
	switch {
	case err != nil:
		return "", err
	case !exists:
		return fmt.Sprintf("schema %q does not exist, or none of the search path does; create it with: CREATE SCHEMA %s", schemaName, quote(schemaName)), nil
	case !ok:
		return fmt.Sprintf("user %s may not create tables in schema %s; grant it with: GRANT USAGE, CREATE ON SCHEMA %s TO %s", user, name, quote(name), quote(user)), nil
	}
	return "", nil
}

func (s *pgSession) CanWrite(ctx context.Context, t *Table, del bool) (string, error) {
	var sel, ins, upd, rem bool
	var user string
	err := s.conn.QueryRow(ctx, `SELECT has_table_privilege($1, 'SELECT'), has_table_privilege($1, 'INSERT'), has_table_privilege($1, 'UPDATE'),
 has_table_privilege($1, 'DELETE'), current_user`, t.Name.quoted()).Scan(&sel, &ins, &upd, &rem, &user)
	if err != nil {
		return "", err
	}
	if !sel || !ins || !upd || del && !rem {
		return fmt.Sprintf("user %s may not write table %s; grant it with: GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s", user, t.Name, t.Name.quoted(), quote(user)), nil
	}
	return "", nil
}

// hasType tells whether a type of an extension is there.
func (s *pgSession) hasType(ctx context.Context, name string) (bool, error) {
	var ok bool
	err := s.conn.QueryRow(ctx, "SELECT to_regtype($1) IS NOT NULL", name).Scan(&ok)
	return ok, err
}
