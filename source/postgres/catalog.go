package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"leat/source/postgres/types"
)

// catalog reads the system catalogs over one connection, which it opens when needed and opens again after a loss.
type catalog struct {
	cfg   *Config
	conn  *pgx.Conn
	types map[uint32]*types.Info
}

// session gives the connection.
func (c *catalog) session(ctx context.Context) (*pgx.Conn, error) {
	if c.conn != nil && !c.conn.IsClosed() {
		return c.conn, nil
	}
	conn, err := c.cfg.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.conn = conn
	return conn, nil
}

func (c *catalog) close(ctx context.Context) {
	if c.conn != nil {
		_ = c.conn.Close(ctx)
		c.conn = nil
	}
}

// query runs one query and calls row for each row.
func (c *catalog) query(ctx context.Context, row func(pgx.Rows) error, sql string, args ...any) error {
	if c.cfg.QueryTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.QueryTimeout)
		defer cancel()
	}
	conn, err := c.session(ctx)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return classify(err, "reading the catalog")
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return classify(err, "reading the catalog")
		}
	}
	return classify(rows.Err(), "reading the catalog")
}

// one reads one row; pgx.ErrNoRows when there is none.
func (c *catalog) one(ctx context.Context, dst []any, sql string, args ...any) error {
	found := false
	err := c.query(ctx, func(r pgx.Rows) error { found = true; return r.Scan(dst...) }, sql, args...)
	if err == nil && !found {
		return pgx.ErrNoRows
	}
	return err
}

func (c *catalog) exec(ctx context.Context, sql string) error {
	conn, err := c.session(ctx)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return err
}

// serverVersion is such as 150004.
func (c *catalog) serverVersion(ctx context.Context) (int, error) {
	var v int
	err := c.one(ctx, []any{&v}, "SELECT current_setting('server_version_num')::int4")
	return v, err
}

// typeOf reads a type once.
func (c *catalog) typeOf(ctx context.Context, oid uint32) (*types.Info, error) {
	if t, ok := c.types[oid]; ok {
		return t, nil
	}
	t := &types.Info{OID: oid}
	var kind, category string
	var elem, base int64
	err := c.one(ctx, []any{&t.Namespace, &t.Name, &kind, &category, &elem, &base, &t.BaseMod, &t.NotNull, &t.Labels},
		`SELECT n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text, t.typelem::int8, t.typbasetype::int8, t.typtypmod, t.typnotnull,
		   ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
		 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = $1::int8::oid`, int64(oid))
	if errors.Is(err, pgx.ErrNoRows) {
		return &types.Info{OID: oid, Kind: 'p', Name: "unknown"}, nil // dropped since; such columns are as of an unknown type
	}
	if err != nil {
		return nil, err
	}
	t.Kind, t.Elem, t.Base = kind[0], uint32(elem), uint32(base)
	t.IsArray = category == "A" && elem != 0
	if c.types == nil {
		c.types = map[uint32]*types.Info{}
	}
	c.types[oid] = t
	return t, nil
}

// forgetTypes makes user-defined types be read again: an enum may have got labels.
func (c *catalog) forgetTypes() {
	for oid := range c.types {
		if oid >= firstUserOID {
			delete(c.types, oid)
		}
	}
}

// firstUserOID is PostgreSQL's FirstNormalObjectId.
const firstUserOID = 16384

// columnMeta is what the catalog says of a column.
type columnMeta struct {
	Name      string
	Type      uint32
	Mod       int32
	Dims      int
	NotNull   bool
	Generated bool
	Default   string // "" for none
	Comment   string
}

// tableMeta is what the catalog says of a table.
type tableMeta struct {
	OID          uint32
	Schema, Name string
	Columns      []columnMeta
	Key          []string // of the primary key, or else of the first unique index
}

// column finds a column.
func (t *tableMeta) column(name string) *columnMeta {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// table reads a table's shape. A table that is gone has no columns.
func (c *catalog) table(ctx context.Context, oid uint32, schema, name string) (*tableMeta, error) {
	t := &tableMeta{OID: oid, Schema: schema, Name: name}
	err := c.query(ctx, func(r pgx.Rows) error {
		var col columnMeta
		var typ int64
		if err := r.Scan(&col.Name, &typ, &col.Mod, &col.Dims, &col.NotNull, &col.Generated, &col.Default, &col.Comment); err != nil {
			return err
		}
		col.Type = uint32(typ)
		t.Columns = append(t.Columns, col)
		return nil
	}, `SELECT a.attname::text, a.atttypid::int8, a.atttypmod, a.attndims::int4, a.attnotnull OR (t.typtype = 'd' AND t.typnotnull), a.attgenerated <> '',
	      CASE WHEN a.attgenerated = '' THEN COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') ELSE '' END,
	      COALESCE(pg_catalog.col_description(a.attrelid, a.attnum), '')
	    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	    WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`, int64(oid))
	if err != nil {
		return nil, err
	}
	first := ""
	err = c.query(ctx, func(r pgx.Rows) error {
		var index, column string
		if err := r.Scan(&index, &column); err != nil {
			return err
		}
		if first == "" {
			first = index
		}
		if index == first {
			t.Key = append(t.Key, column)
		}
		return nil
	}, `SELECT ic.relname::text, a.attname::text
	    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
	    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(num, pos)
	    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
	    WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.pos <= i.indnkeyatts
	    ORDER BY i.indisprimary DESC, ic.relname, k.pos`, int64(oid))
	return t, err
}

// tableID names a table of the database.
type tableID struct {
	OID          uint32
	Schema, Name string
	Pages        int64 // as the planner knows it
	Rows         float64
}

func (t tableID) String() string { return t.Schema + "." + t.Name }

// quoted is the name for SQL.
func (t tableID) quoted() string { return quoteIdent(t.Schema) + "." + quoteIdent(t.Name) }

func quoteIdent(s string) string { return pgx.Identifier{s}.Sanitize() }

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// tables lists the captured tables. Partitions stand for themselves, or their root for them where viaRoot.
func (c *catalog) tables(ctx context.Context, captured func(schema, table string) bool, viaRoot bool) ([]tableID, error) {
	kinds := "c.relkind = 'r'"
	if viaRoot {
		kinds = "c.relkind IN ('r', 'p') AND NOT c.relispartition"
	}
	builtin := ""
	if c.cfg.IgnoreBuiltin {
		builtin = " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'"
	}
	var out []tableID
	err := c.query(ctx, func(r pgx.Rows) error {
		var t tableID
		var oid int64
		if err := r.Scan(&oid, &t.Schema, &t.Name, &t.Pages, &t.Rows); err != nil {
			return err
		}
		t.OID = uint32(oid)
		if captured(t.Schema, t.Name) {
			out = append(out, t)
		}
		return nil
	}, `SELECT c.oid::int8, n.nspname::text, c.relname::text, (pg_catalog.pg_relation_size(c.oid) / current_setting('block_size')::int8)::int8, c.reltuples::float8
	    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	    WHERE c.relpersistence = 'p' AND `+kinds+builtin+` ORDER BY n.nspname, c.relname`)
	return out, err
}
