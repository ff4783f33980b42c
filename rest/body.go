package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"leat/herder"
)

// readBody takes the whole body, up to maxBody.
func (r *request) readBody(w http.ResponseWriter) error {
	if t := r.Header.Get("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || !isJSON(media) {
			return httpStatus(http.StatusUnsupportedMediaType)
		}
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return failf(http.StatusRequestEntityTooLarge, "The request body is larger than %d bytes", maxBody)
	case err != nil:
		return failf(http.StatusBadRequest, "The request body could not be read: %v", err)
	}
	r.data = bytes.TrimSpace(data)
	return nil
}

// malformed is Connect's status for a body that does not parse or has the wrong shape. Its text follows Jackson's, which clients show and
// tests look for; the body itself is not repeated, as it may hold secrets.
func malformed(format string, args ...any) error {
	return failf(http.StatusInternalServerError, format, args...)
}

// object reads a JSON object; what names its type for the message.
func object(data []byte, what string) (map[string]json.RawMessage, error) {
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	if data[0] != '{' {
		return nil, wrongType(what, data)
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, malformed("Cannot deserialize value of type `%s`", what)
	}
	return out, nil
}

func checkSyntax(data []byte) error {
	if len(data) == 0 {
		return malformed("Cannot deserialize value: the request has no body, and a JSON object was expected")
	}
	var any json.RawMessage
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(data, &any); {
	case err == nil:
		return nil
	case errors.As(err, &syntax) && syntax.Offset > 0 && syntax.Offset < int64(len(data)):
		before := data[:syntax.Offset-1]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - bytes.LastIndexByte(before, '\n')
		c := data[syntax.Offset-1]
		return malformed("Unexpected character ('%c' (code %d)) in the request body at line: %d, column: %d", c, c, line, column)
	}
	return malformed("Unexpected end-of-input in the request body")
}

// tokens are Jackson's names by the first byte of a value.
var tokens = map[byte][2]string{
	'{': {"Object", "START_OBJECT"}, '[': {"Array", "START_ARRAY"}, '"': {"String", "VALUE_STRING"},
	't': {"Boolean", "VALUE_TRUE"}, 'f': {"Boolean", "VALUE_FALSE"}, 'n': {"Null", "VALUE_NULL"},
}

func wrongType(what string, data []byte) error {
	t, ok := tokens[data[0]]
	if !ok {
		t = [2]string{"Number", "VALUE_NUMBER"}
	}
	return malformed("Cannot deserialize value of type `%s` from %s value (token `JsonToken.%s`)", what, t[0], t[1])
}

// onlyFields refuses fields that are not known.
func onlyFields(fields map[string]json.RawMessage, what string, known ...string) error {
	for f := range fields {
		found := false
		for _, k := range known {
			found = found || k == f
		}
		if !found {
			return malformed("Unrecognized field %q (class %s), not marked as ignorable (%d known properties: \"%s\")",
				f, what, len(known), strings.Join(known, `", "`))
		}
	}
	return nil
}

// change reads a flat map of config: numbers and booleans become text, as Jackson makes them.
func change(data []byte) (herder.Change, error) {
	fields, err := object(data, "java.util.LinkedHashMap<java.lang.String,java.lang.String>")
	if err != nil {
		return nil, err
	}
	out := make(herder.Change, len(fields))
	for key, value := range fields {
		if out[key], err = text(value); err != nil {
			return nil, malformed("%s (through reference chain: java.util.LinkedHashMap[%q])", err, key)
		}
	}
	return out, nil
}

// text reads a scalar as text, null as nil.
func text(value json.RawMessage) (*string, error) {
	switch value[0] {
	case 'n':
		return nil, nil
	case '{', '[':
		return nil, wrongType("java.lang.String", value)
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return &s, err
	}
	s := string(value)
	return &s, nil
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"error_code":500,"message":"The answer could not be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n"))) // a client that is gone needs no answer
}
