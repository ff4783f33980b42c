// Package pgoutput decodes the messages of PostgreSQL's logical decoding plug-in pgoutput, protocol version 1. It is pure: no
// input or output, no state of the database.
//
// Nothing is copied: strings and column data refer to the message that was given to Decode, and the Decoder's own structs and
// slices are overwritten by the next call. Every byte sequence either decodes or gives an error; none makes it panic.
//
// Not here: streamed transactions in progress (protocol version 2 to 4) and two-phase commits (3); their messages give
// ErrUnknown.
package pgoutput

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// LSN is a position in the write-ahead log.
type LSN uint64

// String writes it as PostgreSQL does, "16/B374D848".
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// ParseLSN reads what String writes.
func ParseLSN(s string) (LSN, error) {
	var hi, lo uint32
	if n, err := fmt.Sscanf(s, "%X/%X", &hi, &lo); err != nil || n != 2 {
		return 0, fmt.Errorf("invalid log position %q", s)
	}
	return LSN(hi)<<32 | LSN(lo), nil
}

// Kind is the type of a message.
type Kind byte

// The kinds of protocol version 1.
const (
	KindBegin    Kind = 'B'
	KindCommit   Kind = 'C'
	KindOrigin   Kind = 'O'
	KindRelation Kind = 'R'
	KindType     Kind = 'Y'
	KindInsert   Kind = 'I'
	KindUpdate   Kind = 'U'
	KindDelete   Kind = 'D'
	KindTruncate Kind = 'T'
	KindMessage  Kind = 'M'
)

// Kinds of a column's data.
const (
	ColumnNull      byte = 'n'
	ColumnUnchanged byte = 'u' // TOASTed and not sent
	ColumnText      byte = 't'
	ColumnBinary    byte = 'b'
)

// ErrUnknown is a message of a kind that the decoder does not know.
var ErrUnknown = errors.New("unknown message")

// ErrShort is a message that ends too early.
var ErrShort = errors.New("message ends too early")

// Begin starts a transaction.
type Begin struct {
	FinalLSN   LSN   // of the commit record
	CommitTime int64 // µs since 1970
	XID        uint32
}

// Commit ends a transaction.
type Commit struct {
	CommitLSN  LSN
	EndLSN     LSN
	CommitTime int64 // µs since 1970
}

// Origin tells where a replicated transaction comes from.
type Origin struct {
	LSN  LSN
	Name string
}

// Relation describes a table; it comes before the table's first change and after each change of its shape.
type Relation struct {
	ID        uint32
	Namespace string // "" is pg_catalog
	Name      string
	Identity  byte // d, n, f or i, as pg_class.relreplident
	Columns   []RelationColumn
}

// RelationColumn describes a column.
type RelationColumn struct {
	Key     bool // part of the replica identity
	Name    string
	TypeOID uint32
	TypeMod int32
}

// Type names a type that is not built in.
type Type struct {
	OID       uint32
	Namespace string
	Name      string
}

// Column is one value of a tuple.
type Column struct {
	Kind byte
	Data []byte
}

// Change is an insert, an update or a delete.
type Change struct {
	Relation uint32
	OldKind  byte // 'K' the key, 'O' the whole old row, 0 neither
	Old, New []Column
}

// Truncate empties tables.
type Truncate struct {
	Cascade, RestartIdentity bool
	Relations                []uint32
}

// Message is a logical message of pg_logical_emit_message.
type Message struct {
	Transactional bool
	LSN           LSN
	Prefix        string
	Content       []byte
}

// Decoder decodes one message at a time into the field that belongs to its kind.
type Decoder struct {
	Begin    Begin
	Commit   Commit
	Origin   Origin
	Relation Relation
	Type     Type
	Change   Change
	Truncate Truncate
	Message  Message

	oldCols, newCols []Column
}

