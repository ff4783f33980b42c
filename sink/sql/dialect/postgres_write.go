package dialect

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// pgWriter writes rows by one statement that unnests one array per column; see BenchmarkPostgresUpsert for the ways that were
// measured. Rows that are probably new go by COPY straight into the table, inside a savepoint, for as long as that works out.
type pgWriter struct {
	s      *pgSession
	t      *Table
	fields []Field
	cols   []*ColumnInfo
	wires  []wire
	sql    [AppendFresh]string
	bufs   [][]byte
	copied []byte // rows in COPY's form
	direct bool   // every column can be copied as it is
	skip   int    // how many batches not to try COPY on, after it met rows that were there
	misses int
}

func (s *pgSession) Compile(t *Table, fields []Field) (Writer, error) {
	w := &pgWriter{s: s, t: t, fields: fields, bufs: make([][]byte, len(fields)), direct: t.Kind != View}
	for _, f := range fields {
		c := t.Column(f.Name)
		if c == nil {
			return nil, fmt.Errorf("table %s has no column %s", t.Name, f.Name)
		}
		wire, err := s.dialect.enc.wireFor(c, f.Schema)
		if err != nil {
			return nil, err
		}
		w.direct = w.direct && wire.cast == ""
		w.cols, w.wires = append(w.cols, c), append(w.wires, wire)
	}
	return w, nil
}

func (w *pgWriter) Write(ctx context.Context, mode Mode, rows Rows) error {
	if mode == AppendFresh {
		if w.direct && w.skip == 0 {
			done, err := w.copyFresh(ctx, rows)
			if done || err != nil {
				return err
			}
		}
		w.skip = max(w.skip-1, 0)
		mode = Upsert
	}
	if err := w.encodeColumns(rows); err != nil {
		return err
	}
	if w.sql[mode] == "" {
		w.sql[mode] = w.build(mode)
	}
	return w.run(ctx, w.sql[mode])
}

func (w *pgWriter) run(ctx context.Context, sql string) error {
	name, err := w.s.statement(ctx, sql)
	if err != nil {
		return err
	}
	formats := make([]int16, len(w.bufs))
	for i := range formats {
		formats[i] = 1
	}
	_, err = w.s.conn.PgConn().ExecPrepared(ctx, name, w.bufs, formats, nil).Close()
	return err
}

// encodeColumns fills one binary array per column.
func (w *pgWriter) encodeColumns(rows Rows) error {
	var bad RowErrors
	n := rows.Len()
	for c := range w.fields {
		wire := &w.wires[c]
		buf := arrayHeader(w.bufs[c][:0], wire.elem, n)
		for at := c; at < len(rows.Values); at += rows.Width {
			v := rows.Values[at]
			if v.IsNull() {
				buf = append(buf, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			start := len(buf)
			out, err := wire.encode(append(buf, 0, 0, 0, 0), v)
			if err != nil {
				bad = append(bad, RowError{at / rows.Width, w.columnError(c, err)})
				buf = append(buf[:start], 0xff, 0xff, 0xff, 0xff)
				continue
			}
			buf = out
			binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
		}
		w.bufs[c] = buf
	}
	if bad != nil {
		return bad
	}
	return nil
}

func (w *pgWriter) columnError(c int, err error) error {
	return fmt.Errorf("table %s, column %s of type %s, value of %s: %w", w.t.Name, w.cols[c].Name, w.cols[c].Type, w.fields[c].Schema, err)
}

// arrayHeader starts a one-dimensional array, which may hold nulls.
func arrayHeader(dst []byte, elem uint32, n int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 1)
	dst = binary.BigEndian.AppendUint32(dst, 1)
	dst = binary.BigEndian.AppendUint32(dst, elem)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	return binary.BigEndian.AppendUint32(dst, 1)
}

var copySignature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// copyFresh copies rows into the table; done is false, and nothing was written, when one of them is there already.
func (w *pgWriter) copyFresh(ctx context.Context, rows Rows) (done bool, err error) {
	if err := w.encodeCopy(rows); err != nil {
		return false, err
	}
	if err := w.s.exec(ctx, "SAVEPOINT leat_copy"); err != nil {
		return false, err
	}
	sql := "COPY " + w.t.Name.quoted() + " (" + quoteAll(w.names(false), "") + ") FROM STDIN (FORMAT binary)"
	_, err = w.s.conn.PgConn().CopyFrom(ctx, bytes.NewReader(w.copied), sql)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		w.misses = min(w.misses+1, 10)
		w.skip = 1 << w.misses
		return false, w.s.exec(ctx, "ROLLBACK TO SAVEPOINT leat_copy; RELEASE SAVEPOINT leat_copy")
	}
	if err != nil {
		return false, err
	}
	w.misses = 0
	return true, w.s.exec(ctx, "RELEASE SAVEPOINT leat_copy")
}

