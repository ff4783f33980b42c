package metrics

// leat's own metrics: what Kafka Connect and Debezium do not tell.

// Of a task's stages; labels connector, task and stage (record.Stage's words).
var (
	StageRecords  = ownTotal("leat_stage_records_total", "Records that left the stage well", perStage)
	StageFiltered = ownTotal("leat_stage_filtered_total", "Records that the stage left out on purpose", perStage)
	StageErrors   = ownTotal("leat_stage_errors_total", "Records that went wrong in the stage", perStage)
	StageRetries  = ownTotal("leat_stage_retries_total", "Tries of the stage after the first", perStage)
	StageTime     = ownTotal("leat_stage_nanoseconds_total", "Time spent in the stage, in ns", perStage)
	StageBytes    = ownTotal("leat_stage_bytes_total", "Bytes that left the stage", perStage)
)

// Of a task; labels connector and task.
var (
	DeadLettered   = ownTotal("leat_task_dead_lettered_total", "Records written to the dead letter topic and acknowledged", perTask)
	TaskRestarts   = ownTotal("leat_task_restarts_total", "Times that the supervisor began a task anew after an outage", perTask)
	TaskWaiting    = own("leat_task_waiting", "1 while the task waits for an external system that is away", perTask)
	InFlightBytes  = own("leat_task_in_flight_bytes", "Bytes that the task holds between reading and acknowledgement", perTask)
	SinkLagRecords = own("leat_sink_lag_records", "Records that the sink is behind the log, all partitions together", perTask)
	SourceLagBytes = own("leat_source_lag_bytes", "Bytes that the source's confirmed position is behind the database's log", perTask)
)

func ownTotal(name, help string, labels []string) CounterMetric {
	return CounterMetric{declare(metric{kind: kindCounter, labels: labels, attributes: []attribute{{name: name, help: help}}})}
}

func own(name, help string, labels []string) GaugeMetric {
	return GaugeMetric{declare(metric{kind: kindGauge, labels: labels, attributes: []attribute{{name: name, help: help}}})}
}
