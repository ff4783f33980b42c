package sql

import (
	"context"
	"encoding/base64"
	"math"
	"slices"

	"leat/record"
	"leat/schema"
	"leat/sink/sql/dialect"
)

// Debezium tells a changed key as a delete with the new key in a header, and a create with the old one. The create lacks the columns
// that the database did not send, so a plain delete would lose them: such a delete renames the row. When the create is in sight and
// whole, the plain way is taken, which writes many rows at once.

// The headers of a changed key.
const (
	newKeyHeader = "__debezium.newkey"
	oldKeyHeader = "__debezium.oldkey"
)

// inSight is how far a create is looked for: it follows its delete and tombstone, unless the key's partition is another.
const inSight = 8

// renamed turns a delete that is half of a changed key into a rename.
func (w *writer) renamed(c *change) {
	s := w.settings
	if s.insert != InsertModeUpsert || s.pkMode != PKRecordKey && s.pkMode != PKRecordValue {
		return
	}
	h := header(c.rec, newKeyHeader)
	if h == nil {
		return
	}
	if key, ok := keyOfHeader(c.plan, h.Value, h.Schema); ok {
		c.action, c.otherKey = rename, key
		return
	}
	if !c.plan.warned {
		c.plan.warned = true
		w.log.Warn("the header of a changed key does not tell the primary key: the row is deleted under its old key, and columns that the source database does not send again are lost",
			"topic", c.rec.Topic, "header", newKeyHeader)
	}
}

func header(r *record.Record, name string) *record.Header {
	for i := range r.Headers {
		if r.Headers[i].Key == name {
			return &r.Headers[i]
		}
	}
	return nil
}

// keyOfHeader reads a key in the forms that header converters give it: a struct, a map, or the text of one.
func keyOfHeader(p *plan, v record.Value, sch *schema.Schema) ([]record.Value, bool) {
	if v.Kind() == record.KindString {
		text := v.Str()
		if v.UnmarshalJSON([]byte(text)) != nil {
			_, v = record.Infer(text)
		}
	}
	var field func(name string) (record.Value, bool)
	var only record.Value
	switch {
	case v.Kind() == record.KindStruct && sch != nil:
		if v.Len() == 1 {
			only = v.Field(0)
		}
		field = func(name string) (record.Value, bool) {
			f := sch.Field(name)
			if f == nil {
				return record.Null, false
			}
			return v.Field(f.Index), true
		}
	case v.Kind() == record.KindMap:
		if v.Len() == 1 {
			only = v.Entries()[0].Value
		}
		field = v.Lookup
	default:
		return nil, false
	}
	key := make([]record.Value, p.keyCount)
	for i := range key {
		c := &p.columns[i]
		value, ok := field(c.header)
		if !ok && p.keyCount == 1 && c.origin != fromRow { // the key's field was renamed or extracted on the way
			value = only
		}
		if key[i], ok = asSchema(c.Schema, value); !ok {
			return nil, false
		}
	}
	return key, len(key) > 0
}

// maxExactFloat is up to where a float64 holds every integer.
const maxExactFloat = 1 << 53

// asSchema gives a value that may have been text as the schema says; false when that is not certain.
func asSchema(s *schema.Schema, v record.Value) (record.Value, bool) {
	kind := v.Kind()
	switch s.Type() {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		if kind == record.KindFloat && v.Float() == math.Trunc(v.Float()) && math.Abs(v.Float()) < maxExactFloat {
			return record.Int(int64(v.Float())), true
		}
		return v, kind == record.KindInt
	case schema.Float32, schema.Float64:
		if kind == record.KindInt && v.Int() > -maxExactFloat && v.Int() < maxExactFloat {
			return record.Float(float64(v.Int())), true
		}
		return v, kind == record.KindFloat
	case schema.Boolean:
		return v, kind == record.KindBool
	case schema.String:
		return v, kind == record.KindString
	case schema.Bytes:
		if kind == record.KindString && s.Name() == "" {
			b, err := base64.StdEncoding.DecodeString(v.Str())
			return record.Bytes(b), err == nil
		}
		return v, kind == record.KindBytes || kind == record.KindDecimal
	}
	return record.Null, false
}

