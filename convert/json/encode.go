package json

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"leat/record"
	"leat/schema"
)

// encoder writes values; it keeps a compiled plan by schema pointer.
type encoder struct {
	cfg   Config
	plans map[*schema.Schema]*encPlan
	last  *encPlan
}

// encPlan is how values of one schema are written: what stands before the payload, and the payload's node.
type encPlan struct {
	schema *schema.Schema
	prefix []byte // {"schema":…,"payload":
	root   *encNode
}

func (e *encoder) encode(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	if s == nil {
		return e.encodeSchemaless(dst, v)
	}
	plan := e.last
	if plan == nil || plan.schema != s {
		var err error
		if plan, err = e.planOf(s); err != nil {
			return nil, err
		}
	}
	if !e.cfg.SchemasEnable {
		return plan.root.append(dst, v)
	}
	dst, err := plan.root.append(append(dst, plan.prefix...), v)
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

func (e *encoder) encodeSchemaless(dst []byte, v record.Value) ([]byte, error) {
	switch {
	case v.IsNull():
		return nil, nil
	case !e.cfg.SchemasEnable:
		return appendSchemaless(dst, v)
	}
	dst, err := appendSchemaless(append(dst, `{"schema":null,"payload":`...), v)
	if err != nil {
		return nil, err
	}
	return append(dst, '}'), nil
}

func (e *encoder) planOf(s *schema.Schema) (*encPlan, error) {
	plan := e.plans[s]
	if plan == nil {
		root, err := e.compile(s)
		if err != nil {
			return nil, err
		}
		plan = &encPlan{schema: s, root: root}
		if e.cfg.SchemasEnable {
			text, err := schemaWriter{e.cfg}.append([]byte(`{"schema":`), s, nil)
			if err != nil {
				return nil, err
			}
			plan.prefix = append(text, `,"payload":`...)
		}
		if len(e.plans) >= max(e.cfg.CacheSize, 1) {
			clear(e.plans)
		}
		e.plans[s] = plan
	}
	e.last = plan
	return plan, nil
}

// encNode writes the values of one schema, wherever in a record it is.
type encNode struct {
	op        encOp
	schema    *schema.Schema
	fields    []encField
	key, elem *encNode
	scale     int32
	nulls     []byte // what a null is written as; nil where it may not be
	unchanged []byte // what record.Unchanged is written as; nil where it has no form

	// A struct that is the very same memory as the one before it, such as the source block that the records of a snapshot
	// share, is written from the bytes of the second time.
	seen  record.Value
	bytes []byte
}

type encField struct {
	prefix []byte // {"name": or ,"name":
	name   string
	node   *encNode
}

type encOp uint8

const (
	opInt encOp = iota
	opFloat32
	opFloat64
	opBool
	opString
	opBytes
	opDecimal
	opNumericDecimal
	opArray
	opMap
	opPairs
	opStruct
)

var kindOfOp = [...]record.Kind{
	opInt: record.KindInt, opFloat32: record.KindFloat, opFloat64: record.KindFloat, opBool: record.KindBool,
	opString: record.KindString, opBytes: record.KindBytes, opDecimal: record.KindDecimal, opNumericDecimal: record.KindDecimal,
	opArray: record.KindArray, opMap: record.KindMap, opPairs: record.KindMap, opStruct: record.KindStruct,
}

func (e *encoder) compile(s *schema.Schema) (*encNode, error) {
	n := &encNode{schema: s}
	if err := e.compileType(n, s); err != nil {
		return nil, err
	}
	if s.Optional() {
		n.nulls = []byte("null")
	}
	if def, ok := record.DefaultOf(s); ok && e.cfg.ReplaceNull {
		text, err := n.append([]byte{}, def)
		if err != nil {
			return nil, fmt.Errorf("default of %s: %w", s, err)
		}
		n.nulls = text
	}
	if v, ok := record.Unavailable(s, record.UnavailableValue); ok {
		text, err := n.append([]byte{}, v)
		if err != nil {
			return nil, err
		}
		n.unchanged = text
	}
	return n, nil
}

func (e *encoder) compileType(n *encNode, s *schema.Schema) (err error) {
	switch s.Type() {
	case schema.Int8, schema.Int16, schema.Int32, schema.Int64:
		n.op = opInt
	case schema.Float32:
		n.op = opFloat32
	case schema.Float64:
		n.op = opFloat64
	case schema.Boolean:
		n.op = opBool
	case schema.String:
		n.op = opString
	case schema.Bytes:
		return e.compileBytes(n, s)
	case schema.Array:
		n.op = opArray
		n.elem, err = e.compile(s.Elem())
	case schema.Map:
		return e.compileMap(n, s)
	case schema.Struct:
		return e.compileStruct(n, s)
	default:
		err = fmt.Errorf("a schema of type %s has no JSON form", s.Type())
	}
	return err
}

func (e *encoder) compileBytes(n *encNode, s *schema.Schema) error {
	n.op = opBytes
	if s.Name() != schema.DecimalName {
		return nil
	}
	if e.cfg.DecimalFormat == Numeric {
		n.op = opNumericDecimal
		return nil
	}
	n.op = opDecimal
	text, _ := s.Param("scale")
	scale, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return fmt.Errorf("the Decimal schema has no valid parameter scale (it is %q)", text)
	}
	n.scale = int32(scale)
	return nil
}

