package dialect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"leat/record"
)

// sqliteSession is the one connection to the file.
type sqliteSession struct {
	dialect  *sqliteDialect
	db       *sql.DB
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	args     []any // of the rows at hand, shared by the writers
}

func (s *sqliteSession) exec(ctx context.Context, text string) error {
	_, err := s.conn.ExecContext(ctx, text)
	return err
}

func (s *sqliteSession) Begin(ctx context.Context) error     { return s.exec(ctx, "BEGIN IMMEDIATE") }
func (s *sqliteSession) Commit(ctx context.Context) error    { return s.exec(ctx, "COMMIT") }
func (s *sqliteSession) Rollback(ctx context.Context) error  { return s.exec(ctx, "ROLLBACK") }
func (s *sqliteSession) Savepoint(ctx context.Context) error { return s.exec(ctx, "SAVEPOINT leat") }
func (s *sqliteSession) Release(ctx context.Context) error   { return s.exec(ctx, "RELEASE leat") }
func (s *sqliteSession) RollbackTo(ctx context.Context) error {
	return s.exec(ctx, "ROLLBACK TO leat; RELEASE leat")
}

func (s *sqliteSession) Truncate(ctx context.Context, t *Table) error {
	return s.exec(ctx, "DELETE FROM "+t.Name.quoted())
}

func (s *sqliteSession) Close(context.Context) error {
	for _, stmt := range s.prepared {
		stmt.Close()
	}
	return errors.Join(s.conn.Close(), s.db.Close())
}

func (s *sqliteSession) CanCreate(ctx context.Context, _ string) (string, error) {
	if err := s.Begin(ctx); err != nil {
		return "", err
	}
	return "", s.Rollback(ctx)
}

func (s *sqliteSession) CanWrite(context.Context, *Table, bool) (string, error) { return "", nil }

func (s *sqliteSession) Describe(ctx context.Context, name Name) (*Table, error) {
	t := &Table{Name: Name{Table: name.Table}}
	var kind string
	err := s.conn.QueryRowContext(ctx, "SELECT name, type FROM sqlite_master WHERE type IN ('table','view') AND lower(name) = lower(?)", name.Table).Scan(&t.Name.Table, &kind)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if kind == "view" {
		t.Kind = View
	}
	keys, err := s.describeColumns(ctx, t)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		t.Keys = append(t.Keys, keys)
	}
	return t, s.describeIndexes(ctx, t)
}

func (s *sqliteSession) describeColumns(ctx context.Context, t *Table) (key []string, err error) {
	rows, err := s.conn.QueryContext(ctx, "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid", t.Name.Table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	byPos := map[int]string{}
	for rows.Next() {
		var c ColumnInfo
		var pk, hidden int
		if err := rows.Scan(&c.Name, &c.Type, &c.NotNull, &c.HasDefault, &pk, &hidden); err != nil {
			return nil, err
		}
		c.Generated = hidden == 2 || hidden == 3
		if pk > 0 {
			byPos[pk] = c.Name
		}
		t.Columns = append(t.Columns, c)
	}
	for i := 1; i <= len(byPos); i++ {
		key = append(key, byPos[i])
	}
	return key, rows.Err()
}

func (s *sqliteSession) describeIndexes(ctx context.Context, t *Table) error {
	rows, err := s.conn.QueryContext(ctx, `SELECT l.name, group_concat(i.name, char(0)) FROM pragma_index_list(?) l, pragma_index_info(l.name) i
WHERE l."unique" AND NOT l.partial GROUP BY l.name HAVING count(*) = count(i.name)`, t.Name.Table)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name, cols string
		if err := rows.Scan(&name, &cols); err != nil {
			return err
		}
		t.Keys = append(t.Keys, strings.Split(cols, "\x00"))
	}
	return rows.Err()
}

func (s *sqliteSession) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared[text]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, text)
	if err == nil {
		s.prepared[text] = stmt
	}
	return stmt, err
}

// sqliteRowsAtOnce is how many rows one statement writes; see BenchmarkSqliteUpsert.
const sqliteRowsAtOnce = 32

// sqliteWriter writes rows by statements of several rows.
type sqliteWriter struct {
	s      *sqliteSession
	t      *Table
	fields []Field
	cols   []*ColumnInfo
	bind   []func(record.Value) (any, error)
	unmet  int
}

func (w *sqliteWriter) Unmet() int { return w.unmet }

func (s *sqliteSession) Compile(t *Table, fields []Field) (Writer, error) {
	w := &sqliteWriter{s: s, t: t, fields: fields}
	for _, f := range fields {
		c := t.Column(f.Name)
		if c == nil {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, f.Name)
		}
		bind, err := s.dialect.binder(c, f.Schema)
		if err != nil {
			return nil, err
		}
		w.cols, w.bind = append(w.cols, c), append(w.bind, bind)
	}
	return w, nil
}

