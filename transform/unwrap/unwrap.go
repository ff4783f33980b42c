// Package unwrap is Debezium's ExtractNewRecordState: the row of a change, out of its envelope.
//
// It does what Debezium 3.6 does with every option, and two things more: an envelope without a schema is unwrapped too, and
// the placeholder of a column that the database did not send becomes record.Unchanged, so that a sink leaves the column alone
// (unavailable.value.read=false switches that off). The options of before 3.2 are translated by Prepare.
//
// What is no envelope passes as it is; truncates are dropped, as by Debezium.
package unwrap

import (
	"fmt"
	"slices"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/transform"
)

const deletedField = "__deleted"

var optionalString = schema.New(schema.String, schema.Optional())

// Transform is ExtractNewRecordState.
type Transform struct {
	cfg     Config
	fields  []reference
	headers []reference
	plans   transform.Plans[*plan]
	drops   dropper
}

// New makes the transform.
func New(cfg Config) (*Transform, error) {
	t := &Transform{cfg: cfg, drops: dropper{compatible: cfg.DropCompatible}}
	var err error
	if t.fields, err = parseReferences(cfg.AddFieldsPrefix, cfg.AddFields); err != nil {
		return nil, fmt.Errorf("add.fields: %w", err)
	}
	if t.headers, err = parseReferences(cfg.AddHeadersPrefix, cfg.AddHeaders); err != nil {
		return nil, fmt.Errorf("add.headers: %w", err)
	}
	return t, nil
}

func (t *Transform) rewrites() bool {
	return t.cfg.Mode == Rewrite || t.cfg.Mode == RewriteWithTombstone
}

// Apply implements transform.Transform.
func (t *Transform) Apply(r *record.Record) (keep bool, err error) {
	if r.Value.IsNull() {
		return t.tombstone(r), nil
	}
	if r.ValueSchema == nil {
		return t.applySchemaless(r)
	}
	p, err := t.plans.Of(r.ValueSchema, t.plan)
	if err != nil || p == nil {
		return err == nil, err
	}
	return t.applyPlan(r, p)
}

// tombstone marks the tombstone after a delete as such, and tells whether it passes.
func (t *Transform) tombstone(r *record.Record) bool {
	if t.cfg.Mode != RewriteWithTombstone {
		return false
	}
	for _, ref := range t.headers {
		if ref.field == "op" {
			addHeader(r, ref.name, schema.New(schema.String), record.String("d"))
		}
	}
	return true
}

func addHeader(r *record.Record, key string, s *schema.Schema, v record.Value) {
	r.Headers = append(slices.Clip(r.Headers), record.Header{Key: key, Schema: s, Value: v})
}

func (t *Transform) applyPlan(r *record.Record, p *plan) (keep bool, err error) {
	envelope := r.Value
	if envelope.Kind() != record.KindStruct {
		return false, fmt.Errorf("a %s where an envelope should be", envelope.Kind())
	}
	after, before := p.part(envelope, p.after), p.part(envelope, p.before)
	if after.IsNull() && before.IsNull() {
		return false, nil // a truncate
	}
	for _, h := range p.headers {
		addHeader(r, h.name, h.schema, h.value(envelope))
	}
	row, s := &p.afterRow, after
	if after.IsNull() {
		row, s = &p.beforeRow, before
	}
	if err := t.route(r, row, s); err != nil {
		return false, err
	}
	if after.IsNull() && !t.rewrites() {
		if !t.bareDelete(r, p) {
			return false, nil
		}
		return true, t.dropFields(r) // from the key, so that it is that of the other records
	}
	r.ValueSchema, r.Value = row.schema, row.build(envelope, s, after.IsNull())
	return true, t.dropFields(r)
}

// bareDelete is what a delete becomes when its row is not wanted.
func (t *Transform) bareDelete(r *record.Record, p *plan) bool {
	r.Value = record.Null
	switch t.cfg.Mode {
	case Drop:
		return false
	case DeleteToTombstone:
		r.ValueSchema = nil
	default:
		r.ValueSchema = p.afterRow.from
	}
	return true
}

// route replaces the topic by a column's text. A column that is null or blank leaves it.
func (t *Transform) route(r *record.Record, row *rowPlan, v record.Value) error {
	if t.cfg.RouteByField == "" {
		return nil
	}
	if row.routeBy < 0 {
		return fmt.Errorf("route.by.field: the row has no field %s of type string", t.cfg.RouteByField)
	}
	return setTopic(r, v.Field(row.routeBy))
}

func setTopic(r *record.Record, v record.Value) error {
	switch {
	case v.IsNull():
	case v.Kind() != record.KindString:
		return fmt.Errorf("route.by.field: a %s is no topic", v.Kind())
	case strings.TrimSpace(v.Str()) != "":
		r.Topic = strings.Clone(v.Str())
	}
	return nil
}

func (t *Transform) dropFields(r *record.Record) error {
	if t.cfg.DropHeader == "" {
		return nil
	}
	names, err := namesIn(r.Headers, t.cfg.DropHeader)
	if err != nil || len(names) == 0 {
		return err
	}
	if t.cfg.DropFromKey && !r.Key.IsNull() {
		r.KeySchema, r.Key = t.drops.apply(r.KeySchema, r.Key, names)
	}
	r.ValueSchema, r.Value = t.drops.apply(r.ValueSchema, r.Value, names)
	return nil
}

// namesIn gives the field names that a header lists.
func namesIn(headers []record.Header, key string) ([]string, error) {
	for _, h := range headers {
		if h.Key != key {
			continue
		}
		if h.Value.IsNull() {
			return nil, nil
		}
		if h.Value.Kind() != record.KindArray {
			return nil, fmt.Errorf("header %s must be a list of field names, not a %s", key, h.Value.Kind())
		}
		names := make([]string, 0, h.Value.Len())
		for _, e := range h.Value.Elems() {
			if e.Kind() != record.KindString {
				return nil, fmt.Errorf("header %s must be a list of field names; it has a %s in it", key, e.Kind())
			}
			names = append(names, e.Str())
		}
		return names, nil
	}
	return nil, nil
}
