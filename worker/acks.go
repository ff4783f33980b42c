package worker

import (
	"sync"

	"leat/record"
)

// acks keeps the batches that are on their way to the log in order, and gives the source offsets that may be stored: the latest per
// source partition of those batches that are acknowledged together with all before them.
type acks struct {
	mu      sync.Mutex
	queue   []*ticket
	ready   []keyedOffset
	records int // on their way
	signal  chan struct{}
	last    keyedOffset // the partition seen last, to find its key without encoding it again
}

// ticket is one batch on its way.
type ticket struct {
	offsets []record.SourceOffset
	records int
	bytes   int64
	acked   bool
}

type keyedOffset struct {
	key    string
	offset record.SourceOffset
}

func newAcks() *acks { return &acks{signal: make(chan struct{}, 1)} }

// add puts a batch at the end. It is called in the order of Append.
func (a *acks) add(t *ticket) {
	a.mu.Lock()
	a.queue = append(a.queue, t)
	a.records += t.records
	a.mu.Unlock()
}

// ack tells that the log has all of a batch, and makes offsets ready as far as the order allows.
func (a *acks) ack(t *ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.acked = true
	a.records -= t.records
	moved := false
	// Invariant 3: a batch's offsets count only when it and every batch before it are acknowledged.
	for len(a.queue) > 0 && a.queue[0].acked {
		for _, o := range a.queue[0].offsets {
			a.put(o)
			moved = true
		}
		a.queue[0] = nil
		a.queue = a.queue[1:]
	}
	if len(a.queue) == 0 {
		a.queue = nil
	}
	if moved {
		select {
		case a.signal <- struct{}{}:
		default:
		}
	}
}

// put coalesces: the later offset of a partition replaces the earlier one, at its place in the order of the last changes.
func (a *acks) put(o record.SourceOffset) {
	if !record.SameMemory(o.Partition, a.last.offset.Partition) || a.last.key == "" {
		a.last = keyedOffset{partitionKey(o.Partition), o}
	}
	key := a.last.key
	for i := range a.ready {
		if a.ready[i].key == key {
			copy(a.ready[i:], a.ready[i+1:])
			a.ready = a.ready[:len(a.ready)-1]
			break
		}
	}
	a.ready = append(a.ready, keyedOffset{key, o})
}

// take gives what is ready, and forgets it.
func (a *acks) take() []record.SourceOffset {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]record.SourceOffset, len(a.ready))
	for i, k := range a.ready {
		out[i] = k.offset
	}
	a.ready = a.ready[:0]
	return out
}

func (a *acks) active() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records
}

// partitionKey is the same text for the same source partition.
func partitionKey(p record.Value) string {
	b, err := p.MarshalJSON()
	if err != nil {
		return "?" + err.Error()
	}
	return string(b)
}
