package unwrap

import (
	"fmt"

	"leat/record"
)

// applySchemaless unwraps a map that has the shape of an envelope.
func (t *Transform) applySchemaless(r *record.Record) (keep bool, err error) {
	c, ok := envelopeOf(r.Value)
	if !ok {
		return true, nil
	}
	if c.After.IsNull() && c.Before.IsNull() {
		return false, nil // a truncate
	}
	envelope := r.Value
	for _, ref := range t.headers {
		if v, ok := ref.lookup(envelope); ok {
			addHeader(r, ref.name, nil, v)
		}
	}
	row, deleted := c.After, c.After.IsNull()
	if deleted {
		row = c.Before
	}
	if t.cfg.RouteByField != "" && row.Kind() == record.KindMap {
		name, ok := row.Lookup(t.cfg.RouteByField)
		if !ok {
			return false, fmt.Errorf("route.by.field: the row has no field %s", t.cfg.RouteByField)
		}
		if err := setTopic(r, name); err != nil {
			return false, err
		}
	}
	if deleted && !t.rewrites() {
		r.Value = record.Null
		if t.cfg.Mode == Drop {
			return false, nil
		}
		return true, t.dropFields(r)
	}
	r.Value = t.schemalessRow(envelope, row, deleted)
	return true, t.dropFields(r)
}

// envelopeOf asks for source beside op and after or before: without a name nothing else tells an envelope from a row.
func envelopeOf(v record.Value) (record.Change, bool) {
	if v.Kind() != record.KindMap {
		return record.Change{}, false
	}
	c, ok := record.AsChange(nil, v)
	return c, ok && c.Source.Kind() == record.KindMap && isRow(c.After) && isRow(c.Before)
}

func isRow(v record.Value) bool { return v.IsNull() || v.Kind() == record.KindMap }

func (t *Transform) schemalessRow(envelope, row record.Value, deleted bool) record.Value {
	entries := append(make([]record.Entry, 0, row.Len()+1+len(t.fields)), row.Entries()...)
	if t.cfg.ReadPlaceholder {
		for i, e := range entries {
			if record.IsUnavailable(nil, e.Value, t.cfg.Placeholder) {
				entries[i].Value = record.Unchanged
			}
		}
	}
	if t.rewrites() {
		entries = append(entries, record.Entry{Key: record.String(deletedField), Value: deletedText[deleted]})
	}
	for _, ref := range t.fields {
		if v, ok := ref.lookup(envelope); ok {
			entries = append(entries, record.Entry{Key: record.String(ref.name), Value: v})
		}
	}
	return record.Map(entries)
}
