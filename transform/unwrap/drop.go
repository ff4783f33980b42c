package unwrap

import (
	"slices"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/transform"
)

// dropper leaves out the fields that a header lists. compatible: the optional ones alone.
type dropper struct {
	compatible bool
	plans      map[dropKey]*dropPlan
}

type dropKey struct {
	schema *schema.Schema
	names  string
}

type dropPlan struct {
	schema *schema.Schema
	keep   []int
}

// maxDrops bounds the plans, as lists of names may be many.
const maxDrops = 256

func (d *dropper) apply(s *schema.Schema, v record.Value, names []string) (*schema.Schema, record.Value) {
	if s == nil && v.Kind() == record.KindMap {
		return nil, dropEntries(v, names)
	}
	if s == nil || s.Type() != schema.Struct || v.Kind() != record.KindStruct && !v.IsNull() {
		return s, v
	}
	p := d.plan(s, names)
	if p.schema == s || v.IsNull() {
		return p.schema, v
	}
	kept := make([]record.Value, len(p.keep))
	for i, from := range p.keep {
		kept[i] = v.Field(from)
	}
	return p.schema, record.Struct(kept)
}

func (d *dropper) plan(s *schema.Schema, names []string) *dropPlan {
	key := dropKey{s, strings.Join(names, "\x00")}
	if p := d.plans[key]; p != nil {
		return p
	}
	p := &dropPlan{schema: s}
	var fields []schema.Field
	for _, f := range s.Fields() {
		if slices.Contains(names, f.Name) && (!d.compatible || f.Schema.Optional()) {
			continue
		}
		p.keep = append(p.keep, f.Index)
		fields = append(fields, f)
	}
	if len(fields) < len(s.Fields()) {
		p.schema, _ = transform.Rebuilt(s, fields) // fewer fields are not twice
	}
	if d.plans == nil || len(d.plans) >= maxDrops {
		d.plans = map[dropKey]*dropPlan{}
	}
	d.plans[key] = p
	return p
}

func dropEntries(v record.Value, names []string) record.Value {
	kept := make([]record.Entry, 0, v.Len())
	for _, e := range v.Entries() {
		if e.Key.Kind() != record.KindString || !slices.Contains(names, e.Key.Str()) {
			kept = append(kept, e)
		}
	}
	return record.Map(kept)
}
