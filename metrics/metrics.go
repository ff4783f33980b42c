// Package metrics declares every metric once, with Kafka's MBean name and the exported one (table.go, debezium.go, own.go), and
// serves them in Prometheus' text format.
//
// A Registry hands out scopes: one for the worker, one per connector, one per task. A scope gives handles for the metrics of the
// table and takes them all away when it is closed. Handles are meant to be fetched once and used per batch: an Add is an
// uncontended lock and a few additions, nothing is looked up or allocated.
//
// Names: an attribute of Kafka Connect's MBean kafka.connect:type=T is exported as kafka_connect_T_attribute with dashes as
// underscores, as the usual JMX exporter does; Debezium's attributes as debezium_metrics_Attribute with the labels plugin, name
// and context, as Debezium's own exporter rules do (those that are fed; the table promises nothing else); leat's own begin with leat_. Rates, averages and maxima are over the last one to two
// windows of 30 s, as metrics.sample.window.ms and metrics.num.samples are by default in Kafka; SetWindow changes both.
//
// Limits: attributes that are texts (status, connector-class …) are exported as a metric of value 1 with the text as a label.
package metrics

// kind says how values of a metric come about and which attributes follow from them.
type kind uint8

const (
	kindCounter kind = iota
	kindGauge
	kindText
	kindDistribution
	kindOutcome
)

// attribute is one exported number of a metric.
type attribute struct {
	bean string // Kafka's name of the attribute, such as batch-size-avg
	name string // exported name
	help string
	read reading
}

// reading says which number of a metric's state an attribute shows.
type reading uint8

const (
	readValue   reading = iota // the value, or the total of a counter
	readRate                   // per second, over the window
	readAverage                // over the window
	readMax                    // over the window
	readSuccess
	readFailure
	readAttempts
	readSuccessShare
	readFailureShare
)

// metric is an entry of the table: one measured thing and the attributes shown of it.
type metric struct {
	kind       kind
	bean       string // type=…, such as source-task-metrics; "" for leat's own
	labels     []string
	attributes []attribute
}

// CounterMetric is a metric that only grows.
type CounterMetric struct{ *metric }

// GaugeMetric is a metric with a present value.
type GaugeMetric struct{ *metric }

// TextMetric is a metric whose value is a text, such as a class or a state.
type TextMetric struct{ *metric }

// DistributionMetric is a metric of many values of which average, maximum … are shown.
type DistributionMetric struct{ *metric }

// OutcomeMetric counts successes and failures and shows their share.
type OutcomeMetric struct{ *metric }

// Attribute is one line of the table, for the reference page and for tests.
type Attribute struct {
	MBean  string // type:attribute, "" for leat's own
	Name   string // exported name
	Type   string // counter, gauge or text
	Labels []string
	Help   string
}

// Table lists every attribute of every metric, in the order of declaration.
func Table() []Attribute {
	var out []Attribute
	for _, m := range table {
		for _, a := range m.attributes {
			row := Attribute{Name: a.name, Type: m.exportedType(a), Labels: m.labels, Help: a.help}
			if m.bean != "" {
				row.MBean = m.bean + ":" + a.bean
			}
			out = append(out, row)
		}
	}
	return out
}

func (m *metric) exportedType(a attribute) string {
	switch {
	case m.kind == kindText:
		return "text"
	case m.kind == kindCounter && a.read == readValue,
		a.read == readSuccess, a.read == readFailure, a.read == readAttempts:
		return "counter"
	}
	return "gauge"
}