// decide gives a rename, or the delete that it may be.
func (w *writer) decide(changes []change, i int) (change, error) {
	c := changes[i]
	for _, col := range c.plan.columns[:c.plan.keyCount] {
		if info := c.target.table.Column(col.Name); info == nil || info.Generated || info.Identity {
			c.action = remove // such a column can not be given another value
			return c, nil
		}
	}
	want, err := appendKey(nil, c.otherKey)
	if err != nil {
		return c, err
	}
	for j := i + 1; j < min(i+1+inSight, len(changes)); j++ {
		next := &changes[j]
		if next.action != write || next.bad != nil || next.target != c.target || next.plan.keyCount != c.plan.keyCount {
			continue
		}
		row := w.co.alloc(len(next.plan.columns))
		if w.settings.fill(row, next.plan, next.rec, next.row, false) != nil {
			continue
		}
		if key, err := appendKey(nil, row[:next.plan.keyCount]); err != nil || string(key) != string(want) {
			continue
		}
		if absentColumns(row) == "" {
			c.action = remove
		}
		break
	}
	return c, nil
}

// move is a row that gets another key, before everything else of its run.
type move struct {
	plan   *plan
	target *target
	keys   []record.Value // the old one, then the new one
	change int
}

// addMove takes a rename; full tells that one of its keys is in the run already.
func (c *coalescer) addMove(i int, ch *change) (full bool, err error) {
	n := ch.plan.keyCount
	row := c.alloc(len(ch.plan.columns))
	if err := c.settings.fill(row, ch.plan, ch.rec, ch.row, true); err != nil {
		return false, err
	}
	from, err := appendKey(nil, row[:n])
	if err != nil {
		return false, err
	}
	to, err := appendKey(nil, ch.otherKey)
	if err != nil {
		return false, err
	}
	if string(from) == string(to) {
		return false, nil // the key of the table is not what changed: the create updates the row
	}
	known, moved := c.byKey[ch.target], c.moved[ch.target]
	_, oldKnown := known[string(from)]
	_, newKnown := known[string(to)]
	way := string(from) + "\x00" + string(to)
	if !oldKnown && !newKnown && moved[string(from)] == way {
		return false, nil // the tombstone that follows the delete
	}
	if oldKnown || newKnown || moved[string(from)] != "" || moved[string(to)] != "" {
		return true, nil
	}
	if moved == nil {
		moved = map[string]string{}
		c.moved[ch.target] = moved
	}
	moved[string(from)], moved[string(to)] = way, way
	m := move{ch.plan, ch.target, append(row[:n:n], ch.otherKey...), i}
	c.moves = append(c.moves, m)
	if c.left[ch.target] == nil {
		c.left[ch.target] = map[string]move{}
	}
	delete(c.left[ch.target], string(to))
	c.left[ch.target][string(from)] = m
	return false, nil
}

// writeLeft deletes, at the end of a transaction, the rows that could not be renamed since their new key was there. That is so when
// changes come again: a row that took the old key since must stay, as a change further on tells.
func (w *writer) writeLeft(ctx context.Context) error {
	var moves []move
	for _, left := range w.co.left {
		for _, m := range left {
			moves = append(moves, m)
		}
	}
	slices.SortFunc(moves, func(a, b move) int { return a.change - b.change })
	return w.writeMoves(ctx, dialect.DeleteRenamed, moves)
}

// writeMoves writes renames, of which no two share a key.
func (w *writer) writeMoves(ctx context.Context, mode dialect.Mode, moves []move) error {
	index := map[*plan]*group{}
	var out []*group
	for _, m := range moves {
		g := index[m.plan]
		if g == nil || g.target != m.target {
			n := m.plan.keyCount
			g = &group{target: m.target, plan: m.plan, mode: mode, cols: append(upTo(n), upTo(n)...)}
			g.rows.Width = 2 * n
			index[m.plan], out = g, append(out, g)
		}
		g.rows.Values = append(g.rows.Values, m.keys...)
		g.from = append(g.from, m.change)
	}
	for _, g := range out {
		if err := w.writeGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}
