package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry holds the metrics of one process. Its methods may be called from any goroutine. A nil *Registry gives nil scopes, whose
// handles do nothing.
type Registry struct {
	prom *prometheus.Registry

	mu      sync.Mutex
	span    time.Duration
	samples int
	scopes  map[string]*Scope
}

// New makes a registry with the metrics of the process and of the Go runtime.
func New() *Registry {
	r := &Registry{
		prom: prometheus.NewRegistry(), scopes: map[string]*Scope{},
		span: 30 * time.Second, samples: 2,
	}
	r.prom.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{r})
	return r
}

// SetWindow sets metrics.sample.window.ms and metrics.num.samples for the scopes opened from now on.
func (r *Registry) SetWindow(span time.Duration, samples int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if span > 0 && samples > 0 {
		r.span, r.samples = span, samples
	}
}

// Prometheus gives the registry beneath, for collectors of other libraries.
func (r *Registry) Prometheus() *prometheus.Registry { return r.prom }

// Handler serves GET /metrics.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prom, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Worker opens the scope of the worker.
func (r *Registry) Worker() *Scope { return r.open() }

// Connector opens the scope of a connector.
func (r *Registry) Connector(connector string) *Scope {
	return r.open("connector", connector)
}

// Task opens the scope of a task. A former scope of the task that is still open is no longer shown.
func (r *Registry) Task(connector string, task int) *Scope {
	return r.open("connector", connector, "task", strconv.Itoa(task))
}

func (r *Registry) open(labels ...string) *Scope {
	if r == nil {
		return nil
	}
	key := strings.Join(labels, "\x00")
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Scope{r: r, key: key, labels: labels, span: r.span, samples: r.samples, series: map[string]*series{}}
	r.scopes[key] = s
	return s
}

// Sample is one exported number.
type Sample struct {
	Attribute
	LabelValues []string // beside Attribute.Labels; a text follows as one more
	Value       float64
	Text        string
}

// Value reads one attribute by its exported name or its MBean name (type:attribute); labels are values in the table's order.
func (r *Registry) Value(name string, labels ...string) (float64, bool) {
	s, ok := r.find(name, labels)
	return s.Value, ok
}

// Text reads one attribute that is a text.
func (r *Registry) Text(name string, labels ...string) (string, bool) {
	s, ok := r.find(name, labels)
	return s.Text, ok
}

func (r *Registry) find(name string, labels []string) (found Sample, ok bool) {
	r.each(func(m *metric, a attribute, values []string, h handle) {
		if (a.name == name || m.bean+":"+a.bean == name) && slices.Equal(values, labels) {
			found, ok = sampleOf(m, a, values, h), true
		}
	})
	return found, ok
}

// Samples gives everything that Handler would serve of the table.
func (r *Registry) Samples() []Sample {
	var out []Sample
	r.each(func(m *metric, a attribute, values []string, h handle) {
		out = append(out, sampleOf(m, a, values, h))
	})
	return out
}

func sampleOf(m *metric, a attribute, values []string, h handle) Sample {
	s := Sample{
		Attribute:   Attribute{MBean: m.bean + ":" + a.bean, Name: a.name, Type: m.exportedType(a), Labels: m.labels, Help: a.help},
		LabelValues: values, Value: h.value(a.read),
	}
	if t, ok := h.(*Text); ok {
		s.Text = t.current()
	}
	return s
}

// each walks all series. Values are read without the lock: a gauge's function may take its own.
func (r *Registry) each(visit func(m *metric, a attribute, values []string, h handle)) {
	r.mu.Lock()
	var all []*series
	for _, s := range r.scopes {
		for _, one := range s.series {
			all = append(all, one)
		}
	}
	r.mu.Unlock()
	for _, s := range all {
		for _, a := range s.metric.attributes {
			visit(s.metric, a, s.values, s.handle)
		}
	}
}

// collector shows the registry to Prometheus. It is unchecked: which series there are changes with the connectors.
type collector struct{ r *Registry }

// Describe sends nothing, which makes the collector unchecked.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends every series.
func (c collector) Collect(out chan<- prometheus.Metric) {
	c.r.each(func(m *metric, a attribute, values []string, h handle) {
		labels := m.labels
		if t, ok := h.(*Text); ok {
			labels = append(slices.Clone(labels), labelOf(a.bean))
			values = append(slices.Clone(values), t.current())
		}
		kind := prometheus.GaugeValue
		if m.exportedType(a) == "counter" {
			kind = prometheus.CounterValue
		}
		metric, err := prometheus.NewConstMetric(prometheus.NewDesc(a.name, a.help, labels, nil), kind, h.value(a.read), values...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(prometheus.NewDesc(a.name, a.help, labels, nil), err)
		}
		out <- metric
	})
}

func labelOf(attribute string) string { return strings.ReplaceAll(attribute, "-", "_") }
