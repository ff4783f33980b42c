package herder

import (
	"context"
	"sync"

	"leat/kafka"
	"leat/record"
)

// memory is a table of this process only, for standalone: what is put is seen at once and gone with the process.
type memory struct {
	mu      sync.Mutex
	next    record.Offset
	changed func(kafka.Message)
}

// OpenMemory makes a table that lives in memory.
func OpenMemory(changed func(kafka.Message)) kafka.Table { return &memory{changed: changed} }

func (m *memory) Put(_ context.Context, messages ...kafka.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range messages {
		msg.Offset = m.next
		m.next++
		m.changed(msg)
	}
	return nil
}

func (m *memory) Sync(context.Context) error { return nil }

func (m *memory) Close() {}
