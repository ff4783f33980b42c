package kafka

import (
	"context"
	"sync"
)

// budget is a number of bytes that may be held at the same time. One goroutine takes; any gives back.
type budget struct {
	mu     sync.Mutex
	limit  int64
	free   int64
	closed bool
	freed  chan struct{}
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, free: limit, freed: make(chan struct{}, 1)}
}

// take waits until n bytes are free. More than there are at all is let in alone.
func (b *budget) take(ctx context.Context, n int64) error {
	for {
		ok, err := b.try(n)
		if ok || err != nil {
			return err
		}
		select {
		case <-b.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *budget) try(n int64) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, ErrClosed
	}
	if b.free < min(n, b.limit) {
		return false, nil
	}
	b.free -= n
	return true, nil
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.free += n
	b.mu.Unlock()
	b.poke()
}

func (b *budget) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.poke()
}

func (b *budget) poke() {
	select {
	case b.freed <- struct{}{}:
	default:
	}
}
