package postgres

import (
	"errors"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
	"leat/source/postgres/pgoutput"
)

// row decodes a tuple. Of an old tuple, columns that are not told become what stands for them. toasted gives values for
// columns that were not sent: the old row's, where there is one.
func (t *table) row(s *capture.Slab, cols []pgoutput.Column, old bool, toasted []record.Value) ([]record.Value, error) {
	out := s.Values(t.fields)
	n := min(len(cols), len(t.columns))
	for i := range n {
		c := &t.columns[i]
		if c.decode == nil {
			continue
		}
		var v record.Value
		switch cols[i].Kind {
		case pgoutput.ColumnText:
			var err error
			if v, err = c.decode(s, cols[i].Data); err != nil {
				return nil, t.bad(c, err)
			}
			if c.mask != nil {
				v = c.mask(v)
			}
		case pgoutput.ColumnUnchanged:
			v = c.unchanged
			if toasted != nil && !toasted[c.field].IsNull() {
				v = toasted[c.field]
			}
		default:
			if old {
				v = c.missing
			}
			if c.mask != nil && !v.IsNull() {
				v = c.mask(v)
			}
		}
		out[c.field] = v
	}
	return out, nil
}

// bad names the column in an error.
func (t *table) bad(c *tableColumn, err error) error {
	var e *connector.Error
	hint := ""
	if errors.As(err, &e) {
		hint, err = e.Hint, e.Err
	}
	return connector.BadRecordf("table %s.%s, column %s: %w", t.schema, t.name, c.name, err).WithHint("%s", hint)
}

// keyOf makes the key of a row; null when the table has none.
func (t *table) keyOf(s *capture.Slab, row []record.Value) record.Value {
	if len(t.key) == 0 {
		return record.Null
	}
	key := s.Values(len(t.key))
	for i, f := range t.key {
		key[i] = row[f]
	}
	return record.Struct(key)
}

// sameKey compares the keys of two rows.
func (t *table) sameKey(a, b []record.Value) bool {
	for _, f := range t.key {
		if !record.Equal(a[f], b[f]) {
			return false
		}
	}
	return true
}

// record begins a record of the table.
func (t *table) record(key, value record.Value, headers []record.Header) record.Record {
	r := record.Record{
		Topic: t.Topic, Partition: record.AnyPartition, Timestamp: record.NoTimestamp,
		KeySchema: t.Key, Key: key, ValueSchema: t.Envelope, Value: value, Headers: headers,
	}
	if key.IsNull() {
		r.KeySchema = nil
	}
	return r
}
