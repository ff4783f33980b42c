package pgoutput

import (
	"encoding/binary"
	"errors"
	"testing"
)

// message builds test messages.
type message []byte

func (m message) u8(v byte) message    { return append(m, v) }
func (m message) u16(v uint16) message { return binary.BigEndian.AppendUint16(m, v) }
func (m message) u32(v uint32) message { return binary.BigEndian.AppendUint32(m, v) }
func (m message) u64(v uint64) message { return binary.BigEndian.AppendUint64(m, v) }
func (m message) str(s string) message { return append(append(m, s...), 0) }
func (m message) text(s string) message {
	return append(m.u8(ColumnText).u32(uint32(len(s))), s...)
}

func begin() message  { return message{'B'}.u64(0x1600000100).u64(1_000_000).u32(77) }
func commit() message { return message{'C'}.u8(0).u64(10).u64(20).u64(2_000_000) }
func relation() message {
	return message{'R'}.u32(5).str("public").str("t").u8('d').u16(2).u8(1).str("id").u32(23).u32(0xffffffff).u8(0).str("v").u32(25).u32(0xffffffff)
}
func insert() message { return message{'I'}.u32(5).u8('N').u16(2).text("1").u8(ColumnNull) }
func update() message {
	return message{'U'}.u32(5).u8('K').u16(2).text("1").u8(ColumnNull).u8('N').u16(2).text("2").u8(ColumnUnchanged)
}
func remove() message   { return message{'D'}.u32(5).u8('O').u16(2).text("1").text("x") }
func truncate() message { return message{'T'}.u32(2).u8(1).u32(5).u32(6) }
func logical() message {
	return append(message{'M'}.u8(1).u64(99).str("pfx").u32(5), "hello"...)
}

var samples = []message{begin(), commit(), relation(), insert(), update(), remove(), truncate(), logical(),
	message{'O'}.u64(9).str("up"), message{'Y'}.u32(99).str("inv").str("mood")}

func TestDecodeReadsEveryKind(t *testing.T) {
	var d Decoder
	for _, m := range samples {
		kind, err := d.Decode(m)
		if err != nil || kind != Kind(m[0]) {
			t.Fatalf("%q: %c, %v", m, kind, err)
		}
	}
	if d.Begin.XID != 77 || d.Begin.FinalLSN.String() != "16/100" || d.Begin.CommitTime != epoch2000+1_000_000 {
		t.Errorf("begin: %+v", d.Begin)
	}
	if d.Commit.EndLSN != 20 || d.Commit.CommitLSN != 10 {
		t.Errorf("commit: %+v", d.Commit)
	}
	if r := d.Relation; r.Name != "t" || len(r.Columns) != 2 || !r.Columns[0].Key || r.Columns[1].Name != "v" || r.Columns[1].TypeMod != -1 {
		t.Errorf("relation: %+v", r)
	}
	if tr := d.Truncate; !tr.Cascade || tr.RestartIdentity || len(tr.Relations) != 2 {
		t.Errorf("truncate: %+v", tr)
	}
	if m := d.Message; !m.Transactional || m.Prefix != "pfx" || string(m.Content) != "hello" || m.LSN != 99 {
		t.Errorf("message: %+v", m)
	}
	if d.Origin.Name != "up" || d.Type.Name != "mood" {
		t.Errorf("origin %+v, type %+v", d.Origin, d.Type)
	}
	if _, err := d.Decode(update()); err != nil {
		t.Fatal(err)
	}
	if c := d.Change; c.OldKind != 'K' || string(c.Old[0].Data) != "1" || c.New[1].Kind != ColumnUnchanged {
		t.Errorf("update: %+v", c)
	}
}

func TestDecodeRefusesEveryTruncatedMessage(t *testing.T) {
	var d Decoder
	for _, m := range samples {
		for n := range len(m) {
			if _, err := d.Decode(m[:n]); !errors.Is(err, ErrShort) {
				t.Errorf("%q cut at %d: %v", m, n, err)
			}
		}
	}
	if _, err := d.Decode([]byte{'S', 0}); !errors.Is(err, ErrUnknown) {
		t.Errorf("streamed message: %v", err)
	}
}

func TestLSNReadsWhatItWrites(t *testing.T) {
	for _, l := range []LSN{0, 1, 0x16B374D848, 1<<64 - 1} {
		if got, err := ParseLSN(l.String()); err != nil || got != l {
			t.Errorf("%v: %v, %v", l, got, err)
		}
	}
	if _, err := ParseLSN("x"); err == nil {
		t.Error("no error for x")
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range samples {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Decoder
		kind, err := d.Decode(b)
		if err != nil {
			return
		}
		for _, c := range append(d.Change.Old, d.Change.New...) {
			if (kind == KindInsert || kind == KindUpdate || kind == KindDelete) && len(c.Data) > len(b) {
				t.Fatalf("column of %d bytes out of a message of %d", len(c.Data), len(b))
			}
		}
	})
}

func BenchmarkDecodeInsert(b *testing.B) {
	m := message{'I'}.u32(5).u8('N').u16(10)
	for range 10 {
		m = m.text("some value of twenty")
	}
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(m); err != nil {
			b.Fatal(err)
		}
	}
}