func (e *encoder) compileMap(n *encNode, s *schema.Schema) (err error) {
	n.op = opPairs
	if s.Key().Type() == schema.String {
		n.op = opMap
	}
	if n.key, err = e.compile(s.Key()); err != nil {
		return err
	}
	n.elem, err = e.compile(s.Elem())
	return err
}

func (e *encoder) compileStruct(n *encNode, s *schema.Schema) error {
	n.op = opStruct
	n.fields = make([]encField, len(s.Fields()))
	for i, f := range s.Fields() {
		node, err := e.compile(f.Schema)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		prefix := []byte{','}
		if i == 0 {
			prefix[0] = '{'
		}
		n.fields[i] = encField{prefix: append(appendString(prefix, []byte(f.Name)), ':'), name: f.Name, node: node}
	}
	return nil
}

func (n *encNode) append(dst []byte, v record.Value) ([]byte, error) {
	if v.Kind() != kindOfOp[n.op] {
		return n.appendOdd(dst, v)
	}
	switch n.op {
	case opInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case opFloat32:
		return appendFloat(dst, v.Float(), 32), nil
	case opFloat64:
		return appendFloat(dst, v.Float(), 64), nil
	case opBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case opString:
		return appendString(dst, v.Bytes()), nil
	case opBytes:
		return appendBase64(dst, v.Bytes()), nil
	case opDecimal:
		return n.appendDecimal(dst, v)
	case opNumericDecimal:
		return v.AppendBigDecimal(dst), nil
	case opArray:
		return n.appendArray(dst, v.Elems())
	case opMap, opPairs:
		return n.appendMap(dst, v.Entries())
	}
	return n.appendStruct(dst, v)
}

