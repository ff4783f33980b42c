package capture

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"leat/config"
)

// Config holds the options that every database source has, in Debezium's names; a source embeds it. Options of features that
// leat does not have yet are read, so that a config from Debezium is accepted, and told by Notes.
type Config struct {
	// TopicPrefix begins the name of every topic and is the source partition of the offsets.
	TopicPrefix string `config:"topic.prefix,required" alias:"database.server.name" importance:"high" group:"Connector"`

	// SchemaInclude are the schemas to capture, as regular expressions; not together with schema.exclude.list.
	SchemaInclude string `config:"schema.include.list" alias:"schema.whitelist" type:"LIST" importance:"high" group:"Filters"`
	// SchemaExclude are the schemas to leave out.
	SchemaExclude string `config:"schema.exclude.list" alias:"schema.blacklist" type:"LIST" group:"Filters"`
	// TableInclude are the tables to capture, as regular expressions on schema.table; not together with table.exclude.list.
	TableInclude string `config:"table.include.list" alias:"table.whitelist" type:"LIST" importance:"high" group:"Filters"`
	// TableExclude are the tables to leave out.
	TableExclude string `config:"table.exclude.list" alias:"table.blacklist" type:"LIST" group:"Filters"`
	// ColumnInclude are the columns to capture, as regular expressions on schema.table.column.
	ColumnInclude string `config:"column.include.list" alias:"column.whitelist" type:"LIST" importance:"high" group:"Filters"`
	// ColumnExclude are the columns to leave out.
	ColumnExclude string `config:"column.exclude.list" alias:"column.blacklist" type:"LIST" group:"Filters"`
	// IgnoreBuiltin leaves out the database's own schemas.
	IgnoreBuiltin bool `config:"table.ignore.builtin" default:"true" importance:"low" group:"Filters"`
	// ColumnMask are the rules column.mask.with.N.chars and column.mask.hash.ALGORITHM.with.salt.SALT, each a list of columns.
	ColumnMask map[string]string `config:"column.mask.*" group:"Filters"`
	// ColumnTruncate are the rules column.truncate.to.N.chars, each a list of columns.
	ColumnTruncate map[string]string `config:"column.truncate.*" group:"Filters"`
	// KeyColumns name the columns of the message key, as table-regex:column,column;…
	KeyColumns string `config:"message.key.columns" group:"Filters"`
	// PropagateColumns are columns whose database type is told in schema parameters.
	PropagateColumns string `config:"column.propagate.source.type" type:"LIST" group:"Filters"`
	// PropagateTypes are database types whose columns are told in schema parameters.
	PropagateTypes string `config:"datatype.propagate.source.type" type:"LIST" group:"Filters"`
	// SkippedOperations are the operations (c, u, d, t, none) that are not sent.
	SkippedOperations []string `config:"skipped.operations" default:"t" importance:"low" group:"Filters"`
	// SkipUnchanged leaves out updates that change no captured column; it needs the whole old row.
	SkipUnchanged bool `config:"skip.messages.without.change,hidden" default:"false" group:"Filters"`

	// DecimalMode is how numeric columns are written.
	DecimalMode DecimalMode `config:"decimal.handling.mode" default:"precise" group:"Values"`
	// TimeMode is how dates and times are written.
	TimeMode TimeMode `config:"time.precision.mode" default:"adaptive" group:"Values"`
	// BinaryMode is how binary columns are written.
	BinaryMode BinaryMode `config:"binary.handling.mode" default:"bytes" importance:"low" group:"Values"`
	// Tombstones tells whether a delete is followed by a tombstone.
	Tombstones bool `config:"tombstones.on.delete" default:"true" group:"Values"`
	// Placeholder stands for a value that the database did not send; text, or hex: and octets.
	Placeholder string `config:"unavailable.value.placeholder" alias:"toasted.value.placeholder" default:"__debezium_unavailable_value" group:"Values"`
	// SchemaNameAdjustment makes schema names valid for Avro.
	SchemaNameAdjustment NameAdjustment `config:"schema.name.adjustment.mode" default:"none" group:"Values"`
	// FieldNameAdjustment makes field names valid for Avro.
	FieldNameAdjustment NameAdjustment `config:"field.name.adjustment.mode,hidden" default:"none" group:"Values"`
	// SchemaComments puts the columns' comments into the schemas.
	SchemaComments bool `config:"include.schema.comments" default:"false" group:"Values"`
	// ExtendedHeaders puts __debezium.context.* headers on the records.
	ExtendedHeaders bool `config:"extended.headers.enabled" default:"true" group:"Values"`

	// NamingStrategy is Debezium's class that names topics.
	NamingStrategy string `config:"topic.naming.strategy" default:"io.debezium.schema.SchemaTopicNamingStrategy" type:"CLASS" group:"Topics"`
	// TopicDelimiter is between the parts of a topic's name.
	TopicDelimiter string `config:"topic.delimiter,hidden" default:"." group:"Topics"`
	// TopicCacheSize is read and of no effect: leat names a topic once per table.
	TopicCacheSize int `config:"topic.cache.size,hidden" default:"10000" group:"Topics"`
	// TransactionTopic is the last part of the transaction topic's name.
	TransactionTopic string `config:"topic.transaction,hidden" alias:"transaction.topic" default:"transaction" group:"Topics"`
	// TopicRegex matches topic names that the *RegexTopicNamingStrategy classes rewrite.
	TopicRegex string `config:"topic.regex,hidden" group:"Topics"`
	// TopicReplacement is what topic.regex is replaced with.
	TopicReplacement string `config:"topic.replacement,hidden" group:"Topics"`

	// HeartbeatInterval is the time between heartbeat records; 0 for none.
	HeartbeatInterval time.Duration `config:"heartbeat.interval.ms" default:"0" min:"0" type:"INT" group:"Heartbeat"`
	// HeartbeatPrefix begins the heartbeat topic's name.
	HeartbeatPrefix string `config:"heartbeat.topics.prefix" alias:"topic.heartbeat.prefix" default:"__debezium-heartbeat" importance:"low" group:"Heartbeat"`
	// HeartbeatName is the whole name of the heartbeat topic, instead.
	HeartbeatName string `config:"topic.heartbeat.name,hidden" group:"Heartbeat"`
	// HeartbeatQuery runs with every heartbeat.
	HeartbeatQuery string `config:"heartbeat.action.query" importance:"low" group:"Heartbeat"`

	// SnapshotMode is when the tables are read.
	SnapshotMode SnapshotMode `config:"snapshot.mode" default:"initial" group:"Snapshot"`
	// SnapshotTables are the tables of which data is read, as regular expressions; all captured ones when empty.
	SnapshotTables string `config:"snapshot.include.collection.list" type:"LIST" group:"Snapshot"`
	// SnapshotThreads is how many tables or parts of tables are read at once; leat reads up to four at once when it is not set.
	SnapshotThreads *int `config:"snapshot.max.threads" min:"1" group:"Snapshot"`
	// SnapshotDelay is a wait before the snapshot.
	SnapshotDelay time.Duration `config:"snapshot.delay.ms" default:"0" min:"0" importance:"low" group:"Snapshot"`
	// StreamingDelay is a wait between the snapshot and the stream.
	StreamingDelay time.Duration `config:"streaming.delay.ms" default:"0" min:"0" importance:"low" group:"Snapshot"`
	// SnapshotFetchSize is read and of no effect: leat reads tables with COPY.
	SnapshotFetchSize *int `config:"snapshot.fetch.size" group:"Snapshot"`
	// SnapshotLocking is which lock is taken on the tables while their structure is read.
	SnapshotLocking LockingMode `config:"snapshot.locking.mode" default:"none" importance:"low" group:"Snapshot"`
	// SnapshotLockTimeout is how long to wait for that lock.
	SnapshotLockTimeout time.Duration `config:"snapshot.lock.timeout.ms" default:"10000" min:"0" group:"Snapshot"`
	// SnapshotIsolation is read and of no effect: leat always reads one consistent snapshot.
	SnapshotIsolation IsolationMode `config:"snapshot.isolation.mode" default:"serializable" importance:"low" group:"Snapshot"`
	// SnapshotOrder is the order of tables by their number of rows.
	SnapshotOrder RowCountOrder `config:"snapshot.tables.order.by.row.count" default:"disabled" group:"Snapshot"`
	// SnapshotOverrides are the tables with a SELECT of their own, in snapshot.select.statement.overrides.SCHEMA.TABLE.
	SnapshotOverrides string `config:"snapshot.select.statement.overrides" type:"LIST" group:"Snapshot"`
	// SnapshotStatements are those SELECTs by table.
	SnapshotStatements map[string]string `config:"snapshot.select.statement.overrides.*" group:"Snapshot"`
	// SnapshotData tells, with mode configuration_based, whether data is read.
	SnapshotData bool `config:"snapshot.mode.configuration.based.snapshot.data" default:"false" group:"Snapshot"`
	// SnapshotStream tells, with mode configuration_based, whether changes are streamed.
	SnapshotStream bool `config:"snapshot.mode.configuration.based.start.stream" default:"false" group:"Snapshot"`
	// SnapshotSchema is read and of no effect for PostgreSQL.
	SnapshotSchema bool `config:"snapshot.mode.configuration.based.snapshot.schema" default:"false" group:"Snapshot"`
	// SnapshotOnSchemaError is read and of no effect for PostgreSQL.
	SnapshotOnSchemaError bool `config:"snapshot.mode.configuration.based.snapshot.on.schema.error" default:"false" group:"Snapshot"`
	// SnapshotOnDataError tells, with mode configuration_based, whether a position that is gone means a new snapshot.
	SnapshotOnDataError bool `config:"snapshot.mode.configuration.based.snapshot.on.data.error" default:"false" group:"Snapshot"`

	// MaxBatch bounds the records of a batch.
	MaxBatch int `config:"max.batch.size" default:"2048" min:"1" group:"Engine"`
	// MaxQueue is read; leat bounds what it holds in bytes.
	MaxQueue int `config:"max.queue.size" default:"8192" min:"1" group:"Engine"`
	// MaxQueueBytes bounds what the source reads ahead, beside network buffers; 0: about 1 MiB per snapshot thread.
	MaxQueueBytes int64 `config:"max.queue.size.in.bytes" default:"0" min:"0" group:"Engine"`
	// PollInterval is read and of no effect: leat does not poll.
	PollInterval time.Duration `config:"poll.interval.ms" default:"500" min:"1" group:"Engine"`
	// MaxRetries is how often in a row the source tries again after what may pass, such as a lost connection; -1 for ever, 0 never.
	MaxRetries int `config:"errors.max.retries" default:"-1" min:"-1" group:"Engine"`
	// RetryWait is read; the worker's own pauses grow.
	RetryWait time.Duration `config:"retriable.restart.connector.wait.ms" default:"10000" min:"0" importance:"low" group:"Engine"`
	// EventFailure is what happens to an event that can not be read.
	EventFailure FailureMode `config:"event.processing.failure.handling.mode" default:"fail" group:"Engine"`
	// ImitateFaults writes what Debezium writes where that loses data: numeric NaN and infinities as null, infinite dates as its
	// overflowed numbers, arrays of more dimensions than declared with null elements.
	ImitateFaults bool `config:"leat.imitate.debezium.faults" default:"false" importance:"low" group:"Values"`

	later
}

