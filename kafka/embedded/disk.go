package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// diskCheck is how often the disk is looked at. What is written in between must fit into MinFree.
const diskCheck = 500 * time.Millisecond

// diskGuard knows whether the disk is nearly full.
type diskGuard struct {
	dir    string
	least  int64
	logger *slog.Logger
	full   atomic.Bool
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// watchDisk refuses a disk that is nearly full and watches one that is not.
func watchDisk(dir string, least int64, logger *slog.Logger) (*diskGuard, error) {
	free, err := freeBytes(dir)
	if err != nil {
		return nil, fmt.Errorf("embedded log: the free space of %s cannot be told: %w", dir, err)
	}
	if free < least {
		return nil, fmt.Errorf("embedded log: the disk of %s is nearly full: %d MiB free, %d MiB needed; make room or use another directory", dir, free>>20, least>>20)
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &diskGuard{dir: dir, least: least, logger: logger, stop: stop}
	g.done.Go(func() { g.watch(ctx) })
	return g, nil
}

func (g *diskGuard) watch(ctx context.Context) {
	tick := time.NewTicker(diskCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			g.look()
		case <-ctx.Done():
			return
		}
	}
}

func (g *diskGuard) look() {
	free, err := freeBytes(g.dir)
	if err != nil {
		g.logger.Error("the free space of the embedded log's disk cannot be told", "dir", g.dir, "error", err)
		return
	}
	full := free < g.least
	if full == g.full.Swap(full) {
		return
	}
	if full {
		g.logger.Error("the embedded log's disk is nearly full: producers have to wait until there is room", "dir", g.dir, "free", free, "needed", g.least)
	} else {
		g.logger.Info("the embedded log's disk has room again", "dir", g.dir, "free", free)
	}
}

func (g *diskGuard) close() {
	g.stop()
	g.done.Wait()
}
