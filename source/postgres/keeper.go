package postgres

import (
	"encoding/binary"
	"time"
)

// keeper answers the server while nobody reads: it repeats the confirmed position at the status interval, and soon after it
// has moved, so that the server neither keeps log for long nor gives the connection up.
type keeper struct {
	wire *wire
	src  *source
	moved, done,
	stopped chan struct{}
}

// epochMicros is PostgreSQL's epoch, 2000, in µs since 1970.
const epochMicros = 10957 * 86400 * 1_000_000

// settle gathers several moves of the position into one answer.
const settle = 100 * time.Millisecond

func startKeeper(w *wire, s *source) *keeper {
	k := &keeper{wire: w, src: s, moved: make(chan struct{}, 1), done: make(chan struct{}), stopped: make(chan struct{})}
	go k.run()
	return k
}

func (k *keeper) run() {
	defer close(k.stopped)
	tick := time.NewTicker(k.src.cfg.StatusInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.done:
			return
		case <-tick.C:
		case <-k.moved:
			select {
			case <-k.done:
				return
			case <-time.After(settle):
			}
		}
		if k.send() != nil {
			return // the reader meets the same error
		}
	}
}

// wake tells that the position has moved.
func (k *keeper) wake() {
	select {
	case k.moved <- struct{}{}:
	default:
	}
}

// send writes a standby status update: written, flushed and applied up to the confirmed position.
func (k *keeper) send() error {
	lsn := k.src.confirmed.Load()
	m := append(make([]byte, 0, 34), 'r')
	for range 3 {
		m = binary.BigEndian.AppendUint64(m, lsn)
	}
	m = binary.BigEndian.AppendUint64(m, uint64(time.Now().UnixMicro()-epochMicros))
	return k.wire.send('d', append(m, 0))
}

// stop ends the goroutine; the connection is closed before.
func (k *keeper) stop() {
	close(k.done)
	<-k.stopped
}