// later holds options of features that come in their own issue. Notes tells when one of them is used.
type later struct {
	// Read so that a config of Debezium is accepted; leat does not have it yet, or has no use for it, and notes where it is set to something else.
	TransactionMetadata  bool     `config:"provide.transaction.metadata" default:"false" importance:"low" group:"Later"`
	TransactionFactory   string   `config:"transaction.metadata.factory" default:"io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory" type:"CLASS" importance:"low" group:"Later"`
	SignalCollection     []string `config:"signal.data.collection" group:"Later"`
	SignalChannels       []string `config:"signal.enabled.channels" default:"source" group:"Later"`
	SignalPoll           int64    `config:"signal.poll.interval.ms" default:"5000" group:"Later"`
	NotificationChannels []string `config:"notification.enabled.channels" group:"Later"`
	NotificationTopic    string   `config:"notification.sink.topic.name" group:"Later"`
	ChunkSize            int      `config:"incremental.snapshot.chunk.size" default:"1024" min:"0" group:"Later"`
	Watermarking         string   `config:"incremental.snapshot.watermarking.strategy" default:"INSERT_INSERT" importance:"low" group:"Later"`
	Converters           []string `config:"converters" group:"Later"`
	PostProcessors       []string `config:"post.processors" group:"Later"`
	MetricTags           []string `config:"custom.metric.tags" importance:"low" group:"Later"`
	SanitizePattern      string   `config:"custom.sanitize.pattern" importance:"low" group:"Later"`
	GuardrailMax         int      `config:"guardrail.collections.max" default:"0" group:"Later"`
	GuardrailAction      string   `config:"guardrail.collections.limit.action" default:"warn" group:"Later"`
	TablesStorage        string   `config:"memory.management.tables.class" default:"io.debezium.relational.ConcurrentMapTableMappingStorage" type:"CLASS" importance:"low" group:"Later"`
	SchemasStorage       string   `config:"memory.management.schemas.class" default:"io.debezium.relational.ConcurrentMapTableMappingStorage" type:"CLASS" importance:"low" group:"Later"`
	OpenLineage          bool     `config:"openlineage.integration.enabled" default:"false" importance:"low" group:"Later"`
	LockingCustom        string   `config:"snapshot.locking.mode.custom.name" group:"Later"`
	QueryMode            string   `config:"snapshot.query.mode" default:"select_all" importance:"low" group:"Later"`
	QueryModeCustom      string   `config:"snapshot.query.mode.custom.name" group:"Later"`
	ModeCustom           string   `config:"snapshot.mode.custom.name" alias:"snapshot.custom.class" group:"Later"`
	LegacyThreads        bool     `config:"legacy.snapshot.max.threads" alias:"internal.legacy.snapshot.max.threads" default:"false" importance:"low" group:"Later"`
	ThreadsMultiplier    int      `config:"snapshot.max.threads.multiplier" default:"1" min:"1" group:"Later"`
	SourceInfoMaker      string   `config:"sourceinfo.struct.maker" type:"CLASS" importance:"low" group:"Later"`
	Statistics           bool     `config:"statistics.metrics.enabled" default:"true" importance:"low" group:"Later"`
	ShutdownTimeout      int64    `config:"executor.shutdown.timeout.ms" default:"4000" importance:"low" group:"Later"`
	ValidationTimeout    int64    `config:"connection.validation.timeout.ms" default:"60000" importance:"low" group:"Later"`
	QueryFetchSize       int      `config:"query.fetch.size" default:"0" group:"Later"`
	QueueProvider        string   `config:"queue.provider.type,hidden" default:"memory" group:"Later"`
	ReadOnly             bool     `config:"read.only,hidden" default:"false" group:"Later"`
}

