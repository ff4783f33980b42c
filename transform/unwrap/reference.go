package unwrap

import (
	"fmt"
	"strings"

	"leat/record"
	"leat/schema"
)

// reference is a field of the envelope that becomes a field of the row or a header.
type reference struct {
	block string // source, transaction …; "" for the envelope itself
	field string
	name  string // of what is made
}

func parseReferences(prefix string, texts []string) ([]reference, error) {
	refs := make([]reference, 0, len(texts))
	for _, text := range texts {
		r, err := parseReference(prefix, text)
		if err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// parseReference reads name, block.name or either with :newname.
func parseReference(prefix, text string) (reference, error) {
	path, newName, renamed := strings.Cut(strings.TrimSpace(text), ":")
	block, field, qualified := strings.Cut(path, ".")
	if path == "" || strings.Contains(newName, ":") || qualified && (block == "" || field == "") {
		return reference{}, fmt.Errorf("%q is not name, struct.name or name:newname", text)
	}
	r := reference{block: block, field: field}
	if !qualified {
		r.block, r.field = blockOf(path), path
	} else if first, _, more := strings.Cut(field, "."); more {
		r.field = first // Debezium looks at two parts
	}
	switch {
	case renamed:
		r.name = prefix + newName
	case qualified:
		r.name = prefix + r.block + "_" + r.field
	default:
		r.name = prefix + r.field
	}
	return r, nil
}

// blockOf tells where a field that is named alone is.
func blockOf(field string) string {
	switch field {
	case "id", "data_collection_order", "total_order":
		return "transaction"
	case "op", "ts_ms", "ts_us", "ts_ns":
		return ""
	case "updateDescription":
		return "updateDescription"
	}
	return "source"
}

// place is where a reference is in the envelopes of one schema: by index, block -1 for the envelope itself.
type place struct {
	block, field int
	schema       *schema.Schema // of what is made: optional, without a default
}

// find looks in the block, then (another transform may have added it there) in the envelope.
func (r reference) find(envelope *schema.Schema) (place, bool) {
	at := place{block: -1}
	var found *schema.Field
	if r.block != "" {
		if b := envelope.Field(r.block); b != nil && b.Schema.Type() == schema.Struct {
			if found = b.Schema.Field(r.field); found != nil {
				at.block = b.Index
			}
		}
	}
	if found == nil {
		found = envelope.Field(r.field)
	}
	if found == nil {
		return at, false
	}
	at.field = found.Index
	at.schema = found.Schema.Change(schema.Optional(), schema.NoDefault())
	return at, true
}

func (at place) value(envelope record.Value) record.Value {
	if at.block >= 0 {
		if envelope = envelope.Field(at.block); envelope.IsNull() {
			return record.Null // transaction metadata is off
		}
	}
	return envelope.Field(at.field)
}

// lookup is find for an envelope without a schema.
func (r reference) lookup(envelope record.Value) (record.Value, bool) {
	if r.block != "" {
		if b, ok := envelope.Lookup(r.block); ok {
			if b.IsNull() {
				return record.Null, true
			}
			if b.Kind() == record.KindMap {
				if v, ok := b.Lookup(r.field); ok {
					return v, true
				}
			}
		}
	}
	return envelope.Lookup(r.field)
}
