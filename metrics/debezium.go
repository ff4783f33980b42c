package metrics

import "strings"

// Of Debezium 3.6's connector metrics, MBean debezium.PLUGIN:type=connector-metrics,context=…,server=PREFIX, those that a source feeds.
// Beyond the scope of a task they want the values of plugin (postgres), context (snapshot or streaming) and name (topic.prefix).

const debeziumBean = "connector-metrics,context="

// Contexts of Debezium's metrics.
const (
	Snapshot  = "snapshot"
	Streaming = "streaming"
)

var perContext = []string{"connector", "task", "plugin", "context", "name"}

// Fed by functions of the source.
var (
	RemainingTableCount      = GaugeMetric{debezium(kindGauge, Snapshot, "RemainingTableCount", "Tables of which the snapshot is still to be made")}
	MilliSecondsBehindSource = GaugeMetric{debezium(kindGauge, Streaming, "MilliSecondsBehindSource", "Time between a change in the database and its reading in ms")}
	TotalNumberOfEventsSeen  = CounterMetric{debezium(kindCounter, Streaming, "TotalNumberOfEventsSeen", "Events that the connector has seen in the stream")}
	NumberOfErroneousEvents  = CounterMetric{debezium(kindCounter, Streaming, "NumberOfErroneousEvents", "Events that could not be handled and were left out as configured")}
)

func debezium(k kind, context, name, help string) *metric {
	return declare(metric{kind: k, bean: debeziumBean + context, labels: perContext,
		attributes: []attribute{{bean: name, name: "debezium_metrics_" + name, help: help}}})
}

// Func shows what fn gives under a name of the table, until the scope is closed; fn is called from any goroutine. labels are the values
// of labels beyond the scope's own; context is known by the metric. It tells whether the table has such a counter or gauge.
func (s *Scope) Func(name string, fn func() float64, labels map[string]string) bool {
	for _, m := range table {
		if m.attributes[0].name != name || len(m.attributes) > 1 || m.kind != kindGauge && m.kind != kindCounter {
			continue
		}
		if s != nil {
			open(s, m, s.beyond(m, labels), true, func() *Gauge { return &Gauge{fn: fn} })
		}
		return true
	}
	return false
}

// beyond gives the values of a metric's labels that the scope does not have.
func (s *Scope) beyond(m *metric, labels map[string]string) []string {
	var out []string
	for _, l := range m.labels {
		if _, own := s.label(l); own {
			continue
		}
		value := labels[l]
		if context, ok := strings.CutPrefix(m.bean, debeziumBean); ok && l == "context" {
			value = context
		}
		out = append(out, value)
	}
	return out
}