// notYet are the keys whose feature leat does not have, with the feature's name. A value equal to the one given is no use of it.
var notYet = []struct{ key, harmless, feature string }{
	{"provide.transaction.metadata", "false", "transaction metadata"},
	{"signal.data.collection", "", "signals"},
	{"signal.kafka.topic", "", "signals"},
	{"signal.file", "", "signals"},
	{"notification.enabled.channels", "", "notifications"},
	{"converters", "", "custom converters"},
	{"post.processors", "", "post processors"},
	{"openlineage.integration.enabled", "false", "OpenLineage"},
	{"snapshot.query.mode", "select_all", "custom snapshot queries"},
	{"custom.metric.tags", "", "custom metric tags"},
	{"column.propagate.source.type", "", "source types in schema parameters"},
	{"datatype.propagate.source.type", "", "source types in schema parameters"},
	{"guardrail.collections.max", "0", "the limit of captured tables"},
	{"queue.provider.type", "memory", "other queue providers"},
	{"read.only", "false", "signals"},
	{"signal.enabled.channels", "source", "signals"},
	{"signal.poll.interval.ms", "5000", "signals"},
	{"notification.sink.topic.name", "", "notifications"},
	{"incremental.snapshot.chunk.size", "1024", "incremental snapshots"},
	{"incremental.snapshot.watermarking.strategy", "INSERT_INSERT", "incremental snapshots"},
	{"guardrail.collections.limit.action", "warn", "the limit of captured tables"},
	{"key.field.name", "", "key uniqueness of the regex naming strategies"},
	{"key.field.regex", "", "key uniqueness of the regex naming strategies"},
	{"key.field.replacement", "", "key uniqueness of the regex naming strategies"},
	{"key.enforce.uniqueness", "false", "key uniqueness of the regex naming strategies"},
}

