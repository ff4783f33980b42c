package sql

import (
	"unsafe"

	"leat/connector"
	"leat/record"
	"leat/sink/sql/dialect"
)

type action uint8

const (
	skip action = iota
	write
	remove
	rename // remove, where a create with another key follows
	truncate
)

// change is what one record asks for.
type change struct {
	action action
	fresh  bool // an insert or a snapshot's row: probably new
	plan   *plan
	target *target
	rec    *record.Record
	row    record.Value // struct with the row's values
	bad    error        // found while it was written

	otherKey []record.Value // of a rename: the new key
	why      string         // of a skip: the reason
}

func skipped(why string) change { return change{why: why} }

// Reasons why a record is left out on purpose.
const (
	leftDelete    = "a delete, and deletes are switched off"
	leftTruncate  = "a truncate, and truncates are switched off"
	leftTombstone = "a tombstone, which says nothing that the delete before it did not say"
	leftRowless   = "an event without a row"
)

// translate reads a record; an error is a BadRecord.
func (w *writer) translate(r *record.Record) (change, error) {
	s := w.settings
	if r.ValueSchema == nil && r.Value.IsNull() && (!s.deletes || s.pkMode != PKRecordKey) && s.envelopes {
		return skipped(leftTombstone), nil
	}
	if r.Value.IsNull() && !s.deletes && !s.envelopes {
		return change{}, connector.BadRecordf("the record's value is null, which stands for a delete, and %s is false", s.keys.deletes).
			WithHint("Set %s=true, or drop tombstones with a transform", s.keys.deletes)
	}
	if s.envelopes && r.ValueSchema != nil && r.Value.Kind() == record.KindStruct && isEnvelope(r.ValueSchema) {
		if env, ok := record.AsChange(r.ValueSchema, r.Value); ok && env.Op == record.OpTruncate {
			return w.truncation(r, env)
		}
	}
	p, err := w.planOf(r)
	if err != nil {
		return change{}, err
	}
	c := change{plan: p, rec: r, action: write, row: r.Value}
	var env record.Change
	switch {
	case r.Value.IsNull():
		if c.action = remove; !s.deletes || s.pkMode != PKRecordKey {
			return skipped(leftTombstone), nil
		}
	case p.envelope:
		env, _ = record.AsChange(r.ValueSchema, r.Value)
		if c.action, c.row = envelopeAction(s, env); c.action == skip {
			if env.Op == record.OpDelete {
				return skipped(leftDelete), nil
			}
			return skipped(leftRowless), nil
		}
		c.fresh = env.Op == record.OpCreate || env.Op == record.OpRead
	}
	if c.target = p.target; c.target == nil && r.Value.IsNull() {
		// A tombstone has no source block to name its table, and the delete before it did the work. Debezium's sink passes it over too.
		return skipped(leftTombstone), nil
	}
	if c.target == nil {
		c.target, err = w.targetBySource(r, env)
	}
	if c.action == remove {
		w.renamed(&c)
	}
	return c, err
}

func (w *writer) targetBySource(r *record.Record, env record.Change) (*target, error) {
	name, err := w.settings.tableName(r.Topic, sourceField(env))
	if err != nil {
		return nil, err
	}
	return w.targetOf(name), nil
}

// allRowsOf is the plan of a truncate, which has no key and no columns.
var allRowsOf = &plan{}

func (w *writer) truncation(r *record.Record, env record.Change) (change, error) {
	if !w.settings.truncate {
		return skipped(leftTruncate), nil
	}
	t, err := w.targetBySource(r, env)
	return change{action: truncate, plan: allRowsOf, target: t, rec: r}, err
}

func envelopeAction(s *settings, env record.Change) (action, record.Value) {
	switch env.Op {
	case record.OpDelete:
		if s.deletes {
			return remove, env.Before
		}
		return skip, record.Null
	case record.OpCreate, record.OpUpdate, record.OpRead:
		if env.After.Kind() == record.KindStruct {
			return write, env.After
		}
	}
	return skip, record.Null
}

// state is the last state of a row within a batch.
type state struct {
	plan    *plan
	target  *target
	row     []record.Value
	change  int  // the record that gave it
	removed bool // it is not there any more
	fresh   bool
	before  *deletion // that came before this row
}

// deletion is a delete after which the row was written again.
type deletion struct {
	plan   *plan
	row    []record.Value
	change int
}

// group is rows of one shape, written by one statement.
type group struct {
	target *target
	plan   *plan
	mode   dialect.Mode
	cols   []int // of plan.columns
	rows   dialect.Rows
	from   []int // by row, the change that it came from
}

// coalescer brings a run of changes down to the last state of each row.
type coalescer struct {
	settings *settings
	states   []state
	byKey    map[*target]map[string]int
	moves    []move
	moved    map[*target]map[string]string // by key of a move, old or new, the move
	left     map[*target]map[string]move   // by old key, what was moved in this transaction and not written again since
	slab     []record.Value
	arena    []byte
	key      []byte
}

// reset forgets the changes. Invariant 8: the slab and what is beyond the end of a slice would keep the rows of earlier runs alive, and
// with them whole fetches of the log.
func (c *coalescer) reset() {
	clear(c.states)
	clear(c.moves)
	c.states, c.byKey = c.states[:0], map[*target]map[string]int{}
	c.moves, c.moved = c.moves[:0], map[*target]map[string]string{}
	c.slab = nil
}