func (w *sqliteWriter) Write(ctx context.Context, mode Mode, rows Rows) error {
	if err := w.bindAll(rows); err != nil {
		return err
	}
	switch mode {
	case AppendFresh:
		mode = Upsert
	case Rename, DeleteRenamed:
		return w.rename(ctx, mode, rows)
	case Merge, Update, Delete:
		return w.rowByRow(ctx, mode, rows)
	}
	for at := 0; at < rows.Len(); {
		n := min(rows.Len()-at, max(1, min(sqliteRowsAtOnce, 32766/rows.Width)))
		if n < sqliteRowsAtOnce {
			n = 1
		}
		stmt, err := w.s.statement(ctx, w.insert(mode, n))
		if err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, w.s.args[at*rows.Width:(at+n)*rows.Width]...); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (w *sqliteWriter) bindAll(rows Rows) error {
	var bad RowErrors
	w.s.args = w.s.args[:0]
	for i, v := range rows.Values {
		if v.IsNull() {
			w.s.args = append(w.s.args, nil)
			continue
		}
		c := i % rows.Width
		arg, err := w.bind[c](v)
		if err != nil {
			bad = append(bad, RowError{i / rows.Width, fmt.Errorf("table %s, column %s of type %s, value of %s: %w",
				w.t.Name, w.cols[c].Name, w.cols[c].Type, w.fields[c].Schema, err)})
		}
		w.s.args = append(w.s.args, arg)
	}
	if bad != nil {
		return bad
	}
	return nil
}

func (w *sqliteWriter) names(keyOnly bool) (out []string) {
	for i, f := range w.fields {
		if f.Key || !keyOnly {
			out = append(out, w.cols[i].Name)
		}
	}
	return out
}

func (w *sqliteWriter) insert(mode Mode, n int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", len(w.fields)), ",") + ")"
	text := fmt.Sprintf("INSERT INTO %s (%s) VALUES %s", w.t.Name.quoted(), quoteAll(w.names(false), ""), strings.TrimSuffix(strings.Repeat(row+",", n), ","))
	if mode == Insert {
		return text
	}
	var set []string
	for i, f := range w.fields {
		if !f.Key {
			set = append(set, quote(w.cols[i].Name)+" = excluded."+quote(w.cols[i].Name))
		}
	}
	text += " ON CONFLICT (" + quoteAll(w.names(true), "") + ") DO "
	if set == nil {
		return text + "NOTHING"
	}
	return text + "UPDATE SET " + strings.Join(set, ", ")
}

// numbered gives ?1, ?2 … of the key's columns as conditions, of the others as assignments.
func (w *sqliteWriter) numbered(key bool, sep string) string {
	var out []string
	for i, f := range w.fields {
		if f.Key == key {
			out = append(out, fmt.Sprintf("%s = ?%d", quote(w.cols[i].Name), i+1))
		}
	}
	return strings.Join(out, sep)
}

// rename excepts rows that the database takes to have both keys, as a column without regard to case does.
func (w *sqliteWriter) rename(ctx context.Context, mode Mode, rows Rows) error {
	table, old, to := w.t.Name.quoted(), w.numbered(true, " AND "), w.numbered(false, " AND ")
	text := fmt.Sprintf("UPDATE %s SET %s WHERE %s AND NOT EXISTS (SELECT 1 FROM %s WHERE %s AND NOT (%s))", table, w.numbered(false, ", "), old, table, to, old)
	if mode == DeleteRenamed {
		text = fmt.Sprintf("DELETE FROM %s WHERE %s AND NOT (%s)", table, old, to)
	}
	stmt, err := w.s.statement(ctx, text)
	if err != nil {
		return err
	}
	for r := range rows.Len() {
		if _, err := stmt.ExecContext(ctx, w.s.args[r*rows.Width:(r+1)*rows.Width]...); err != nil {
			return err
		}
	}
	return nil
}

func (w *sqliteWriter) rowByRow(ctx context.Context, mode Mode, rows Rows) error {
	table, where, set := w.t.Name.quoted(), w.numbered(true, " AND "), w.numbered(false, ", ")
	text := fmt.Sprintf("UPDATE %s SET %s WHERE %s", table, set, where)
	if mode == Delete {
		text = fmt.Sprintf("DELETE FROM %s WHERE %s", table, where)
	} else if set == "" {
		if mode == Update {
			return nil
		}
		text = fmt.Sprintf("SELECT 1 FROM %s WHERE %s", table, where)
	}
	w.unmet = 0
	for r := range rows.Len() {
		args := w.s.args[r*rows.Width : (r+1)*rows.Width]
		stmt, err := w.s.statement(ctx, text)
		if err != nil {
			return err
		}
		res, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); mode == Merge && (n == 0 || set == "") {
			if stmt, err = w.s.statement(ctx, w.insert(Upsert, 1)); err != nil {
				return err
			}
			if res, err = stmt.ExecContext(ctx, args...); err != nil {
				return err
			}
			inserted, _ := res.RowsAffected()
			w.unmet += int(inserted)
		}
	}
	return nil
}
