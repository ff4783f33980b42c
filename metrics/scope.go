package metrics

import (
	"strings"
	"time"
)

// handle is what a series reads its numbers from.
type handle interface{ value(reading) float64 }

// series is one metric with its label values.
type series struct {
	metric *metric
	values []string
	handle handle
}

// Scope holds the metrics of one worker, connector or task, and takes them away when it is closed. Asked again for the same metric and
// labels it gives the same handle; for a function, the newer one counts. A nil *Scope gives nil handles.
type Scope struct {
	r       *Registry
	key     string
	labels  []string // name, value, name, value …
	span    time.Duration
	samples int
	series  map[string]*series // guarded by r.mu
}

// Close takes the metrics of the scope away.
func (s *Scope) Close() {
	if s == nil {
		return
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.r.scopes[s.key] == s {
		delete(s.r.scopes, s.key)
	}
}

// Counter gives the handle of a counter. more are the values of labels beyond the scope's own, such as the stage.
func (s *Scope) Counter(m CounterMetric, more ...string) *Counter {
	return open(s, m.metric, more, false, func() *Counter {
		c := &Counter{}
		for _, a := range m.attributes {
			if a.read == readRate {
				c.win = newWindow(s.span, s.samples)
			}
		}
		return c
	})
}

// Gauge gives the handle of a gauge.
func (s *Scope) Gauge(m GaugeMetric, more ...string) *Gauge {
	return open(s, m.metric, more, false, func() *Gauge { return &Gauge{} })
}

// GaugeFunc shows a gauge whose value fn gives whenever it is read, from any goroutine, until the scope is closed.
func (s *Scope) GaugeFunc(m GaugeMetric, fn func() float64, more ...string) {
	open(s, m.metric, more, true, func() *Gauge { return &Gauge{fn: fn} })
}

// Text gives the handle of a text.
func (s *Scope) Text(m TextMetric, more ...string) *Text {
	return open(s, m.metric, more, false, func() *Text { return &Text{} })
}

// TextFunc shows a text that fn gives whenever it is read, from any goroutine, until the scope is closed.
func (s *Scope) TextFunc(m TextMetric, fn func() string, more ...string) {
	open(s, m.metric, more, true, func() *Text { return &Text{fn: fn} })
}

// Distribution gives the handle of a distribution.
func (s *Scope) Distribution(m DistributionMetric, more ...string) *Distribution {
	return open(s, m.metric, more, false, func() *Distribution {
		return &Distribution{win: newWindow(s.span, s.samples)}
	})
}

// Outcome gives the handle of an outcome.
func (s *Scope) Outcome(m OutcomeMetric, more ...string) *Outcome {
	return open(s, m.metric, more, false, func() *Outcome { return &Outcome{} })
}

// open finds or makes a series of the scope.
func open[H handle](s *Scope, m *metric, more []string, replace bool, make func() H) H {
	var none H
	if s == nil {
		return none
	}
	values := s.values(m, more)
	key := m.attributes[0].name + "\x00" + strings.Join(values, "\x00")
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if old := s.series[key]; old != nil && !replace {
		return old.handle.(H)
	}
	h := make()
	s.series[key] = &series{metric: m, values: values, handle: h}
	return h
}

// values gives label values in the metric's order: the scope's by name, the others from more. It panics when they do not fit: that
// is a mistake in the program, not in its input.
func (s *Scope) values(m *metric, more []string) []string {
	out := []string{}
	for _, name := range m.labels {
		if v, ok := s.label(name); ok {
			out = append(out, v)
			continue
		}
		if len(more) == 0 {
			panic("metrics: " + m.attributes[0].name + " wants a value for its label " + name)
		}
		out = append(out, more[0])
		more = more[1:]
	}
	if len(more) > 0 {
		panic("metrics: " + m.attributes[0].name + " has no label for " + more[0])
	}
	return out
}

func (s *Scope) label(name string) (string, bool) {
	for i := 0; i < len(s.labels); i += 2 {
		if s.labels[i] == name {
			return s.labels[i+1], true
		}
	}
	return "", false
}