// alloc gives n places of a slab.
func (c *coalescer) alloc(n int) []record.Value {
	if len(c.slab) < n {
		c.slab = make([]record.Value, max(n, 4096))
	}
	out := c.slab[:n:n]
	c.slab = c.slab[n:]
	return out
}

// intern keeps a key as a string without an allocation of its own.
func (c *coalescer) intern(b []byte) string {
	if cap(c.arena)-len(c.arena) < len(b) {
		c.arena = make([]byte, 0, max(len(b), 32<<10))
	}
	start := len(c.arena)
	c.arena = append(c.arena, b...)
	kept := c.arena[start:]
	return unsafe.String(unsafe.SliceData(kept), len(kept))
}

// add takes the next change; full tells that it must begin a new run, and was not taken.
func (c *coalescer) add(i int, ch *change) (full bool, err error) {
	if ch.action == rename {
		return c.addMove(i, ch)
	}
	row := c.alloc(len(ch.plan.columns))
	if err := c.settings.fill(row, ch.plan, ch.rec, ch.row, ch.action == remove); err != nil {
		return false, err
	}
	st := state{plan: ch.plan, target: ch.target, row: row, change: i, removed: ch.action == remove, fresh: ch.fresh}
	if ch.plan.keyCount == 0 {
		c.states = append(c.states, st)
		return false, nil
	}
	if c.key, err = appendKey(c.key[:0], row[:ch.plan.keyCount]); err != nil {
		return false, err
	}
	if left := c.left[ch.target]; left != nil {
		delete(left, string(c.key))
	}
	known := c.byKey[ch.target]
	if known == nil {
		known = map[string]int{}
		c.byKey[ch.target] = known
	}
	at, seen := known[string(c.key)]
	if !seen {
		known[c.intern(c.key)] = len(c.states)
		c.states = append(c.states, st)
		return false, nil
	}
	return c.follow(known, at, st), nil
}

// follow lets a later change of a row take the place of the earlier one.
func (c *coalescer) follow(known map[string]int, at int, st state) (full bool) {
	last := &c.states[at]
	st.before = last.before
	switch {
	case st.removed && last.removed:
		return false
	case st.removed:
		st.before = nil
	case last.removed:
		st.before, st.fresh = &deletion{last.plan, last.row, last.change}, false
	case last.plan != st.plan:
		return true // another shape: what went before is written first
	case c.settings.insert == InsertModeInsert:
		// Two inserts of one key: the second is a violation, and the target shall say so.
		known[c.intern(c.key)] = len(c.states)
		c.states = append(c.states, state{plan: st.plan, target: st.target, row: st.row, change: st.change})
		return false
	default:
		for i, v := range st.row {
			if v.IsUnchanged() {
				st.row[i] = last.row[i]
			}
		}
		st.fresh = last.fresh
	}
	c.states[at] = st
	return false
}

// groups gives what is to be written, in order: deletes by table, then rows by table, each in the order of the log.
func (c *coalescer) groups() []*group {
	var out []*group
	index := map[groupKey]*group{}
	put := func(i int, k groupKey, cols func() []int, values []record.Value, from int) {
		g := index[k]
		if g == nil {
			g = &group{target: k.target, plan: k.plan, mode: k.mode, cols: cols()}
			g.rows.Width = len(g.cols)
			g.rows.Values = make([]record.Value, 0, g.rows.Width*(len(c.states)-i))
			g.from = make([]int, 0, len(c.states)-i)
			index[k] = g
			out = append(out, g)
		}
		for _, c := range g.cols {
			g.rows.Values = append(g.rows.Values, values[c])
		}
		g.from = append(g.from, from)
	}
	for i := range c.states {
		st := &c.states[i]
		d := st.before
		if st.removed {
			d = &deletion{st.plan, st.row, st.change}
		}
		if d != nil {
			put(i, groupKey{st.target, d.plan, dialect.Delete, ""}, func() []int { return upTo(d.plan.keyCount) }, d.row, d.change)
		}
	}
	for i := range c.states {
		st := &c.states[i]
		if st.removed {
			continue
		}
		k := groupKey{st.target, st.plan, c.mode(st), ""}
		absent := absentColumns(st.row)
		if absent != "" {
			k.absent = absent
			if k.mode == dialect.Upsert || k.mode == dialect.AppendFresh {
				k.mode = dialect.Merge
			}
		}
		put(i, k, func() []int { return present(st) }, st.row, st.change)
	}
	return out
}

type groupKey struct {
	target *target
	plan   *plan
	mode   dialect.Mode
	absent string
}

func (c *coalescer) mode(st *state) dialect.Mode {
	switch c.settings.insert {
	case InsertModeInsert:
		return dialect.Insert
	case InsertModeUpdate:
		return dialect.Update
	}
	if st.fresh {
		return dialect.AppendFresh
	}
	return dialect.Upsert
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// present are the columns that were sent and can be written.
func present(st *state) []int {
	out := make([]int, 0, len(st.row))
	for i, v := range st.row {
		if !v.IsUnchanged() && !st.target.computed[st.plan.columns[i].Name] {
			out = append(out, i)
		}
	}
	return out
}

// absentColumns tells which columns were not sent, as a key: "" for none.
func absentColumns(row []record.Value) string {
	var mask []byte
	for i, v := range row {
		if v.IsUnchanged() {
			if mask == nil {
				mask = make([]byte, len(row))
			}
			mask[i] = 1
		}
	}
	return string(mask)
}
