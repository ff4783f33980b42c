package transform_test

import (
	"errors"
	"strings"
	"testing"

	"leat/connector"
	"leat/record"
	"leat/transform"
)

type apply func(*record.Record) (bool, error)

func (f apply) Apply(r *record.Record) (bool, error) { return f(r) }

type test func(*record.Record) bool

func (f test) Test(r *record.Record) bool { return f(r) }

func TestChainRunsInOrderUnderPredicates(t *testing.T) {
	add := func(s string) transform.Transform {
		return apply(func(r *record.Record) (bool, error) { r.Topic += s; return true, nil })
	}
	isA := test(func(r *record.Record) bool { return strings.HasPrefix(r.Topic, "a") })
	c := transform.Chain{
		{Transform: add("1")},
		{Transform: add("2"), Predicate: isA},
		{Transform: add("3"), Predicate: isA, Negate: true},
	}
	for in, want := range map[string]string{"a": "a12", "b": "b13"} {
		r := record.Record{Topic: in}
		if keep, err := c.Apply(&r); !keep || err != nil || r.Topic != want {
			t.Errorf("%s became %s (%v, %v), want %s", in, r.Topic, keep, err, want)
		}
	}
}

func TestChainStopsAtADropAndNamesTheStepThatFails(t *testing.T) {
	ran := false
	c := transform.Chain{
		{Transform: apply(func(*record.Record) (bool, error) { return false, nil })},
		{Transform: apply(func(*record.Record) (bool, error) { ran = true; return true, nil })},
	}
	if keep, err := c.Apply(&record.Record{}); keep || err != nil || ran {
		t.Errorf("keep %v, err %v, ran on %v", keep, err, ran)
	}
	c = transform.Chain{{Alias: "mask", Class: "MaskField", Transform: apply(func(*record.Record) (bool, error) { return false, errors.New("no such field") })}}
	_, err := c.Apply(&record.Record{})
	var stage *connector.StageError
	if !errors.As(err, &stage) || stage.Stage != record.Transform || err.Error() != "transform (mask: MaskField): no such field" {
		t.Errorf("%v", err)
	}
}
