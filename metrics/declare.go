package metrics

import "strings"

// This file holds the words that table.go, debezium.go and own.go are written in.

// table is every metric of the program. It is filled by the declarations of this package alone and read-only afterwards.
var table []*metric

var (
	noLabels      = []string(nil)
	connectorOnly = []string{"connector"}
	perTask       = []string{"connector", "task"}
	perStage      = []string{"connector", "task", "stage"}
)

func declare(m metric) *metric {
	table = append(table, &m)
	return &m
}

func exported(bean, attr string) string {
	return "kafka_connect_" + strings.ReplaceAll(bean, "-", "_") + "_" + strings.ReplaceAll(attr, "-", "_")
}

func attr(bean, name, help string, read reading) attribute {
	return attribute{bean: name, name: exported(bean, name), help: help, read: read}
}

// counted declares NAME-total and NAME-rate.
func counted(bean, name, help string, labels []string) CounterMetric {
	return CounterMetric{declare(metric{kind: kindCounter, bean: bean, labels: labels, attributes: []attribute{
		attr(bean, name+"-total", help, readValue),
		attr(bean, name+"-rate", help+", per second", readRate),
	}})}
}

// total declares an attribute that only grows and has no rate.
func total(bean, name, help string, labels []string) CounterMetric {
	return CounterMetric{declare(metric{kind: kindCounter, bean: bean, labels: labels,
		attributes: []attribute{attr(bean, name, help, readValue)}})}
}

func gauge(bean, name, help string, labels []string) GaugeMetric {
	return GaugeMetric{declare(metric{kind: kindGauge, bean: bean, labels: labels,
		attributes: []attribute{attr(bean, name, help, readValue)}})}
}

func text(bean, name, help string, labels []string) TextMetric {
	return TextMetric{declare(metric{kind: kindText, bean: bean, labels: labels,
		attributes: []attribute{attr(bean, name, help, readValue)}})}
}

// spread declares average and maximum; format has a % where avg and max go.
func spread(bean, format, help string, labels []string) DistributionMetric {
	name := func(word string) string { return strings.Replace(format, "%", word, 1) }
	return DistributionMetric{declare(metric{kind: kindDistribution, bean: bean, labels: labels, attributes: []attribute{
		attr(bean, name("avg"), help+", average", readAverage),
		attr(bean, name("max"), help+", maximum", readMax),
	}})}
}
