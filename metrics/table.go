package metrics

// The MBeans of Kafka Connect 4.3, domain kafka.connect.
const (
	workerBean     = "connect-worker-metrics"
	connectorBean  = "connector-metrics"
	taskBean       = "connector-task-metrics"
	sourceTaskBean = "source-task-metrics"
	sinkTaskBean   = "sink-task-metrics"
	taskErrorBean  = "task-error-metrics"
)

// Of the worker; no labels.
var (
	ConnectorCount   = gauge(workerBean, "connector-count", "Connectors that run in this worker", noLabels)
	TaskCount        = gauge(workerBean, "task-count", "Tasks that run in this worker", noLabels)
	ConnectorStartup = startups("connector")
	TaskStartup      = startups("task")
)

// Of a connector's tasks, as this worker knows them; label connector.
var (
	ConnectorTotalTasks      = tasksIn("total")
	ConnectorRunningTasks    = tasksIn("running")
	ConnectorPausedTasks     = tasksIn("paused")
	ConnectorFailedTasks     = tasksIn("failed")
	ConnectorUnassignedTasks = tasksIn("unassigned")
	ConnectorDestroyedTasks  = tasksIn("destroyed")
	ConnectorRestartingTasks = tasksIn("restarting")
)

// Of a connector; label connector.
var (
	ConnectorStatus  = text(connectorBean, "status", "State of the connector", connectorOnly)
	ConnectorType    = text(connectorBean, "connector-type", "source or sink", connectorOnly)
	ConnectorClass   = text(connectorBean, "connector-class", "Class of the connector", connectorOnly)
	ConnectorVersion = text(connectorBean, "connector-version", "Version of the connector", connectorOnly)
)

// Of any task; labels connector and task.
var (
	TaskStatus           = text(taskBean, "status", "State of the task", perTask)
	TaskRunningRatio     = gauge(taskBean, "running-ratio", "Share of the time that the task was running", perTask)
	TaskPauseRatio       = gauge(taskBean, "pause-ratio", "Share of the time that the task was paused", perTask)
	OffsetCommitTime     = spread(taskBean, "offset-commit-%-time-ms", "Time of an offset commit in ms", perTask)
	OffsetCommit         = commitOutcome()
	BatchSize            = spread(taskBean, "batch-size-%", "Records in a batch", perTask)
	TaskConnectorClass   = text(taskBean, "connector-class", "Class of the connector", perTask)
	TaskConnectorType    = text(taskBean, "connector-type", "source or sink", perTask)
	TaskConnectorVersion = text(taskBean, "connector-version", "Version of the connector", perTask)
	TaskClass            = text(taskBean, "task-class", "Class of the task", perTask)
	TaskVersion          = text(taskBean, "task-version", "Version of the task", perTask)
	KeyConverterClass    = text(taskBean, "key-converter-class", "Class of the key converter", perTask)
	ValueConverterClass  = text(taskBean, "value-converter-class", "Class of the value converter", perTask)
	HeaderConverterClass = text(taskBean, "header-converter-class", "Class of the header converter", perTask)
)

// Of a source task; labels connector and task.
var (
	SourceRecordPoll   = counted(sourceTaskBean, "source-record-poll", "Records read from the source, before transforms", perTask)
	SourceRecordWrite  = counted(sourceTaskBean, "source-record-write", "Records written to the log, after transforms", perTask)
	PollBatchTime      = spread(sourceTaskBean, "poll-batch-%-time-ms", "Time to read a batch from the source in ms", perTask)
	SourceRecordActive = active(sourceTaskBean, "source-record-active-count", "Records read from the source and not yet acknowledged by the log")
)

// Of a sink task; labels connector and task.
var (
	SinkRecordRead         = counted(sinkTaskBean, "sink-record-read", "Records read from the log, before transforms", perTask)
	SinkRecordSend         = counted(sinkTaskBean, "sink-record-send", "Records given to the sink, after transforms", perTask)
	SinkRecordLagMax       = gauge(sinkTaskBean, "sink-record-lag-max", "Records that the sink is behind the log, in the worst partition", perTask)
	SinkPartitionCount     = gauge(sinkTaskBean, "partition-count", "Partitions assigned to the task", perTask)
	OffsetCommitSeqNo      = gauge(sinkTaskBean, "offset-commit-seq-no", "Number of the current offset commit", perTask)
	OffsetCommitCompletion = counted(sinkTaskBean, "offset-commit-completion", "Offset commits completed", perTask)
	OffsetCommitSkip       = counted(sinkTaskBean, "offset-commit-skip", "Offset commits that came too late and were ignored", perTask)
	PutBatchTime           = spread(sinkTaskBean, "put-batch-%-time-ms", "Time to put a batch into the sink in ms", perTask)
	SinkRecordActive       = active(sinkTaskBean, "sink-record-active-count", "Records read from the log and not yet durable in the target")
)

// Of a task's errors; labels connector and task.
var (
	TotalRecordFailures  = total(taskErrorBean, "total-record-failures", "Record operations that failed", perTask)
	TotalRecordErrors    = total(taskErrorBean, "total-record-errors", "Record operations that were tried and went wrong", perTask)
	TotalRecordsSkipped  = total(taskErrorBean, "total-records-skipped", "Records skipped because of errors", perTask)
	TotalRetries         = total(taskErrorBean, "total-retries", "Operations tried again", perTask)
	TotalErrorsLogged    = total(taskErrorBean, "total-errors-logged", "Errors that were logged", perTask)
	DeadLetterRequests   = total(taskErrorBean, "deadletterqueue-produce-requests", "Writes to the dead letter queue that were tried", perTask)
	DeadLetterFailures   = total(taskErrorBean, "deadletterqueue-produce-failures", "Writes to the dead letter queue that failed", perTask)
	LastErrorTimestampMs = gauge(taskErrorBean, "last-error-timestamp", "When the last error was, in ms since the epoch", perTask)
)

func startups(what string) OutcomeMetric {
	name := what + "-startup-"
	return OutcomeMetric{declare(metric{kind: kindOutcome, bean: workerBean, attributes: []attribute{
		attr(workerBean, name+"attempts-total", "Starts of a "+what+" that were tried", readAttempts),
		attr(workerBean, name+"success-total", "Starts of a "+what+" that succeeded", readSuccess),
		attr(workerBean, name+"success-percentage", "Share of starts of a "+what+" that succeeded", readSuccessShare),
		attr(workerBean, name+"failure-total", "Starts of a "+what+" that failed", readFailure),
		attr(workerBean, name+"failure-percentage", "Share of starts of a "+what+" that failed", readFailureShare),
	}})}
}

func tasksIn(state string) GaugeMetric {
	help := "Tasks of the connector that are " + state
	if state == "total" {
		help = "Tasks of the connector"
	}
	return gauge(workerBean, "connector-"+state+"-task-count", help, connectorOnly)
}

func commitOutcome() OutcomeMetric {
	return OutcomeMetric{declare(metric{kind: kindOutcome, bean: taskBean, labels: perTask, attributes: []attribute{
		attr(taskBean, "offset-commit-success-percentage", "Share of offset commits that succeeded", readSuccessShare),
		attr(taskBean, "offset-commit-failure-percentage", "Share of offset commits that failed", readFailureShare),
	}})}
}

func active(bean, name, help string) DistributionMetric {
	return DistributionMetric{declare(metric{kind: kindDistribution, bean: bean, labels: perTask, attributes: []attribute{
		attr(bean, name, help, readValue),
		attr(bean, name+"-max", help+", maximum", readMax),
		attr(bean, name+"-avg", help+", average", readAverage),
	}})}
}
