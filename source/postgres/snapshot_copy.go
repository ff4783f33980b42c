package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"leat/connector"
	"leat/record"
	"leat/source/capture"
)

func asSQLState(err error, dst *interface{ SQLState() string }) bool { return errors.As(err, dst) }

// snapWorker reads parts of tables over one connection, with COPY in binary.
type snapWorker struct {
	sn     *snapshot
	wire   *wire
	slab   capture.Slab
	used   int64 // bytes of batches since the slab was new
	expect int
}

// copyHeader begins binary COPY data; flags and the length of an extension follow.
const copyHeader = "PGCOPY\n\xff\r\n\x00"

// run reads parts until there are none. An error ends the snapshot.
func (w *snapWorker) run(ctx context.Context) {
	for p := range w.sn.parts {
		err := w.part(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.sn.report(ctx, snapResult{table: p.table, err: unreadable(err, p.table.id, w.sn.override(p.table.id) != "")})
			return
		}
		if !w.sn.report(ctx, snapResult{table: p.table}) {
			return
		}
	}
}

func (w *snapWorker) newBatch() *batch {
	return newBatch(&w.slab, w.sn.src.cfg.MaxBatch, w.sn.limit, w.expect)
}

// part copies one part.
func (w *snapWorker) part(ctx context.Context, p part) error {
	if err := w.wire.query(ctx, "COPY ("+p.table.sql+p.where+") TO STDOUT (FORMAT binary)", 'H'); err != nil {
		return err
	}
	stop := w.wire.interruptible(ctx)
	defer stop()
	b, atStart := w.newBatch(), true
	for {
		kind, body, err := w.wire.receive()
		if err != nil {
			return contextError(ctx, err)
		}
		switch kind {
		case 'd':
			if b, err = w.copyData(ctx, p.table, b, body, &atStart); err != nil {
				return err
			}
		case 'E':
			return serverError(body)
		case 'Z':
			if len(b.records) > 0 {
				w.give(ctx, p.table, b)
			}
			return nil
		}
	}
}

// copyData reads the rows of one message; rows do not span messages.
func (w *snapWorker) copyData(ctx context.Context, t *snapTable, b *batch, data []byte, atStart *bool) (*batch, error) {
	if *atStart {
		if len(data) < 19 || string(data[:11]) != copyHeader {
			return b, connector.Fatalf("COPY of %s does not begin as binary data does", t.id)
		}
		data = data[19+int(binary.BigEndian.Uint32(data[15:])):]
		*atStart = false
	}
	for len(data) >= 2 {
		n := int(int16(binary.BigEndian.Uint16(data)))
		if n < 0 {
			return b, nil
		}
		rest, size, err := w.row(t, b, data[2:], n)
		if err != nil {
			if connector.ClassOf(err) != connector.BadRecord {
				return b, err
			}
			// The rows before it go first, then the bad one is told; the worker goes on behind it.
			if len(b.records) > 0 {
				w.give(ctx, t, b)
				b = w.newBatch()
			}
			if !w.sn.report(ctx, snapResult{table: t, err: err}) {
				return b, ctx.Err()
			}
		}
		data = rest
		_ = size
		if b.full() {
			if !w.give(ctx, t, b) {
				return b, ctx.Err()
			}
			b = w.newBatch()
		}
	}
	return b, nil
}

func (w *snapWorker) give(ctx context.Context, t *snapTable, b *batch) bool {
	w.expect = len(b.records) + len(b.records)/8
	b.renew(&w.used)
	return w.sn.report(ctx, snapResult{table: t, batch: b})
}

// row decodes one row and adds its record.
func (w *snapWorker) row(st *snapTable, b *batch, data []byte, n int) (rest []byte, size int, err error) {
	t := st.table
	if n != len(t.columns) {
		return nil, 0, fmt.Errorf("COPY of %s gave %d columns instead of %d", st.id, n, len(t.columns))
	}
	out := w.slab.Values(t.fields)
	begin := len(data)
	var bad error
	for i := range n {
		if len(data) < 4 {
			return nil, 0, fmt.Errorf("COPY of %s gave a row that ends too early", st.id)
		}
		length := int(int32(binary.BigEndian.Uint32(data)))
		data = data[4:]
		if length < 0 {
			continue
		}
		if length > len(data) {
			return nil, 0, fmt.Errorf("COPY of %s gave a row that ends too early", st.id)
		}
		c := &t.columns[i]
		v, err := c.decode(&w.slab, data[:length:length])
		if err != nil && bad == nil {
			bad = t.bad(c, err)
		}
		if c.mask != nil {
			v = c.mask(v)
		}
		out[c.field] = v
		data = data[length:]
	}
	if bad != nil {
		return data, 0, bad
	}
	size = begin - len(data)
	if w.sn.src.cfg.Skips('r') {
		return data, size, nil
	}
	value := capture.NewEnvelope(&w.slab, record.Null, record.Struct(out), st.sources[markTrue], capture.OpRead, &b.now)
	b.add(t.record(t.keyOf(&w.slab, out), value, w.sn.src.headers), size, t.fields)
	return data, size, nil
}
