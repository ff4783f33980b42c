package metrics

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Counter only grows. Its zero value and nil do nothing wrong, so that code without metrics needs no branches.
type Counter struct {
	total atomic.Int64
	win   *window // nil where no rate is shown
}

// Add counts n more.
func (c *Counter) Add(n int64) {
	if c == nil || n == 0 {
		return
	}
	c.total.Add(n)
	if c.win != nil {
		c.win.add(float64(n))
	}
}

// Total is what was counted.
func (c *Counter) Total() int64 {
	if c == nil {
		return 0
	}
	return c.total.Load()
}

func (c *Counter) value(r reading) float64 {
	if r == readRate {
		return c.win.read(readRate)
	}
	return float64(c.total.Load())
}

// Gauge has a present value: the one set last, or what its function says.
type Gauge struct {
	bits atomic.Uint64
	fn   func() float64
}

// Set sets the value.
func (g *Gauge) Set(v float64) {
	if g != nil {
		g.bits.Store(math.Float64bits(v))
	}
}

func (g *Gauge) value(reading) float64 {
	if g.fn != nil {
		return g.fn()
	}
	return math.Float64frombits(g.bits.Load())
}

// Text holds a text such as a state.
type Text struct {
	text atomic.Pointer[string]
	fn   func() string
}

// Set sets the text.
func (t *Text) Set(s string) {
	if t != nil {
		t.text.Store(&s)
	}
}

func (t *Text) value(reading) float64 { return 1 }

func (t *Text) current() string {
	if t.fn != nil {
		return t.fn()
	}
	if p := t.text.Load(); p != nil {
		return *p
	}
	return ""
}

// Distribution sees many values.
type Distribution struct{ win *window }

// Observe sees a value.
func (d *Distribution) Observe(v float64) {
	if d != nil {
		d.win.add(v)
	}
}

// Since observes the milliseconds since start.
func (d *Distribution) Since(start time.Time) {
	if d != nil {
		d.win.add(float64(time.Since(start)) / float64(time.Millisecond))
	}
}

func (d *Distribution) value(r reading) float64 { return d.win.read(r) }

// Outcome counts successes and failures.
type Outcome struct{ succeeded, failed atomic.Int64 }

// Success counts one that went well.
func (o *Outcome) Success() {
	if o != nil {
		o.succeeded.Add(1)
	}
}

// Failure counts one that went wrong.
func (o *Outcome) Failure() {
	if o != nil {
		o.failed.Add(1)
	}
}

func (o *Outcome) value(r reading) float64 {
	good, bad := float64(o.succeeded.Load()), float64(o.failed.Load())
	switch r {
	case readSuccess:
		return good
	case readFailure:
		return bad
	case readAttempts:
		return good + bad
	}
	if good+bad == 0 {
		return 0
	}
	if r == readSuccessShare {
		return good / (good + bad)
	}
	return bad / (good + bad)
}

// sample is what was seen in one span of time.
type sample struct {
	start time.Time
	count float64
	sum   float64
	max   float64
}

// window keeps the last samples, as Kafka's SampledStat does.
type window struct {
	mu      sync.Mutex
	span    time.Duration
	samples []sample
	at      int
	last    float64
}

func newWindow(span time.Duration, n int) *window {
	w := &window{span: span, samples: make([]sample, n)}
	w.samples[0].start = time.Now()
	return w
}

func (w *window) add(v float64) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &w.samples[w.at]
	if now.Sub(s.start) >= w.span {
		w.at = (w.at + 1) % len(w.samples)
		s = &w.samples[w.at]
		*s = sample{start: now}
	}
	if s.count == 0 || v > s.max {
		s.max = v
	}
	s.count++
	s.sum += v
	w.last = v
}

// read gives a number over the samples that are not older than all windows together.
func (w *window) read(r reading) float64 {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if r == readValue {
		return w.last
	}
	all, oldest := w.merged(now)
	switch {
	case r == readRate:
		return all.sum / w.elapsed(now, oldest).Seconds()
	case all.count == 0:
		return 0
	case r == readAverage:
		return all.sum / all.count
	}
	return all.max
}

func (w *window) merged(now time.Time) (all sample, oldest time.Time) {
	oldest = now
	for _, s := range w.samples {
		if s.count == 0 || now.Sub(s.start) >= w.span*time.Duration(len(w.samples)) {
			continue
		}
		if all.count == 0 {
			all.max = s.max
		}
		all.max = max(all.max, s.max)
		all.count += s.count
		all.sum += s.sum
		if s.start.Before(oldest) {
			oldest = s.start
		}
	}
	return all, oldest
}

// elapsed is the time that a rate is over: at least all windows but the current, so that a first value does not look like a flood.
func (w *window) elapsed(now, oldest time.Time) time.Duration {
	least := w.span * time.Duration(max(1, len(w.samples)-1))
	return max(least, now.Sub(oldest))
}