// NoEffect is an option that leat reads and has no use for, and why. Set to Harmless it asks for nothing.
type NoEffect struct{ Key, Harmless, Why string }

var noEffect = []NoEffect{
	{"max.queue.size", "8192", "leat bounds what it holds in bytes"},
	{"poll.interval.ms", "500", "leat waits for changes instead of polling"},
	{"retriable.restart.connector.wait.ms", "10000", "the pauses between tries grow by themselves"},
	{"executor.shutdown.timeout.ms", "4000", "the worker's own limit bounds a stop"},
	{"connection.validation.timeout.ms", "60000", "connecting has a limit of its own"},
	{"snapshot.fetch.size", "", "tables are read with COPY"},
	{"query.fetch.size", "0", "tables are read with COPY"},
	{"snapshot.isolation.mode", "serializable", "leat always reads one consistent snapshot"},
	{"snapshot.max.threads.multiplier", "1", "large tables are cut into ranges of 64 MiB"},
	{"legacy.snapshot.max.threads", "false", "large tables are cut into ranges of 64 MiB"},
	{"snapshot.mode.configuration.based.snapshot.schema", "false", "schemas come with the data"},
	{"snapshot.mode.configuration.based.snapshot.on.schema.error", "false", "schemas come with the data"},
	{"snapshot.mode.custom.name", "", "it is a Java class"},
	{"snapshot.locking.mode.custom.name", "", "it is a Java class"},
	{"snapshot.query.mode.custom.name", "", "it is a Java class"},
	{"sourceinfo.struct.maker", "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker", "it is a Java class"},
	{"transaction.metadata.factory", "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory", "it is a Java class"},
	{"memory.management.tables.class", "io.debezium.relational.ConcurrentMapTableMappingStorage", "it is a Java class"},
	{"memory.management.schemas.class", "io.debezium.relational.ConcurrentMapTableMappingStorage", "it is a Java class"},
	{"statistics.metrics.enabled", "true", "leat's metrics are always there"},
	{"custom.sanitize.pattern", "", "leat hides every option that holds a secret"},
	{"topic.cache.size", "10000", "a topic is named once per table"},
}

