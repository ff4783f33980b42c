package transform

import (
	"fmt"

	"leat/schema"
)

// maxPlans bounds how many schemas a transform keeps plans for; a topic has few at a time.
const maxPlans = 1000

// Plans keeps what a transform worked out for a schema, by pointer. The zero value is ready.
type Plans[P any] struct {
	last     *schema.Schema
	lastPlan P
	plans    map[*schema.Schema]P
}

// Of gives the plan for s, made on first sight. An error is not kept.
func (c *Plans[P]) Of(s *schema.Schema, plan func(*schema.Schema) (P, error)) (P, error) {
	if s == c.last && s != nil {
		return c.lastPlan, nil
	}
	p, ok := c.plans[s]
	if !ok {
		var err error
		if p, err = plan(s); err != nil {
			return p, err
		}
		if c.plans == nil || len(c.plans) >= maxPlans {
			c.plans = map[*schema.Schema]P{}
		}
		c.plans[s] = p
	}
	c.last, c.lastPlan = s, p
	return p, nil
}

// Rebuilt gives a required struct of other fields with the name, version, doc and parameters of s, as Connect's
// SchemaUtil.copySchemaBasics does.
func Rebuilt(s *schema.Schema, fields []schema.Field) (*schema.Schema, error) {
	names := make(map[string]bool, len(fields))
	for _, f := range fields {
		if names[f.Name] {
			return nil, fmt.Errorf("%s would have the field %s twice: choose another name", s, f.Name)
		}
		names[f.Name] = true
	}
	opts := []schema.Option{schema.Named(s.Name()), schema.Version(s.Version()), schema.Doc(s.Doc())}
	for _, p := range s.Params() {
		opts = append(opts, schema.With(p.Name, p.Value))
	}
	return schema.NewStruct(fields, opts...), nil
}
