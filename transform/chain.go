package transform

import (
	"leat/connector"
	"leat/record"
)

// Step is one transform of a chain, with the predicate that guards it.
type Step struct {
	Alias     string // of the config, for errors
	Class     string
	Transform Transform
	Predicate Predicate // nil: applies to every record
	Negate    bool
}

// Chain is the transforms of a connector in their order.
type Chain []Step

// Apply runs the chain over one record. keep=false: a transform dropped it. The error names the step.
func (c Chain) Apply(r *record.Record) (keep bool, err error) {
	for i := range c {
		s := &c[i]
		if s.Predicate != nil && s.Predicate.Test(r) == s.Negate {
			continue
		}
		if keep, err = s.Transform.Apply(r); err != nil {
			return false, &connector.StageError{Stage: record.Transform, Name: s.Alias + ": " + s.Class, Err: err}
		}
		if !keep {
			return false, nil
		}
	}
	return true, nil
}
