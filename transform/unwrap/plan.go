package unwrap

import (
	"fmt"
	"slices"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/transform"
)

// plan is how the envelopes of one schema are unwrapped; nil for a schema that is no envelope.
type plan struct {
	after, before       int // indexes, -1 when absent
	afterRow, beforeRow rowPlan
	headers             []headerPlan
}

type headerPlan struct {
	place
	name string
}

// rowPlan is how a row becomes the value.
type rowPlan struct {
	from, schema *schema.Schema
	added        []place
	deleted      bool // __deleted comes after the row's own fields
	routeBy      int
	defaults     []fieldValue // what null becomes, where the row is rewritten
	placeholders []fieldValue // what stands for a column that was not sent
}

type fieldValue struct {
	index int
	value record.Value
}

// plan works out what becomes of the envelopes of s.
func (t *Transform) plan(s *schema.Schema) (*plan, error) {
	if s.Type() != schema.Struct || !strings.HasSuffix(s.Name(), ".Envelope") {
		return nil, nil
	}
	p := &plan{after: -1, before: -1}
	for name, at := range map[string]struct {
		index *int
		row   *rowPlan
	}{"after": {&p.after, &p.afterRow}, "before": {&p.before, &p.beforeRow}} {
		f := s.Field(name)
		if f == nil {
			continue
		}
		*at.index = f.Index
		row, err := t.planRow(s, f.Schema)
		if err != nil {
			return nil, err
		}
		*at.row = row
	}
	if p.after < 0 {
		return nil, fmt.Errorf("the envelope %s has no field after", s.Name())
	}
	if p.before >= 0 && p.beforeRow.from == p.afterRow.from {
		p.beforeRow = p.afterRow // one schema for both, so that sinks see one
	}
	for _, ref := range t.headers {
		if at, ok := ref.find(s); ok {
			p.headers = append(p.headers, headerPlan{at, ref.name})
		}
	}
	return p, nil
}

func (p *plan) part(envelope record.Value, index int) record.Value {
	if index < 0 {
		return record.Null
	}
	return envelope.Field(index)
}

func (t *Transform) planRow(envelope, row *schema.Schema) (rowPlan, error) {
	p := rowPlan{from: row, schema: row, routeBy: -1}
	if row.Type() != schema.Struct {
		return p, nil // MongoDB: the document as text
	}
	fields := slices.Clone(row.Fields())
	if t.rewrites() {
		p.deleted = true
		fields = append(fields, schema.F(deletedField, optionalString))
		if t.cfg.ReplaceNull {
			p.defaults = defaultsOf(row)
		}
	}
	for _, ref := range t.fields {
		if at, ok := ref.find(envelope); ok {
			p.added = append(p.added, at)
			fields = append(fields, schema.F(ref.name, at.schema))
		}
	}
	var err error
	if p.schema, err = transform.Rebuilt(row, fields); err != nil {
		return p, fmt.Errorf("add.fields: %w", err)
	}
	if f := row.Field(t.cfg.RouteByField); f != nil && f.Schema.Type() == schema.String {
		p.routeBy = f.Index
	}
	if t.cfg.ReadPlaceholder {
		p.placeholders = placeholdersOf(row, t.cfg.Placeholder)
	}
	return p, nil
}

func defaultsOf(row *schema.Schema) (defaults []fieldValue) {
	for _, f := range row.Fields() {
		if v, ok := record.DefaultOf(f.Schema); ok {
			defaults = append(defaults, fieldValue{f.Index, v})
		}
	}
	return defaults
}

func placeholdersOf(row *schema.Schema, text string) (placeholders []fieldValue) {
	for _, f := range row.Fields() {
		if v, ok := record.Unavailable(f.Schema, text); ok {
			placeholders = append(placeholders, fieldValue{f.Index, v})
		}
	}
	return placeholders
}

// build makes the value of a row. A row to which nothing is done keeps its memory.
func (p *rowPlan) build(envelope, row record.Value, deleted bool) record.Value {
	if row.Kind() != record.KindStruct {
		return row
	}
	n := row.Len()
	own := row.Elems()
	changed := len(p.schema.Fields()) > n
	if changed {
		own = append(make([]record.Value, 0, len(p.schema.Fields())), own...)
	}
	set := func(i int, v record.Value) {
		if !changed {
			own, changed = slices.Clone(own), true
		}
		own[i] = v
	}
	for _, d := range p.defaults {
		if own[d.index].IsNull() {
			set(d.index, d.value)
		}
	}
	for _, f := range p.placeholders {
		if is(own[f.index], f.value) {
			set(f.index, record.Unchanged)
		}
	}
	if p.deleted {
		own = append(own, deletedText[deleted])
	}
	for _, at := range p.added {
		own = append(own, at.value(envelope))
	}
	if !changed {
		return row
	}
	return record.Struct(own)
}

var deletedText = map[bool]record.Value{true: record.String("true"), false: record.String("false")}

// is compares with a placeholder: by length first, since few values are as long.
func is(v, placeholder record.Value) bool {
	if v.Kind() != placeholder.Kind() {
		return false
	}
	if v.Kind() == record.KindString || v.Kind() == record.KindBytes {
		return v.Len() == placeholder.Len() && string(v.Bytes()) == string(placeholder.Bytes())
	}
	if v.Kind() != record.KindDecimal && v.Len() != placeholder.Len() {
		return false
	}
	if v.Kind() == record.KindDecimal {
		if _, _, short := v.DecimalInt64(); short {
			return false
		}
	}
	return record.Equal(v, placeholder)
}
