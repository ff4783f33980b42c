package dialect

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// pgWriter writes rows by one statement that unnests one array per column. What an upsert costs depends on what it meets: COPY is
// the quickest for rows that are new, UPDATE for rows that are there, INSERT … ON CONFLICT for a mixture. The envelope's
// operation gives the first guess, what was met the next one; BenchmarkPostgresUpsert shows what each is worth.
type pgWriter struct {
	s      *pgSession
	t      *Table
	fields []Field
	cols   []*ColumnInfo
	wires  []wire
	sql    [statements]string
	direct bool // every column can be copied as it is
	guess  [2]guess
	unmet  int
}

func (w *pgWriter) Unmet() int { return w.unmet }

// Statements beside those of the modes.
const (
	insertUnmet = DeleteRenamed + 1 + iota // the rows that are not there
	statements
)

// guess is what the next rows are expected to be.
type guess struct {
	present bool // there already, else new
	wrong   int  // how often in a row the guess was
	mixed   int  // for how many batches not to guess
}

// fewRows is below what guessing is not worth its round trips.
const fewRows = 64

// miss notes that a guess was wrong, and so was the other one when that happens again.
func (g *guess) miss(present bool) {
	g.present = present
	if g.wrong = min(g.wrong+1, 7); g.wrong > 1 {
		g.mixed = 1 << g.wrong
	}
}

func (s *pgSession) Compile(t *Table, fields []Field) (Writer, error) {
	w := &pgWriter{s: s, t: t, fields: fields, direct: t.Kind != View}
	w.guess[0].present = true
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
	switch mode {
	case Upsert:
		return w.upsert(ctx, &w.guess[0], rows)
	case AppendFresh:
		return w.upsert(ctx, &w.guess[1], rows)
	}
	if err := w.encodeColumns(rows); err != nil {
		return err
	}
	if mode == Merge {
		_, err := w.updateFirst(ctx, rows.Len())
		return err
	}
	_, err := w.run(ctx, mode)
	return err
}

func (w *pgWriter) upsert(ctx context.Context, g *guess, rows Rows) error {
	n := rows.Len()
	if n >= fewRows && g.mixed == 0 && !g.present && w.direct {
		done, err := w.copyFresh(ctx, rows)
		if err != nil {
			return err
		}
		if done {
			g.wrong = 0
			return nil
		}
		g.miss(true)
	}
	if err := w.encodeColumns(rows); err != nil {
		return err
	}
	if n < fewRows || g.mixed > 0 || !g.present {
		if n >= fewRows {
			g.mixed = max(g.mixed-1, 0)
		}
		_, err := w.run(ctx, Upsert)
		return err
	}
	met, err := w.updateFirst(ctx, n)
	if err != nil {
		return err
	}
	switch {
	case met == 0:
		g.miss(false)
	case met < n/2:
		g.miss(true)
	default:
		g.wrong = 0
	}
	return nil
}

// updateFirst updates the rows that are there and inserts the others. A column that is not told is so not demanded of a row that is there.
func (w *pgWriter) updateFirst(ctx context.Context, n int) (met int, err error) {
	w.unmet = 0
	if met, err = w.run(ctx, Update); err != nil || met == n {
		return met, err
	}
	w.unmet, err = w.run(ctx, insertUnmet)
	return met, err
}

// run executes a statement over the encoded columns, and tells how many rows it touched.
func (w *pgWriter) run(ctx context.Context, mode Mode) (int, error) {
	if w.sql[mode] == "" {
		w.sql[mode] = w.build(mode)
	}
	name, err := w.s.statement(ctx, w.sql[mode])
	if err != nil {
		return 0, err
	}
	params := w.s.columns(len(w.fields))
	formats := make([]int16, len(params))
	for i := range formats {
		formats[i] = 1
	}
	tag, err := w.s.conn.PgConn().ExecPrepared(ctx, name, params, formats, nil).Close()
	return int(tag.RowsAffected()), err
}

