// Package metrics declares every metric once, with Kafka's MBean name and the exported one, and serves them in Prometheus' text format.
package metrics

// Registry holds the metrics of one process.
type Registry struct{ registry }