// Decode decodes one message and tells which field it filled.
func (d *Decoder) Decode(msg []byte) (Kind, error) {
	if len(msg) == 0 {
		return 0, ErrShort
	}
	kind := Kind(msg[0])
	r := reader{b: msg[1:]}
	switch kind {
	case KindInsert, KindUpdate, KindDelete:
		d.change(kind, &r)
	case KindBegin:
		d.Begin = Begin{LSN(r.u64()), micros(r.u64()), r.u32()}
	case KindCommit:
		r.u8()
		d.Commit = Commit{LSN(r.u64()), LSN(r.u64()), micros(r.u64())}
	case KindOrigin:
		d.Origin = Origin{LSN(r.u64()), r.str()}
	case KindRelation:
		d.relation(&r)
	case KindType:
		d.Type = Type{r.u32(), r.str(), r.str()}
	case KindTruncate:
		d.truncate(&r)
	case KindMessage:
		d.Message = Message{Transactional: r.u8()&1 != 0, LSN: LSN(r.u64()), Prefix: r.str()}
		d.Message.Content = r.take(int(r.u32()))
	default:
		return kind, fmt.Errorf("%w of kind %q", ErrUnknown, byte(kind))
	}
	if r.short {
		return kind, fmt.Errorf("%w: kind %q, %d bytes", ErrShort, byte(kind), len(msg))
	}
	return kind, nil
}

func (d *Decoder) change(kind Kind, r *reader) {
	c := &d.Change
	c.Relation, c.OldKind, c.Old, c.New = r.u32(), 0, nil, nil
	part := r.u8()
	if part == 'K' || part == 'O' {
		c.OldKind = part
		d.oldCols = r.tuple(d.oldCols[:0])
		c.Old = d.oldCols
		if kind == KindDelete {
			return
		}
		part = r.u8()
	}
	if part != 'N' {
		r.short = true
		return
	}
	d.newCols = r.tuple(d.newCols[:0])
	c.New = d.newCols
}

func (d *Decoder) relation(r *reader) {
	rel := Relation{ID: r.u32(), Namespace: r.str(), Name: r.str(), Identity: r.u8()}
	n := int(r.u16())
	if n*10 > len(r.b) { // flags, terminator, type and modifier
		r.short = true
		return
	}
	rel.Columns = make([]RelationColumn, n)
	for i := range rel.Columns {
		rel.Columns[i] = RelationColumn{r.u8()&1 != 0, r.str(), r.u32(), int32(r.u32())}
	}
	d.Relation = rel
}

func (d *Decoder) truncate(r *reader) {
	n := int(r.u32())
	flags := r.u8()
	if n < 0 || n > len(r.b)/4 {
		r.short = true
		return
	}
	d.Truncate = Truncate{flags&1 != 0, flags&2 != 0, make([]uint32, n)}
	for i := range d.Truncate.Relations {
		d.Truncate.Relations[i] = r.u32()
	}
}

// reader takes fields off a message; once it is short it gives zeros.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) str() string {
	i := bytes.IndexByte(r.b, 0)
	if i < 0 {
		r.short, r.b = true, nil
		return ""
	}
	s := unsafe.String(unsafe.SliceData(r.b), i)
	r.b = r.b[i+1:]
	return s
}

// tuple appends the columns of a tuple to dst.
func (r *reader) tuple(dst []Column) []Column {
	n := int(r.u16())
	b := r.b
	for range n {
		if len(b) == 0 {
			r.short = true
			return dst
		}
		kind := b[0]
		b = b[1:]
		switch kind {
		case ColumnNull, ColumnUnchanged:
			dst = append(dst, Column{Kind: kind})
		case ColumnText, ColumnBinary:
			if len(b) < 4 {
				r.short = true
				return dst
			}
			size := int(binary.BigEndian.Uint32(b))
			if size < 0 || size > len(b)-4 {
				r.short = true
				return dst
			}
			dst = append(dst, Column{kind, b[4 : 4+size : 4+size]})
			b = b[4+size:]
		default:
			r.short = true
			return dst
		}
	}
	r.b = b
	return dst
}

// epoch2000 is PostgreSQL's epoch.
var epoch2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func micros(pg uint64) int64 { return int64(pg) + epoch2000 }
