package json

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"

	"leat/record"
	"leat/schema"
)

// decoder reads values; it keeps compiled schemas by their text, and by topic the one that came last.
type decoder struct {
	cfg    Config
	fixed  *decPlan // of schema.content
	topics map[string]*decPlan
	byText map[string]*list.Element // of recent, by each text of the schema that was seen
	recent *list.List               // of *decPlan, the last used first
	parser parser
}

// decPlan is how values of one schema are read.
type decPlan struct {
	schema *schema.Schema // nil: schemaless
	root   *decNode
	prefix []byte // {"schema":…,"payload": as it was seen
	text   string // the schema as it was seen
}

func newDecoder(cfg Config) decoder {
	return decoder{cfg: cfg, topics: map[string]*decPlan{}, byText: map[string]*list.Element{}, recent: list.New()}
}

func (d *decoder) decode(topic string, data []byte) (*schema.Schema, record.Value, error) {
	if data == nil {
		return nil, record.Null, nil
	}
	p := &d.parser
	p.data, p.pos, p.depth, p.stack = data, 0, 0, p.stack[:0]
	defer p.release()
	switch {
	case !d.cfg.SchemasEnable:
		v, err := p.document()
		return nil, v, err
	case d.fixed != nil:
		v, err := p.payload(d.fixed, 0)
		if err == nil {
			err = p.end()
		}
		return d.fixed.schema, v, err
	}
	if plan := d.topics[topic]; plan != nil && bytes.HasPrefix(data, plan.prefix) {
		if v, err := p.payload(plan, len(plan.prefix)); err == nil && p.next() == '}' && p.pos == len(data)-1 {
			return plan.schema, v, nil
		}
		p.depth, p.stack = 0, p.stack[:0] // the slow way tells what is wrong
	}
	return d.decodeEnvelope(topic, data)
}

// document reads a whole text without a schema; an empty one is null, as for Kafka.
func (p *parser) document() (record.Value, error) {
	if p.next() == 0 && p.pos == len(p.data) {
		return record.Null, nil
	}
	v, err := p.schemaless()
	if err == nil {
		err = p.end()
	}
	return v, err
}

func (p *parser) payload(plan *decPlan, at int) (record.Value, error) {
	p.pos = at
	if plan.root == nil {
		return p.schemaless()
	}
	return p.typed(plan.root)
}

var errEnvelope = errors.New(`a JSON value with schemas.enable=true must be {"schema": …, "payload": …} with nothing beside: ` +
	`for plain JSON set schemas.enable=false in the converter's options`)

// decodeEnvelope finds schema and payload in any order, reads the schema if it is new, then the payload.
func (d *decoder) decodeEnvelope(topic string, data []byte) (*schema.Schema, record.Value, error) {
	text, payload, err := d.parser.envelope()
	if err != nil {
		return nil, record.Null, err
	}
	plan, err := d.planOf(data[text.from:text.to])
	if err != nil {
		return nil, record.Null, fmt.Errorf("schema: %w", err)
	}
	v, err := d.parser.payload(plan, payload.from)
	if err != nil {
		return nil, record.Null, err
	}
	if text.from < payload.from {
		d.remember(topic, plan, data[:payload.from])
	}
	return plan.schema, v, nil
}

// remember lets the next record of the topic skip its schema. What stands before the payload is kept with the plan, since
// the topics of one schema share it.
func (d *decoder) remember(topic string, plan *decPlan, prefix []byte) {
	if !bytes.Equal(plan.prefix, prefix) {
		plan.prefix = bytes.Clone(prefix)
	}
	if len(d.topics) >= max(d.cfg.CacheSize, 1) {
		clear(d.topics)
	}
	d.topics[topic] = plan
}

type extent struct{ from, to int }

// envelope finds where schema and payload are, and checks that nothing else is there.
func (p *parser) envelope() (text, payload extent, err error) {
	p.pos = 0
	if p.next() != '{' {
		return text, payload, errEnvelope
	}
	if err = p.enter(); err != nil {
		return text, payload, err
	}
	for first := true; ; first = false {
		more, err := p.more(first, '}')
		if err != nil {
			return text, payload, err
		}
		if !more {
			break
		}
		name, err := p.name()
		if err != nil {
			return text, payload, err
		}
		var at *extent
		switch string(name) {
		case "schema":
			at = &text
		case "payload":
			at = &payload
		}
		if at == nil || at.to != 0 {
			return text, payload, errEnvelope
		}
		p.space()
		at.from = p.pos
		if err := p.skip(); err != nil {
			return text, payload, err
		}
		at.to = p.pos
	}
	if text.to == 0 || payload.to == 0 {
		return text, payload, errEnvelope
	}
	return text, payload, p.end()
}

// planOf gives the plan for the text of a schema. Texts of the same schema that differ in space or in the order of members
// share the schema.
func (d *decoder) planOf(text []byte) (*decPlan, error) {
	if e := d.byText[string(text)]; e != nil {
		d.recent.MoveToFront(e)
		return e.Value.(*decPlan), nil
	}
	s, err := d.readSchema(text)
	if err != nil {
		return nil, err
	}
	plan := &decPlan{schema: s, text: string(text)}
	if s != nil {
		if same := d.equal(s); same != nil {
			plan.schema, plan.root = same.schema, same.root
		} else {
			plan.root = compileDecoder(s, d.cfg.ReplaceNull)
		}
	}
	d.byText[plan.text] = d.recent.PushFront(plan)
	for d.recent.Len() > max(d.cfg.CacheSize, 1) {
		oldest := d.recent.Remove(d.recent.Back()).(*decPlan)
		delete(d.byText, oldest.text)
	}
	return plan, nil
}

func (d *decoder) equal(s *schema.Schema) *decPlan {
	for e := d.recent.Front(); e != nil; e = e.Next() {
		if plan := e.Value.(*decPlan); plan.schema != nil && schema.Equal(plan.schema, s) {
			return plan
		}
	}
	return nil
}

func (d *decoder) readSchema(text []byte) (*schema.Schema, error) {
	p := parser{data: bytes.Clone(text)} // the schema refers to it
	v, err := p.document()
	if err != nil {
		return nil, err
	}
	if v.IsNull() {
		return nil, nil
	}
	return (&schemaReader{replaceNull: d.cfg.ReplaceNull}).read(v)
}