// Ineffective tells which options ask for what has no effect.
func Ineffective(props map[string]string, options []NoEffect) []string {
	var notes []string
	for _, o := range options {
		if v := strings.TrimSpace(props[o.Key]); v != "" && !strings.EqualFold(v, o.Harmless) {
			notes = append(notes, fmt.Sprintf("%s has no effect: %s.", o.Key, o.Why))
		}
	}
	return notes
}

// Notes tells which options ask for what leat does not do yet: nothing is ignored in silence.
func Notes(props map[string]string) []string {
	var notes []string
	for _, n := range notYet {
		if v := strings.TrimSpace(props[n.key]); v != "" && !strings.EqualFold(v, n.harmless) {
			notes = append(notes, fmt.Sprintf("%s=%s has no effect: leat does not do %s yet.", n.key, v, n.feature))
		}
	}
	notes = append(notes, Ineffective(props, noEffect)...)
	sort.Strings(notes)
	return notes
}

// RowCountOrder is snapshot.tables.order.by.row.count.
type RowCountOrder string

// Words lists the orders.
func (RowCountOrder) Words() []string { return []string{"disabled", "ascending", "descending"} }

// UnmarshalText reads an order.
func (m *RowCountOrder) UnmarshalText(b []byte) error { return word(m, b, m.Words()) }

// Check gives the problems that span options.
func (c *Config) Check() []config.Problem {
	var out []config.Problem
	both := func(a, b, ka, kb string) {
		if a != "" && b != "" {
			out = append(out, config.Problemf(ka, "%s can not be used together with %s. Keep one of them.", ka, kb))
		}
	}
	both(c.SchemaInclude, c.SchemaExclude, "schema.include.list", "schema.exclude.list")
	both(c.TableInclude, c.TableExclude, "table.include.list", "table.exclude.list")
	both(c.ColumnInclude, c.ColumnExclude, "column.include.list", "column.exclude.list")
	if !validTopicName(c.TopicPrefix) {
		out = append(out, config.Problemf("topic.prefix", "Invalid value %s: a topic prefix has only letters, digits, '.', '_' and '-'.", c.TopicPrefix))
	}
	if c.MaxQueue <= c.MaxBatch {
		out = append(out, config.Problemf("max.queue.size", "Invalid value %d: it must be larger than max.batch.size, which is %d.", c.MaxQueue, c.MaxBatch))
	}
	for _, op := range c.SkippedOperations {
		if !strings.Contains("c,u,d,t,none", op) || op == "" {
			out = append(out, config.Problemf("skipped.operations", "Invalid value %s: the operations are c, u, d, t and none.", op))
		}
	}
	if _, err := NewFilter(c); err != nil {
		out = append(out, config.Problemf("table.include.list", "%v.", err))
	}
	if _, err := NewColumnRules(c); err != nil {
		out = append(out, config.Problemf("column.mask", "%v.", err))
	}
	if _, err := parseKeyColumns(c.KeyColumns); err != nil {
		out = append(out, config.Problemf("message.key.columns", "%v.", err))
	}
	if _, err := NewNaming(c); err != nil {
		out = append(out, config.Problemf("topic.naming.strategy", "%v.", err))
	}
	switch c.SnapshotMode {
	case SnapshotCustom:
		out = append(out, config.Problemf("snapshot.mode", "Invalid value custom: a snapshotter is a Java class. Use one of the built-in modes."))
	}
	if c.SnapshotLocking == LockCustom {
		out = append(out, config.Problemf("snapshot.locking.mode", "Invalid value custom: a lock is a Java class. Use none or shared."))
	}
	return out
}

// Skips tells whether records of an operation are left out.
func (c *Config) Skips(op byte) bool {
	for _, s := range c.SkippedOperations {
		if len(s) == 1 && s[0] == op {
			return true
		}
	}
	return false
}
