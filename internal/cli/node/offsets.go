package node

import (
	"context"
	"fmt"
	"log/slog"

	"leat/herder"
	"leat/record"
	"leat/worker"
	"leat/worker/offsets"
)

// lateOffsets is the store of source offsets, which is opened while REST answers already: a log that is away is waited for, and
// whoever asks for offsets meanwhile waits too.
type lateOffsets struct {
	opened chan struct{}
	store  worker.OffsetStore
	close  func()
}

func newLateOffsets() *lateOffsets {
	return &lateOffsets{opened: make(chan struct{}), close: func() {}}
}

// open opens the offset topic, or the file of standalone.
func (l *lateOffsets) open(ctx context.Context, n *Node, topic herder.InternalTopics, log *slog.Logger) error {
	if n.opts.Standalone {
		file, err := offsets.OpenFile(n.opts.Worker.OffsetFile)
		if err != nil {
			return fmt.Errorf("offset.storage.file.filename: %w", err)
		}
		l.store = file
		close(l.opened)
		return nil
	}
	t := topic.Offset
	store, err := offsets.OpenTopic(ctx, n.cluster, offsets.TopicOptions{
		Name: t.Topic, Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Settings: t.Settings, Log: log,
	})
	if err != nil {
		return fmt.Errorf("offset topic %s: %w", t.Topic, err)
	}
	l.store, l.close = store, store.Close
	close(l.opened)
	return nil
}

func (l *lateOffsets) wait(ctx context.Context) error {
	select {
	case <-l.opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lateOffsets) Get(ctx context.Context, connector string, partition record.Value) (record.Value, error) {
	if err := l.wait(ctx); err != nil {
		return record.Value{}, err
	}
	return l.store.Get(ctx, connector, partition)
}

func (l *lateOffsets) Put(ctx context.Context, connector string, offsets []record.SourceOffset) error {
	if err := l.wait(ctx); err != nil {
		return err
	}
	return l.store.Put(ctx, connector, offsets)
}

func (l *lateOffsets) All(ctx context.Context, connector string) ([]record.SourceOffset, error) {
	if err := l.wait(ctx); err != nil {
		return nil, err
	}
	return l.store.All(ctx, connector)
}