// appendOdd writes what is not of the kind that the schema has: null, a default, Unchanged.
func (n *encNode) appendOdd(dst []byte, v record.Value) ([]byte, error) {
	switch {
	case v.IsNull() && n.nulls != nil:
		return append(dst, n.nulls...), nil
	case v.IsNull():
		return nil, fmt.Errorf("null for a %s that is required and has no default", n.schema)
	case v.IsUnchanged() && n.unchanged != nil:
		return append(dst, n.unchanged...), nil
	case v.IsUnchanged():
		return nil, fmt.Errorf("a %s has no form for a value that the database did not send", n.schema)
	}
	return nil, fmt.Errorf("a %s value for a schema of type %s", v.Kind(), n.schema)
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

func (n *encNode) appendDecimal(dst []byte, v record.Value) ([]byte, error) {
	if v.Scale() != n.scale {
		var err error
		if v, err = v.Rescale(n.scale); err != nil {
			return nil, err
		}
	}
	var buf [48]byte
	return appendBase64(dst, v.AppendDecimalBytes(buf[:0])), nil
}

func (n *encNode) appendArray(dst []byte, elems []record.Value) ([]byte, error) {
	dst = append(dst, '[')
	for i, e := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = n.elem.append(dst, e); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(dst, ']'), nil
}

// appendMap writes an object where the keys are strings, an array of pairs otherwise.
func (n *encNode) appendMap(dst []byte, entries []record.Entry) (_ []byte, err error) {
	object := n.op == opMap
	begin, end := byte('['), byte(']')
	if object {
		begin, end = '{', '}'
	}
	dst = append(dst, begin)
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !object {
			dst = append(dst, '[')
		}
		if object && e.Key.IsNull() && n.key.nulls != nil { // Jackson's asText
			dst = append(dst, `"null"`...)
		} else if dst, err = n.key.append(dst, e.Key); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if object {
			dst = append(dst, ':')
		} else {
			dst = append(dst, ',')
		}
		if dst, err = n.elem.append(dst, e.Value); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, end), nil
}

func (n *encNode) appendStruct(dst []byte, v record.Value) ([]byte, error) {
	again := record.SameMemory(v, n.seen)
	if again && len(n.bytes) > 0 {
		return append(dst, n.bytes...), nil
	}
	elems := v.Elems()
	if len(elems) != len(n.fields) {
		return nil, fmt.Errorf("a struct of %d fields for %s, which has %d", len(elems), n.schema, len(n.fields))
	}
	start := len(dst)
	if len(n.fields) == 0 {
		return append(dst, '{', '}'), nil
	}
	for i := range n.fields {
		f := &n.fields[i]
		dst = append(dst, f.prefix...)
		var err error
		if dst, err = f.node.append(dst, elems[i]); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	dst = append(dst, '}')
	n.seen, n.bytes = v, n.bytes[:0]
	if again {
		n.bytes = append(n.bytes, dst[start:]...)
	}
	return dst, nil
}

// appendSchemaless writes data without a schema: what the decoder reads back as the same value.
func appendSchemaless(dst []byte, v record.Value) (_ []byte, err error) {
	switch v.Kind() {
	case record.KindNull:
		return append(dst, "null"...), nil
	case record.KindUnchanged:
		return appendString(dst, []byte(record.UnavailableValue)), nil
	case record.KindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case record.KindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case record.KindFloat:
		return appendFloat(dst, v.Float(), 64), nil
	case record.KindString:
		return appendString(dst, v.Bytes()), nil
	case record.KindBytes:
		return appendBase64(dst, v.Bytes()), nil
	case record.KindDecimal:
		return v.AppendBigDecimal(dst), nil
	case record.KindArray:
		dst = append(dst, '[')
		for i, e := range v.Elems() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendSchemaless(dst, e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case record.KindMap:
		return appendSchemalessMap(dst, v.Entries())
	}
	return nil, fmt.Errorf("a %s without a schema has no JSON form", v.Kind())
}

func appendSchemalessMap(dst []byte, entries []record.Entry) (_ []byte, err error) {
	object := true
	for _, e := range entries {
		object = object && e.Key.Kind() == record.KindString
	}
	open, mid, end := "{", byte(':'), "}"
	if !object {
		open, mid, end = "[", ',', "]"
	}
	dst = append(dst, open...)
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !object {
			dst = append(dst, '[')
		}
		if dst, err = appendSchemaless(dst, e.Key); err != nil {
			return nil, err
		}
		if dst, err = appendSchemaless(append(dst, mid), e.Value); err != nil {
			return nil, err
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, end...), nil
}
