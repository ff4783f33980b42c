package connector

import (
	"context"

	"leat/record"
)

// Writer is a plain synchronous target: what Write accepted is durable when it returns. Errors are those of Sink.Put.
type Writer interface {
	Write(ctx context.Context, batch record.Batch) error
	Close(ctx context.Context) error
}

// SinkOf makes a Sink of a Writer.
func SinkOf(w Writer) Sink { return &writerSink{w: w, durable: record.Offsets{}} }

type writerSink struct {
	w       Writer
	durable record.Offsets
}

func (s *writerSink) Assign(_ context.Context, gained, lost []record.Partition) error {
	for _, p := range lost {
		delete(s.durable, p)
	}
	for _, p := range gained {
		delete(s.durable, p)
	}
	return nil
}

func (s *writerSink) Put(ctx context.Context, batch record.Batch) error {
	err := s.w.Write(ctx, batch)
	if _, partial := err.(*BatchError); err != nil && !partial {
		return err
	}
	for i := range batch.Records {
		r := &batch.Records[i]
		if next := r.Offset + 1; next > s.durable[r.Origin] {
			s.durable[r.Origin] = next
		}
	}
	return err
}

func (s *writerSink) Durable(context.Context, bool) (record.Offsets, error) {
	out := make(record.Offsets, len(s.durable))
	for p, o := range s.durable {
		out[p] = o
	}
	return out, nil
}

func (s *writerSink) Close(ctx context.Context) error { return s.w.Close(ctx) }
