// Package transformtest runs the scenario files of transforms: options, records in, records out, each file readable alone.
//
//	# what it shows
//	-- config --
//	add.fields=op
//	-- in --
//	{"topic":"t","key":1,"value":{"schema":{…},"payload":{…}}}
//	-- out --
//	{"topic":"t",…}
//
// A key, value or header that is {"schema":…,"payload":…} has that schema, others are schemaless; without value the record is
// a tombstone. Records out also tell the fields that are record.Unchanged. `go test -update` writes the out parts anew.
package transformtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leat/config"
	"leat/record"
	"leat/schema"
	"leat/transform"
)

var update = flag.Bool("update", false, "write the out parts of scenario files anew")

// Format reads and writes values; a converter of headers is one.
type Format interface {
	EncodeHeader(topic, key string, s *schema.Schema, v record.Value) ([]byte, error)
	DecodeHeader(topic, key string, data []byte) (*schema.Schema, record.Value, error)
}

// Codec reads and writes JSON with schemas, and without.
type Codec struct{ Schemas, Plain Format }

// Run runs testdata/*.txt. A file named x.key.txt is for the $Key form.
func Run(t *testing.T, plugin transform.Plugin, codec Codec, files string) {
	paths, err := filepath.Glob(filepath.Join("testdata", files))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenario files testdata/%s: %v", files, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { runFile(t, plugin, codec, path) })
	}
}

func runFile(t *testing.T, plugin transform.Plugin, codec Codec, path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(data), "-- config --\n")
	props, rest, ok2 := strings.Cut(rest, "-- in --\n")
	in, want, ok3 := strings.Cut(rest, "-- out --\n")
	if !ok1 || !ok2 || !ok3 {
		t.Fatal("the parts -- config --, -- in --, -- out -- must be there in this order")
	}
	part := record.PartValue
	if strings.HasSuffix(path, ".key.txt") {
		part = record.PartKey
	}
	var out bytes.Buffer
	apply(t, codec, start(t, plugin, part, props), in, &out)
	if *update {
		text := head + "-- config --\n" + props + "-- in --\n" + in + "-- out --\n" + out.String()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func start(t *testing.T, plugin transform.Plugin, part record.Part, text string) transform.Transform {
	props := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			props[key] = value
		}
	}
	if plugin.Prepare != nil {
		props, _ = plugin.Prepare(props)
	}
	cfg := config.New(plugin.Config)
	if problems := config.Parse(props, cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	tr, err := plugin.New(cfg, part)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// apply runs each record twice, since the second time goes by what was planned, and expects the same pointers and output.
func apply(t *testing.T, codec Codec, tr transform.Transform, in string, out *bytes.Buffer) {
	for line := range strings.Lines(in) {
		r := codec.read(t, line)
		again := r
		text := codec.apply(t, tr, &r)
		if second := codec.apply(t, tr, &again); second != text {
			t.Errorf("the second time gave %s, the first %s", second, text)
		}
		if again.ValueSchema != r.ValueSchema || again.KeySchema != r.KeySchema {
			t.Error("the same input schema gave two output schemas")
		}
		out.WriteString(text + "\n")
	}
}

func (c Codec) apply(t *testing.T, tr transform.Transform, r *record.Record) string {
	keep, err := tr.Apply(r)
	switch {
	case err != nil:
		return "error: " + err.Error()
	case !keep:
		return "dropped"
	}
	return c.write(t, r)
}

// message is a record in a scenario file.
type message struct {
	Topic     string          `json:"topic"`
	Partition *int32          `json:"partition,omitempty"`
	Timestamp *int64          `json:"timestamp,omitempty"`
	Offset    int64           `json:"offset,omitempty"`
	Key       json.RawMessage `json:"key,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
	Headers   []header        `json:"headers,omitempty"`
	Unchanged []string        `json:"unchanged,omitempty"`
	Tombstone string          `json:"tombstone,omitempty"` // what schema the null has
}

type header struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

func (c Codec) read(t *testing.T, line string) record.Record {
	var m message
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	r := record.Record{Topic: m.Topic, Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Offset: record.Offset(m.Offset)}
	if m.Partition != nil {
		r.Partition = *m.Partition
		r.Origin = record.Partition{Topic: m.Topic, ID: *m.Partition}
	}
	if m.Timestamp != nil {
		r.Timestamp = *m.Timestamp
	}
	r.KeySchema, r.Key = c.decode(t, m.Key)
	r.ValueSchema, r.Value = c.decode(t, m.Value)
	for _, h := range m.Headers {
		s, v := c.decode(t, h.Value)
		r.Headers = append(r.Headers, record.Header{Key: h.Key, Schema: s, Value: v})
	}
	return r
}

func (c Codec) decode(t *testing.T, text json.RawMessage) (*schema.Schema, record.Value) {
	if text == nil {
		return nil, record.Null
	}
	conv := c.Plain
	if bytes.HasPrefix(text, []byte(`{"schema":`)) {
		conv = c.Schemas
	}
	s, v, err := conv.DecodeHeader("t", "", bytes.Clone(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s, v
}

func (c Codec) write(t *testing.T, r *record.Record) string {
	m := message{Topic: r.Topic, Offset: int64(r.Offset), Key: c.encode(t, r.KeySchema, r.Key), Value: c.encode(t, r.ValueSchema, r.Value)}
	if r.Partition != record.AnyPartition {
		m.Partition = &r.Partition
	}
	if r.Timestamp != record.NoTimestamp {
		m.Timestamp = &r.Timestamp
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, header{h.Key, c.encode(t, h.Schema, h.Value)})
	}
	m.Unchanged = unchanged(r.ValueSchema, r.Value)
	if r.Value.IsNull() {
		m.Tombstone = r.ValueSchema.String()
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func (c Codec) encode(t *testing.T, s *schema.Schema, v record.Value) json.RawMessage {
	if v.IsNull() {
		return nil
	}
	conv := c.Plain
	if s != nil {
		conv = c.Schemas
	}
	text, err := conv.EncodeHeader("t", "", s, v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unchanged names the fields that the database did not send.
func unchanged(s *schema.Schema, v record.Value) (names []string) {
	switch {
	case v.Kind() == record.KindStruct && s != nil:
		for i, f := range s.Fields() {
			if v.Field(i).IsUnchanged() {
				names = append(names, f.Name)
			}
		}
	case v.Kind() == record.KindMap:
		for _, e := range v.Entries() {
			if e.Value.IsUnchanged() {
				names = append(names, e.Key.Str())
			}
		}
	}
	return names
}