func (w *pgWriter) encodeCopy(rows Rows) error {
	var bad RowErrors
	buf := append(w.copied[:0], copySignature...)
	for r := range rows.Len() {
		buf = binary.BigEndian.AppendUint16(buf, uint16(rows.Width))
		for c, v := range rows.Row(r) {
			if v.IsNull() {
				buf = append(buf, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			start := len(buf)
			out, err := w.wires[c].encode(append(buf, 0, 0, 0, 0), v)
			if err != nil {
				bad = append(bad, RowError{r, w.columnError(c, err)})
				break
			}
			buf = out
			binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
		}
	}
	w.copied = append(buf, 0xff, 0xff)
	if bad != nil {
		return bad
	}
	return nil
}

// names gives the columns, or those of the key only.
func (w *pgWriter) names(keyOnly bool) []string {
	var out []string
	for i, f := range w.fields {
		if f.Key || !keyOnly {
			out = append(out, w.cols[i].Name)
		}
	}
	return out
}

// source is the unnested rows, as u(c0, c1, …).
func (w *pgWriter) source() string {
	args, names := make([]string, len(w.wires)), make([]string, len(w.wires))
	for i, wire := range w.wires {
		args[i] = fmt.Sprintf("$%d::%s", i+1, wire.array)
		names[i] = fmt.Sprintf("c%d", i)
	}
	return fmt.Sprintf("unnest(%s) AS u(%s)", strings.Join(args, ","), strings.Join(names, ","))
}

// value is column i of a row of u as the table's type.
func (w *pgWriter) value(i int) string {
	if cast := w.wires[i].cast; cast != "" {
		return fmt.Sprintf("u.c%d::%s", i, cast)
	}
	return fmt.Sprintf("u.c%d", i)
}

func (w *pgWriter) values() string {
	out := make([]string, len(w.wires))
	for i := range out {
		out[i] = w.value(i)
	}
	return strings.Join(out, ", ")
}

// matches compares the key's columns of t with a row of u.
func (w *pgWriter) matches() string {
	var out []string
	for i, f := range w.fields {
		if !f.Key {
			continue
		}
		v := w.value(i)
		if w.cols[i].pg.base == "bpchar" {
			v += "::bpchar"
		}
		out = append(out, "t."+quote(w.cols[i].Name)+" = "+v)
	}
	return strings.Join(out, " AND ")
}

func (w *pgWriter) setList(value func(int) string) string {
	var out []string
	for i, f := range w.fields {
		if !f.Key {
			out = append(out, quote(w.cols[i].Name)+" = "+value(i))
		}
	}
	return strings.Join(out, ", ")
}

func (w *pgWriter) build(mode Mode) string {
	table := w.t.Name.quoted()
	overriding := ""
	for _, c := range w.cols {
		if c.Identity {
			overriding = " OVERRIDING SYSTEM VALUE"
		}
	}
	insert := fmt.Sprintf("INSERT INTO %s AS t (%s)%s SELECT %s FROM %s", table, quoteAll(w.names(false), ""), overriding, w.values(), w.source())
	conflict := " ON CONFLICT (" + quoteAll(w.names(true), "") + ") DO NOTHING"
	set := w.setList(func(i int) string { return "EXCLUDED." + quote(w.cols[i].Name) })
	if set != "" {
		conflict = " ON CONFLICT (" + quoteAll(w.names(true), "") + ") DO UPDATE SET " + set
	}
	switch mode {
	case Insert:
		return insert
	case Upsert:
		return insert + conflict
	case Delete:
		return fmt.Sprintf("DELETE FROM %s t USING %s WHERE %s", table, w.source(), w.matches())
	}
	if set == "" { // nothing but the key: nothing to update
		if mode == Update {
			return "SELECT 1 FROM " + w.source() + " WHERE false"
		}
		return insert + conflict
	}
	update := fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE %s", table, w.setList(w.value), w.source(), w.matches())
	if mode == Update {
		return update
	}
	// Merge. A column that is not told must not be demanded of a row that is there: update first, insert what was not met.
	return fmt.Sprintf("WITH up AS (%s RETURNING %s) %s WHERE NOT EXISTS (SELECT FROM up t WHERE %s)%s",
		update, quoteAll(w.names(true), "t."), insert, w.matches(), conflict)
}
