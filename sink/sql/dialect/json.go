package dialect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"leat/record"
	"leat/schema"
)

// json writes a struct, map or array as a JSON document: decimals as numbers with all digits, bytes in base64, times as text.
func (t texter) json(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	k := meaningOf(s)
	switch v.Kind() {
	case record.KindNull:
		return append(dst, "null"...), nil
	case record.KindBool:
		return strconv.AppendBool(dst, v.Bool()), nil
	case record.KindInt:
		if k.meaning == mInt || k.meaning == mUnknown {
			return strconv.AppendInt(dst, v.Int(), 10), nil
		}
		return quoteJSON(dst, string(t.integer(nil, k, s, v.Int()))), nil
	case record.KindFloat:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return quoteJSON(dst, string(appendFloat(nil, s, f))), nil
		}
		return appendFloat(dst, s, v.Float()), nil
	case record.KindDecimal:
		return v.AppendDecimal(dst), nil
	case record.KindString:
		if k.meaning == mJSON && json.Valid(v.Bytes()) {
			return append(dst, v.Bytes()...), nil
		}
		return quoteJSON(dst, v.Str()), nil
	case record.KindBytes:
		return quoteJSON(dst, base64.StdEncoding.EncodeToString(v.Bytes())), nil
	case record.KindArray:
		return t.jsonArray(dst, s, v)
	case record.KindMap:
		return t.jsonMap(dst, s, v)
	case record.KindStruct:
		return t.jsonStruct(dst, s, v)
	}
	return nil, fmt.Errorf("a value of kind %s has no JSON form", v.Kind())
}

func (t texter) jsonArray(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	var elem *schema.Schema
	if s != nil {
		elem = s.Elem()
	}
	dst = append(dst, '[')
	for i, e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = t.json(dst, elem, e); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (t texter) jsonMap(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	var key, elem *schema.Schema
	if s != nil {
		key, elem = s.Key(), s.Elem()
	}
	dst = append(dst, '{')
	for i, e := range v.Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, err := t.append(nil, key, e.Key)
		if err != nil {
			return nil, err
		}
		dst = append(quoteJSON(dst, string(name)), ':')
		if dst, err = t.json(dst, elem, e.Value); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func (t texter) jsonStruct(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	if s == nil {
		return nil, fmt.Errorf("a struct without its schema has no JSON form")
	}
	if meaningOf(s).meaning == mVarDecimal {
		return t.append(dst, s, v)
	}
	dst = append(dst, '{')
	for i, f := range s.Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(quoteJSON(dst, f.Name), ':')
		var err error
		if dst, err = t.json(dst, f.Schema, v.Field(f.Index)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func quoteJSON(dst []byte, s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return append(dst, b...)
}

// hstore writes a map as PostgreSQL's hstore text.
func (t texter) hstore(dst []byte, s *schema.Schema, v record.Value) ([]byte, error) {
	for i, e := range v.Entries() {
		if i > 0 {
			dst = append(dst, ',')
		}
		key, err := t.append(nil, s.Key(), e.Key)
		if err != nil {
			return nil, err
		}
		dst = append(quoteHstore(dst, key), "=>"...)
		if e.Value.IsNull() {
			dst = append(dst, "NULL"...)
			continue
		}
		value, err := t.append(nil, s.Elem(), e.Value)
		if err != nil {
			return nil, err
		}
		dst = quoteHstore(dst, value)
	}
	return dst, nil
}

func quoteHstore(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// hstoreOfJSON writes a JSON object of strings, as Debezium's hstore.handling.mode=json gives it.
func hstoreOfJSON(dst, doc []byte) ([]byte, error) {
	var v record.Value
	if err := json.Unmarshal(doc, &v); err != nil || v.Kind() != record.KindMap {
		return nil, fmt.Errorf("the text is no JSON object, as an hstore column needs")
	}
	text := schema.New(schema.String)
	return texter{}.hstore(dst, schema.NewMap(text, text), v)
}
