package capture

import "leat/record"

// Slab hands out the memory of values: a few large blocks instead of many small ones. What it handed out belongs to whoever
// took it and is never used again; the blocks live as long as any value in them. Since a value keeps its whole block alive, and the block
// what its other values refer to, whoever puts large values in ends the block with Cut.
type Slab struct {
	values []record.Value
	bytes  []byte
}

const (
	valuesBlock = 4096
	bytesBlock  = 64 << 10
)

// Values gives n null values in one piece.
func (s *Slab) Values(n int) []record.Value {
	if len(s.values) < n {
		s.values = make([]record.Value, max(n, valuesBlock))
	}
	out := s.values[:n:n]
	s.values = s.values[n:]
	return out
}

// Cut ends the present blocks: what is taken from here on lives apart from what was taken before.
func (s *Slab) Cut() { s.values, s.bytes = nil, nil }

// Buffer gives an empty buffer that at least n bytes can be appended to; Keep ends it.
func (s *Slab) Buffer(n int) []byte {
	if len(s.bytes) < n {
		s.bytes = make([]byte, max(n, bytesBlock))
	}
	return s.bytes[:0]
}

// Keep ends a buffer: b is what Buffer gave, with bytes appended. It returns b, which is safe to refer to from a value.
func (s *Slab) Keep(b []byte) []byte {
	if len(b) > 0 && len(b) <= len(s.bytes) && &b[0] == &s.bytes[0] {
		s.bytes = s.bytes[len(b):]
	}
	return b[:len(b):len(b)]
}
