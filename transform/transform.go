// Package transform is the contract of transforms and predicates, and the Chain that runs those of a connector over a batch.
// The transforms themselves have folders of their own, by what they do.
//
// A transform is planned once per schema: it keeps by schema pointer what it will do (which fields move where, what the new
// schema is), and per record moves values. For that, the same input schema pointer must give the same output schema pointer.
package transform

import (
	"leat/record"
	"leat/schema"
)

// Transform changes, routes or drops one record. One goroutine at a time calls it.
type Transform interface {
	// Apply changes r; values in it are replaced, never changed in place. keep=false drops the record: that is what the
	// user configured, and is counted. An error is a BadRecord unless it has a class.
	Apply(r *record.Record) (keep bool, err error)
}

// Predicate decides whether a transform applies to a record.
type Predicate interface {
	Test(r *record.Record) bool
}

// Plugin describes a transform to the worker.
type Plugin struct {
	Name    string   // short name
	Classes []string // class names without $Key or $Value
	// Parts tells that the class has a $Key and a $Value form, and no plain one.
	Parts  bool
	Config any // zero value of the config struct
	Docs   map[string]string
	// New makes one. cfg is a pointer to a parsed Config; part is PartKey or PartValue where Parts is set.
	New func(cfg any, part record.Part) (Transform, error)
	// Prepare rewrites old option names and meanings, as connector.Plugin.Prepare.
	Prepare func(props map[string]string) (prepared map[string]string, notes []string)
}

// PredicatePlugin describes a predicate to the worker.
type PredicatePlugin struct {
	Name    string
	Classes []string
	Config  any
	Docs    map[string]string
	New     func(cfg any) (Predicate, error)
}

// PartOf gives the schema and value of r's key or value.
func PartOf(r *record.Record, part record.Part) (*schema.Schema, record.Value) {
	if part == record.PartKey {
		return r.KeySchema, r.Key
	}
	return r.ValueSchema, r.Value
}

// SetPart replaces the schema and value of r's key or value.
func SetPart(r *record.Record, part record.Part, s *schema.Schema, v record.Value) {
	if part == record.PartKey {
		r.KeySchema, r.Key = s, v
	} else {
		r.ValueSchema, r.Value = s, v
	}
}
