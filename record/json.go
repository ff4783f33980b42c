package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// MarshalJSON writes schemaless data as plain JSON: the form of stored offsets and REST answers. Bytes become base64,
// decimals numbers, NaN and infinities strings; structs need their schema and are refused, and so is Unchanged. Converters
// write records; this is for the small documents of the engine.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case KindNull:
		return []byte("null"), nil
	case KindBool:
		return strconv.AppendBool(nil, v.Bool()), nil
	case KindInt:
		return strconv.AppendInt(nil, v.Int(), 10), nil
	case KindFloat:
		f := v.Float()
		if f != f || f-f != 0 {
			return json.Marshal(strconv.FormatFloat(f, 'g', -1, 64))
		}
		return json.Marshal(f)
	case KindString:
		return marshalString(v.Str())
	case KindBytes:
		return json.Marshal(v.Bytes())
	case KindDecimal:
		return v.AppendDecimal(nil), nil
	case KindArray:
		return marshalArray(v.Elems())
	case KindMap:
		return marshalMap(v.Entries())
	}
	return nil, fmt.Errorf("record: a %s has no plain JSON form", v.kind)
}

// marshalString leaves <, > and & as they are: offset keys are compared byte by byte with those that Kafka Connect wrote.
func marshalString(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func marshalArray(elems []Value) ([]byte, error) {
	out := []byte{'['}
	for i, e := range elems {
		if i > 0 {
			out = append(out, ',')
		}
		b, err := e.MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return append(out, ']'), nil
}

func marshalMap(entries []Entry) ([]byte, error) {
	out := []byte{'{'}
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		if e.Key.Kind() != KindString {
			return nil, fmt.Errorf("record: a %s key has no plain JSON form", e.Key.Kind())
		}
		k, err := marshalString(e.Key.Str())
		if err != nil {
			return nil, err
		}
		b, err := e.Value.MarshalJSON()
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, k...), ':'), b...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads plain JSON into schemaless data; the order of keys is kept, whole numbers become integers, others floats.
func (v *Value) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	got, err := decodeJSON(dec)
	if err != nil {
		return err
	}
	*v = got
	return nil
}

func decodeJSON(dec *json.Decoder) (Value, error) {
	tok, err := dec.Token()
	if err != nil {
		return Null, err
	}
	switch t := tok.(type) {
	case bool:
		return Bool(t), nil
	case string:
		return String(t), nil
	case json.Number:
		return number(t.String())
	case json.Delim:
		if t == '[' {
			return decodeJSONArray(dec)
		}
		return decodeJSONObject(dec)
	}
	return Null, nil
}

func decodeJSONArray(dec *json.Decoder) (Value, error) {
	elems := []Value{}
	for dec.More() {
		e, err := decodeJSON(dec)
		if err != nil {
			return Null, err
		}
		elems = append(elems, e)
	}
	_, err := dec.Token()
	return Array(elems), err
}

func decodeJSONObject(dec *json.Decoder) (Value, error) {
	entries := []Entry{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return Null, err
		}
		e, err := decodeJSON(dec)
		if err != nil {
			return Null, err
		}
		entries = append(entries, Entry{String(k.(string)), e})
	}
	_, err := dec.Token()
	return Map(entries), err
}

func number(s string) (Value, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return Int(i), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Null, fmt.Errorf("record: number %s: %w", s, err)
	}
	return Float(f), nil
}
