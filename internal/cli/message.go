package cli

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// printer shows messages of a topic.
type printer struct {
	out   io.Writer
	json  bool
	whole bool
}

// messageJSON is a message as --json prints it: keys and values that are JSON as such, else as text or as {"hex": …}.
type messageJSON struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp time.Time       `json:"timestamp"`
	Headers   []headerJSON    `json:"headers,omitempty"`
	Key       json.RawMessage `json:"key"`
	Value     json.RawMessage `json:"value"`
}

type headerJSON struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (p *printer) message(r *kgo.Record) error {
	if p.json {
		return p.line(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s partition %d offset %d at %s\n", r.Topic, r.Partition, r.Offset, r.Timestamp.UTC().Format("2006-01-02T15:04:05.000Z"))
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "  header %s: %s\n", h.Key, p.text(h.Value))
	}
	fmt.Fprintf(&b, "  key: %s\n  value: %s\n", p.text(r.Key), p.text(r.Value))
	_, err := io.WriteString(p.out, b.String())
	return err
}

func (p *printer) line(r *kgo.Record) error {
	m := messageJSON{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UTC(),
		Key: asJSON(r.Key), Value: asJSON(r.Value),
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, headerJSON{h.Key, asJSON(h.Value)})
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = p.out.Write(append(b, '\n'))
	return err
}

// text shows bytes for a reader: JSON indented, other text as it is, the rest in hexadecimal.
func (p *printer) text(data []byte) string {
	if data == nil {
		return "null"
	}
	if json.Valid(data) {
		if !p.whole {
			data = payload(data)
		}
		var b bytes.Buffer
		if json.Indent(&b, data, "  ", "  ") == nil {
			return b.String()
		}
	}
	if utf8.Valid(data) {
		return string(data)
	}
	return "hex " + hex.EncodeToString(data)
}

// payload gives the payload of JSON with a schema, else the JSON itself.
func payload(data []byte) []byte {
	var envelope map[string]json.RawMessage
	if json.Unmarshal(data, &envelope) != nil || len(envelope) != 2 {
		return data
	}
	inner, ok := envelope["payload"]
	if _, schema := envelope["schema"]; !ok || !schema {
		return data
	}
	return inner
}

// asJSON gives bytes as JSON.
func asJSON(data []byte) json.RawMessage {
	if data == nil {
		return json.RawMessage("null")
	}
	if json.Valid(data) {
		return data
	}
	var v any = string(data)
	if !utf8.Valid(data) {
		v = map[string]string{"hex": hex.EncodeToString(data)}
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a string and a map of strings always marshal
	}
	return b
}

func splitBrokers(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
