package offsets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// This file reads the offset file of Kafka Connect's standalone worker: a java.util.HashMap<byte[], byte[]> in Java's serialised form.

// The words of Java's object serialisation stream protocol that such a file has.
const (
	javaMagic     = 0xaced0005 // with version 5
	javaNull      = 0x70
	javaReference = 0x71
	javaClassDesc = 0x72
	javaObject    = 0x73
	javaArray     = 0x75
	javaBlock     = 0x77
	javaEnd       = 0x78
	javaHandles   = 0x7e0000
	javaFields    = "\x00\x02F\x00\x0aloadFactorI\x00\x09threshold"
)

func isJava(data []byte) bool {
	return len(data) >= 4 && binary.BigEndian.Uint32(data) == javaMagic
}

var errJava = errors.New("serialised Java data of another shape than HashMap<byte[], byte[]>")

// javaReader reads the stream; the first thing that does not fit ends it.
type javaReader struct {
	in      *bytes.Reader
	handles []any // what a reference may mean: []byte for arrays, nil for anything else
	err     error
}

func (f *File) readJava(data []byte) error {
	r := &javaReader{in: bytes.NewReader(data[4:])}
	pairs := r.hashMap()
	if r.err != nil {
		return r.err
	}
	for _, p := range pairs {
		if err := f.memory.set(p.key, p.value); err != nil {
			return err
		}
	}
	return nil
}

func (r *javaReader) hashMap() []encoded {
	r.expect(javaObject)
	r.classDesc("java.util.HashMap")
	r.handles = append(r.handles, nil) // the map itself
	r.bytes(8)                         // loadFactor, threshold
	r.expect(javaBlock)
	r.expect(8)
	r.bytes(4) // buckets
	n := r.uint32()
	var out []encoded
	for i := uint32(0); i < n && r.err == nil; i++ {
		out = append(out, encoded{key: r.array(), value: r.array()})
	}
	r.expect(javaEnd)
	return out
}

// classDesc reads a description of a class, or a reference to one; the class must be name.
func (r *javaReader) classDesc(name string) {
	switch r.byte() {
	case javaReference:
		r.reference()
	case javaClassDesc:
		r.handles = append(r.handles, nil)
		if got := string(r.bytes(int(r.uint16()))); got != name {
			r.fail()
		}
		r.bytes(8) // serialVersionUID
		r.byte()   // flags
		if name == "java.util.HashMap" {
			if string(r.bytes(len(javaFields))) != javaFields {
				r.fail()
			}
		} else if r.uint16() != 0 {
			r.fail()
		}
		r.expect(javaEnd)
		r.expect(javaNull) // no super class
	default:
		r.fail()
	}
}

// array reads a byte[], a reference to one, or null.
func (r *javaReader) array() []byte {
	switch r.byte() {
	case javaNull:
		return nil
	case javaReference:
		b, ok := r.reference().([]byte)
		if !ok {
			r.fail()
		}
		return b
	case javaArray:
		r.classDesc("[B")
		r.handles = append(r.handles, nil)
		at := len(r.handles) - 1
		b := r.bytes(int(r.uint32()))
		r.handles[at] = b
		return b
	}
	r.fail()
	return nil
}

func (r *javaReader) reference() any {
	i := int(r.uint32()) - javaHandles
	if r.err != nil || i < 0 || i >= len(r.handles) {
		r.fail()
		return nil
	}
	return r.handles[i]
}

func (r *javaReader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w, at byte %d", errJava, int(r.in.Size())-r.in.Len()+4)
	}
}

func (r *javaReader) bytes(n int) []byte {
	if r.err != nil || n < 0 || n > r.in.Len() {
		r.fail()
		return nil
	}
	b := make([]byte, n)
	_, _ = r.in.Read(b) // n bytes are there
	return b
}

func (r *javaReader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *javaReader) uint16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *javaReader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *javaReader) expect(b byte) {
	if r.byte() != b {
		r.fail()
	}
}
