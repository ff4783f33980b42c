package worker

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"leat/record"
	"leat/schema"
)

// countingHeaders counts what it converts; a header of the value "bad" fails.
type countingHeaders struct{ calls int }

func (c *countingHeaders) EncodeHeader(topic, key string, _ *schema.Schema, v record.Value) ([]byte, error) {
	c.calls++
	if v.IsNull() {
		return nil, nil
	}
	if v.Str() == "bad" {
		return nil, errors.New("bad header")
	}
	return []byte(topic + "/" + v.Str()), nil
}

func (c *countingHeaders) DecodeHeader(topic, key string, b []byte) (*schema.Schema, record.Value, error) {
	c.calls++
	if b == nil {
		return nil, record.Null, nil
	}
	if string(b) == "bad" {
		return nil, record.Null, errors.New("bad header")
	}
	return nil, record.StringBytes(b), nil
}

func typedHeaders(pairs ...string) (out []record.Header) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, record.Header{Key: pairs[i], Value: record.String(pairs[i+1])})
	}
	return out
}

func rawHeaders(pairs ...string) (out []record.RawHeader) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, record.RawHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return out
}

func TestHeadersAreEncodedAsTheirOwnWhateverCameBefore(t *testing.T) {
	c := &countingHeaders{}
	e := newHeaderEncoder(c)
	shared := typedHeaders("a", "1", "b", "2")
	changed := slices.Clone(shared)
	for i, step := range []struct {
		topic   string
		headers []record.Header
		want    []record.RawHeader
		calls   int
	}{
		{"t", shared, rawHeaders("a", "t/1", "b", "t/2"), 2},
		{"t", shared, rawHeaders("a", "t/1", "b", "t/2"), 0},
		{"u", shared, rawHeaders("a", "u/1", "b", "u/2"), 2},
		{"t", shared, rawHeaders("a", "t/1", "b", "t/2"), 0},
		{"t", nil, nil, 0},
		{"t", shared[:1], rawHeaders("a", "t/1"), 1},
		{"t", changed, rawHeaders("a", "t/1", "b", "t/2"), 2},
		{"t", typedHeaders("b", "1"), rawHeaders("b", "t/1"), 1},
	} {
		c.calls = 0
		got, err := e.encode(step.topic, step.headers)
		if err != nil || !reflect.DeepEqual(got, step.want) || c.calls != step.calls {
			t.Fatalf("step %d: %v, %v after %d calls, want %v after %d", i, got, err, c.calls, step.want, step.calls)
		}
	}
	// The same slice with other content is not what it was.
	changed[1].Value = record.String("3")
	if _, err := e.encode("t", changed); err != nil {
		t.Fatal(err)
	}
	changed[1].Value = record.String("4")
	if got, _ := e.encode("t", changed); string(got[1].Value) != "t/4" {
		t.Fatalf("a changed header was written as %s", got[1].Value)
	}
	if _, err := e.encode("t", typedHeaders("a", "bad")); err == nil {
		t.Fatal("a bad header was written")
	}
	if got, err := e.encode("t", changed); err != nil || string(got[1].Value) != "t/4" {
		t.Fatal(got, err)
	}
}

func TestHeadersAreDecodedAsTheirOwnWhateverCameBefore(t *testing.T) {
	c := &countingHeaders{}
	d := &headerDecoder{converter: c}
	null := []record.RawHeader{{Key: "a"}, {Key: "b", Value: []byte("2")}}
	long := string(make([]byte, keptHeader+1))
	for i, step := range []struct {
		topic string
		raw   []record.RawHeader
		want  []record.Header
		calls int
	}{
		{"t", rawHeaders("a", "1", "b", "2"), typedHeaders("a", "1", "b", "2"), 2},
		{"t", rawHeaders("a", "1", "b", "2"), typedHeaders("a", "1", "b", "2"), 0},
		{"t", rawHeaders("a", "1", "b", "3"), typedHeaders("a", "1", "b", "3"), 1},
		{"t", rawHeaders("a", ""), typedHeaders("a", ""), 1},
		{"t", null, []record.Header{{Key: "a"}, {Key: "b", Value: record.String("2")}}, 2},
		{"t", null, []record.Header{{Key: "a"}, {Key: "b", Value: record.String("2")}}, 0},
		{"u", null, []record.Header{{Key: "a"}, {Key: "b", Value: record.String("2")}}, 2},
		{"u", nil, nil, 0},
		{"u", rawHeaders("x", long), typedHeaders("x", long), 1},
		{"u", null, []record.Header{{Key: "a"}, {Key: "b", Value: record.String("2")}}, 0},
	} {
		c.calls = 0
		got, err := d.decode(step.topic, step.raw)
		if err != nil || c.calls != step.calls || !slices.EqualFunc(got, step.want, alike) {
			t.Fatalf("step %d: %v, %v after %d calls, want %v after %d", i, got, err, c.calls, step.want, step.calls)
		}
	}
	if _, err := d.decode("t", rawHeaders("a", "bad")); err == nil {
		t.Fatal("a bad header was read")
	}
}

func TestWhatHeadersWereDecodedToKeepsNoMessageAlive(t *testing.T) {
	d := &headerDecoder{converter: &countingHeaders{}}
	raw := rawHeaders("a", "1")
	got, err := d.decode("t", raw)
	if err != nil {
		t.Fatal(err)
	}
	raw[0].Value[0] = 'x'
	if got[0].Value.Str() != "1" {
		t.Fatal("the header refers to the message")
	}
	if got, _ := d.decode("t", raw); got[0].Value.Str() != "x" {
		t.Fatalf("the changed header was read as %s", got[0].Value.Str())
	}
}

func TestEqualHeadersCostNoAllocation(t *testing.T) {
	e, d := newHeaderEncoder(&countingHeaders{}), &headerDecoder{converter: &countingHeaders{}}
	typed, raw := typedHeaders("a", "1", "b", "2"), rawHeaders("a", "1", "b", "2")
	n := testing.AllocsPerRun(100, func() {
		if _, err := e.encode("t", typed); err != nil {
			t.Fatal(err)
		}
		if _, err := d.decode("t", raw); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func alike(a, b record.Header) bool { return a.Key == b.Key && record.Equal(a.Value, b.Value) }

func TestLargeRecordsDoNotMakeRoomForManySmallOnes(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name        string
		perRecord   int
		n           int
		held        int64
		least, most int
	}{
		{"as before", 750, 1000, 1300 * 1000, 750 * 1000, 760 * 1000},
		{"with schemas", 6000, 800, mib, 4 * mib, 5 * mib},
		{"a large one after small ones", 750, 1, 8 * mib, 8 * mib, 10 * mib},
		{"small ones after a large one", 9 * mib, 1000, 1300 * 1000, 1300 * 1000, 8 * mib},
	} {
		e := &encoder{perRecord: c.perRecord}
		if got := e.room(c.n, c.held); got < c.least || got > c.most {
			t.Errorf("%s: room for %d bytes, want %d to %d", c.name, got, c.least, c.most)
		}
	}
}
