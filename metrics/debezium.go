package metrics

// The attributes of Debezium 3.6's connector metrics, MBean debezium.PLUGIN:type=connector-metrics,context=…,server=PREFIX.
// Beyond the scope of a task they want the values of plugin (postgres), context (Snapshot or Streaming), name (topic.prefix) and, of RowsScanned, table.

const debeziumBean = "connector-metrics,context="

// Contexts of Debezium's metrics.
const (
	Snapshot  = "snapshot"
	Streaming = "streaming"
)

var (
	perContext = []string{"connector", "task", "plugin", "context", "name"}
	perTable   = []string{"connector", "task", "plugin", "context", "name", "table"}
)

// In both contexts.
var (
	MilliSecondsSinceLastEvent    = debezium("*", "MilliSecondsSinceLastEvent", "Time since the connector read its last event in ms; -1 before the first")
	TotalNumberOfEventsSeen       = debeziumTotal("*", "TotalNumberOfEventsSeen", "Events that the connector has seen")
	TotalNumberOfCreateEventsSeen = debeziumTotal("*", "TotalNumberOfCreateEventsSeen", "Inserts that the connector has seen")
	TotalNumberOfUpdateEventsSeen = debeziumTotal("*", "TotalNumberOfUpdateEventsSeen", "Updates that the connector has seen")
	TotalNumberOfDeleteEventsSeen = debeziumTotal("*", "TotalNumberOfDeleteEventsSeen", "Deletes that the connector has seen")
	NumberOfEventsFiltered        = debeziumTotal("*", "NumberOfEventsFiltered", "Events left out by include and exclude lists")
	NumberOfErroneousEvents       = debeziumTotal("*", "NumberOfErroneousEvents", "Events that could not be handled")
	QueueTotalCapacity            = debezium("*", "QueueTotalCapacity", "Records that the queue between reading and writing can hold")
	QueueRemainingCapacity        = debezium("*", "QueueRemainingCapacity", "Records that the queue could take now")
	MaxQueueSizeInBytes           = debezium("*", "MaxQueueSizeInBytes", "Bytes that the queue can hold")
	CurrentQueueSizeInBytes       = debezium("*", "CurrentQueueSizeInBytes", "Bytes in the queue")
	CapturedTables                = debeziumText("*", "CapturedTables", "Tables that are captured, with commas between")
)

// In the snapshot context.
var (
	TotalTableCount                 = debezium(Snapshot, "TotalTableCount", "Tables of the snapshot")
	RemainingTableCount             = debezium(Snapshot, "RemainingTableCount", "Tables of which the snapshot is still to be made")
	SnapshotRunning                 = debezium(Snapshot, "SnapshotRunning", "1 while the snapshot runs")
	SnapshotPaused                  = debezium(Snapshot, "SnapshotPaused", "1 while the snapshot is paused")
	SnapshotCompleted               = debezium(Snapshot, "SnapshotCompleted", "1 once the snapshot is complete")
	SnapshotAborted                 = debezium(Snapshot, "SnapshotAborted", "1 when the snapshot was given up")
	SnapshotSkipped                 = debezium(Snapshot, "SnapshotSkipped", "1 when there was no snapshot to make")
	SnapshotDurationInSeconds       = debezium(Snapshot, "SnapshotDurationInSeconds", "Time that the snapshot took so far, in s")
	SnapshotPausedDurationInSeconds = debezium(Snapshot, "SnapshotPausedDurationInSeconds", "Time that the snapshot was paused, in s")
	RowsScanned                     = GaugeMetric{declare(metric{kind: kindGauge, bean: debeziumBean + Snapshot, labels: perTable,
		attributes: []attribute{{bean: "RowsScanned", name: "debezium_metrics_RowsScanned", help: "Rows of the table that the snapshot has read"}}})}
)

// In the streaming context.
var (
	Connected                      = debezium(Streaming, "Connected", "1 while the connector is connected to the database")
	MilliSecondsBehindSource       = debeziumLag()
	NumberOfCommittedTransactions  = debeziumTotal(Streaming, "NumberOfCommittedTransactions", "Transactions that were handled whole")
	NumberOfUnchangedEventsSkipped = debeziumTotal(Streaming, "NumberOfUnchangedEventsSkipped", "Events left out because nothing included changed")
	LastTransactionID              = debeziumText(Streaming, "LastTransactionId", "Transaction handled last")
)

func debeziumMetric(k kind, context, name, help string) *metric {
	return declare(metric{kind: k, bean: debeziumBean + context, labels: perContext,
		attributes: []attribute{{bean: name, name: "debezium_metrics_" + name, help: help}}})
}

func debezium(context, name, help string) GaugeMetric {
	return GaugeMetric{debeziumMetric(kindGauge, context, name, help)}
}

func debeziumTotal(context, name, help string) CounterMetric {
	return CounterMetric{debeziumMetric(kindCounter, context, name, help)}
}

func debeziumText(context, name, help string) TextMetric {
	return TextMetric{debeziumMetric(kindText, context, name, help)}
}

func debeziumLag() DistributionMetric {
	const name, help = "MilliSecondsBehindSource", "Time between a change in the database and its reading in ms"
	m := metric{kind: kindDistribution, bean: debeziumBean + Streaming, labels: perContext, quantiles: true}
	for _, a := range []struct {
		suffix, help string
		read         reading
	}{
		{"", "", readValue}, {"MinValue", ", minimum", readMin}, {"MaxValue", ", maximum", readMax},
		{"AverageValue", ", average", readAverage}, {"P50", ", median", readP50},
		{"P95", ", 95th percentile", readP95}, {"P99", ", 99th percentile", readP99},
	} {
		m.attributes = append(m.attributes, attribute{
			bean: name + a.suffix, name: "debezium_metrics_" + name + a.suffix, help: help + a.help, read: a.read})
	}
	return DistributionMetric{declare(m)}
}