// encodeColumns fills one binary array per column.
func (w *pgWriter) encodeColumns(rows Rows) error {
	var bad RowErrors
	n := rows.Len()
	bufs := w.s.columns(len(w.fields))
	for c := range w.fields {
		wire := &w.wires[c]
		buf := arrayHeader(bufs[c][:0], wire.elem, n)
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
		bufs[c] = buf
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
	if err := w.s.exec(ctx, "SAVEPOINT leat_copy"); err != nil {
		return false, err
	}
	sql := "COPY " + w.t.Name.quoted() + " (" + quoteAll(w.names(false), "") + ") FROM STDIN (FORMAT binary)"
	stream := &copyStream{w: w, rows: rows, buf: append(w.s.copied[:0], copySignature...)}
	_, err = w.s.conn.PgConn().CopyFrom(ctx, stream, sql)
	w.s.copied = stream.buf[:0]
	if stream.bad != nil {
		return false, stream.bad
	}
	if hasState(err, "23505") {
		return false, w.s.exec(ctx, "ROLLBACK TO SAVEPOINT leat_copy; RELEASE SAVEPOINT leat_copy")
	}
	if err != nil {
		return false, err
	}
	return true, w.s.exec(ctx, "RELEASE SAVEPOINT leat_copy")
}

// copyStream encodes rows in COPY's form while the server takes those before. A row that can not be encoded ends the COPY; the rows
// after it are looked at too, so that all bad ones are told at once.
type copyStream struct {
	w    *pgWriter
	rows Rows
	next int
	buf  []byte
	sent int // of buf
	over bool
	bad  RowErrors
}

const copyChunk = 64 << 10

func (s *copyStream) Read(p []byte) (int, error) {
	if s.sent == len(s.buf) {
		if s.over {
			return 0, io.EOF
		}
		s.buf, s.sent = s.buf[:0], 0
	}
	for !s.over && len(s.buf) < copyChunk {
		if s.next == s.rows.Len() {
			s.buf, s.over = append(s.buf, 0xff, 0xff), true
			break
		}
		if err := s.encode(); err != nil {
			s.bad = append(s.bad, *err)
			s.buf = s.buf[:0]
		}
	}
	if s.bad != nil {
		for ; s.next < s.rows.Len(); s.buf = s.buf[:0] {
			if err := s.encode(); err != nil {
				s.bad = append(s.bad, *err)
			}
		}
		return 0, s.bad
	}
	n := copy(p, s.buf[s.sent:])
	s.sent += n
	return n, nil
}

// encode appends the next row.
func (s *copyStream) encode() *RowError {
	r := s.next
	s.next++
	buf := binary.BigEndian.AppendUint16(s.buf, uint16(s.rows.Width))
	for c, v := range s.rows.Row(r) {
		if v.IsNull() {
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		start := len(buf)
		out, err := s.w.wires[c].encode(append(buf, 0, 0, 0, 0), v)
		if err != nil {
			return &RowError{r, s.w.columnError(c, err)}
		}
		buf = out
		binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	}
	s.buf = buf
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

// buildRename excepts rows that the database takes to have both keys, as a column without regard to case does.
func (w *pgWriter) buildRename(mode Mode) string {
	table, old := w.t.Name.quoted(), w.matches()
	if mode == DeleteRenamed {
		return fmt.Sprintf("DELETE FROM %s t USING %s WHERE %s AND NOT (%s)", table, w.source(), old, w.compare("t", false))
	}
	return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE %s AND NOT EXISTS (SELECT FROM %s x WHERE %s AND NOT (%s))",
		table, w.setList(w.value), w.source(), old, table, w.compare("x", false), w.compare("x", true))
}

// matches compares the key's columns of t with a row of u.
func (w *pgWriter) matches() string { return w.compare("t", true) }

// compare compares the columns of the key, or the others, of a table with a row of u.
func (w *pgWriter) compare(table string, key bool) string {
	var out []string
	for i, f := range w.fields {
		if f.Key != key {
			continue
		}
		v := w.value(i)
		if w.cols[i].pg.base == "bpchar" {
			v += "::bpchar"
		}
		out = append(out, table+"."+quote(w.cols[i].Name)+" = "+v)
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
	insert := fmt.Sprintf("INSERT INTO %s (%s)%s SELECT %s FROM %s", table, quoteAll(w.names(false), ""), overriding, w.values(), w.source())
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
	if mode == Update && set == "" { // nothing but the key: nothing to update
		return "SELECT 1 FROM " + w.source() + " WHERE false"
	}
	if mode == Rename || mode == DeleteRenamed {
		return w.buildRename(mode)
	}
	if mode == Update {
		return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE %s", table, w.setList(w.value), w.source(), w.matches())
	}
	return insert + " WHERE NOT EXISTS (SELECT FROM " + table + " t WHERE " + w.matches() + ")" + conflict // insertUnmet
}
