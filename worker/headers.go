package worker

import (
	"bytes"
	"slices"

	"leat/convert"
	"leat/record"
)

// Records of one connector mostly carry the same headers, such as Debezium's context headers: what the last ones became is kept and
// shared. Nothing changes a slice of headers in place.

// headerEncoder keeps what the headers of each topic's last record became. One goroutine uses it.
type headerEncoder struct {
	converter convert.HeaderConverter
	last      *encodedHeaders
	topics    map[string]*encodedHeaders
}

type encodedHeaders struct {
	topic   string
	headers []record.Header
	raw     []record.RawHeader
}

// keptTopics bounds what is kept.
const keptTopics = 1000

func newHeaderEncoder(c convert.HeaderConverter) *headerEncoder {
	return &headerEncoder{converter: c, topics: map[string]*encodedHeaders{}}
}

func (e *headerEncoder) encode(topic string, headers []record.Header) ([]record.RawHeader, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	kept := e.last
	if kept == nil || kept.topic != topic {
		kept = e.topics[topic]
	}
	if kept != nil && slices.Equal(kept.headers, headers) {
		e.last = kept
		return kept.raw, nil
	}
	raw := make([]record.RawHeader, len(headers)) // no room: who adds a header gets a slice of their own
	for i, h := range headers {
		b, err := e.converter.EncodeHeader(topic, h.Key, h.Schema, h.Value)
		if err != nil {
			return nil, err
		}
		raw[i] = record.RawHeader{Key: h.Key, Value: b}
	}
	if kept == nil {
		if len(e.topics) >= keptTopics {
			clear(e.topics)
		}
		kept = &encodedHeaders{topic: topic}
		e.topics[topic] = kept
	}
	kept.headers, kept.raw, e.last = slices.Clone(headers), raw, kept
	return raw, nil
}

// headerDecoder keeps what the last record's headers were and became. One goroutine uses it.
type headerDecoder struct {
	converter convert.HeaderConverter
	topic     string
	raw       []record.RawHeader // copies: the bytes of a message share memory with many others
	headers   []record.Header
}

// keptHeader bounds the bytes of a header that is kept.
const keptHeader = 1 << 10

func (d *headerDecoder) decode(topic string, raw []record.RawHeader) ([]record.Header, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if topic != d.topic {
		d.topic, d.raw, d.headers = topic, nil, nil
	}
	if slices.EqualFunc(raw, d.raw, sameHeader) {
		return d.headers, nil
	}
	kept, headers, small := make([]record.RawHeader, len(raw)), make([]record.Header, len(raw)), true
	for i, h := range raw {
		if i < len(d.raw) && sameHeader(h, d.raw[i]) {
			kept[i], headers[i] = d.raw[i], d.headers[i]
			continue
		}
		h.Value = bytes.Clone(h.Value) // what is decoded may refer to it
		s, v, err := d.converter.DecodeHeader(topic, h.Key, h.Value)
		if err != nil {
			return nil, err
		}
		kept[i], headers[i] = h, record.Header{Key: h.Key, Schema: s, Value: v}
		small = small && len(h.Value) <= keptHeader
	}
	if small {
		d.raw, d.headers = kept, headers
	}
	return headers, nil
}

func sameHeader(a, b record.RawHeader) bool {
	return a.Key == b.Key && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
}
