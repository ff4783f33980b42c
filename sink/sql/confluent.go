package sql

import (
	"strings"
	"time"

	"leat/config"
	"leat/connector"
	"leat/sink/sql/dialect"
)

// ConfluentPlugin answers to Confluent's JDBC sink.
var ConfluentPlugin = connector.Plugin{
	Name:      "JdbcSink",
	Classes:   []string{"io.confluent.connect.jdbc.JdbcSinkConnector"},
	TaskClass: "io.confluent.connect.jdbc.sink.JdbcSinkTask",
	Version:   "10.9.7",
	Config:    ConfluentConfig{}, Docs: confluentConfigDocs,
	Prepare: notesOfURL,
	Check:   check,
	NewSink: newSink,
}

// ConfluentConfig are the options of Confluent's JDBC sink.
type ConfluentConfig struct {
	// URL is the target, as a JDBC URL: jdbc:postgresql://host:5432/database or jdbc:sqlite:/path/to/file.db.
	URL string `config:"connection.url,required" importance:"high" group:"Connection"`
	// User is the user that writes.
	User string `config:"connection.user" importance:"high" group:"Connection"`
	// Password is that user's password.
	Password config.Secret `config:"connection.password" importance:"high" group:"Connection"`
	// Attempts is read for compatibility: max.retries rules.
	Attempts int `config:"connection.attempts" default:"3" min:"1" importance:"low" group:"Connection"`
	// Backoff is read for compatibility: retry.backoff.ms rules.
	Backoff time.Duration `config:"connection.backoff.ms" default:"10000" type:"LONG" importance:"low" group:"Connection"`
	// Credentials is a Java class; only the default is known.
	Credentials string `config:"jdbc.credentials.provider.class" default:"io.confluent.connect.jdbc.util.DefaultJdbcCredentialsProvider" type:"CLASS" importance:"low" group:"Connection"`
	// CredentialsOptions are options of that class.
	CredentialsOptions map[string]string `config:"jdbc.credentials.provider.*" importance:"low" group:"Connection"`
	// Dialect is PostgreSqlDatabaseDialect or SqliteDatabaseDialect, where it is not to be read from the URL.
	Dialect string `config:"dialect.name" importance:"low" group:"Connection"`

	// InsertMode is insert, upsert or update.
	InsertMode InsertMode `config:"insert.mode" default:"insert" importance:"high" group:"Writes"`
	// BatchSize of 1 writes every record in a transaction of its own; any other value lets leat choose, by bytes.
	BatchSize int `config:"batch.size" default:"3000" min:"0" importance:"medium" group:"Writes"`
	// DeleteEnabled takes a null value as a delete.
	DeleteEnabled bool `config:"delete.enabled" default:"false" importance:"medium" group:"Writes" dependents:"pk.fields"`
	// TableTypes are the kinds of tables that may be written to.
	TableTypes []string `config:"table.types" default:"TABLE" importance:"low" group:"Writes"`
	// NullDefaults writes the default of a field where its value is null.
	NullDefaults bool `config:"replace.null.with.default" default:"true" importance:"low" group:"Writes"`
	// HoldLock is for SQL Server.
	HoldLock bool `config:"mssql.use.merge.holdlock" default:"true" importance:"low" group:"Writes"`
	// TrimLog is read for compatibility: values are never logged.
	TrimLog bool `config:"trim.sensitive.log" default:"false" importance:"low" group:"Writes"`

	// TableFormat makes a table's name of ${topic}; SCHEMA.TABLE is split at the dot.
	TableFormat string `config:"table.name.format" default:"${topic}" importance:"medium" group:"Data Mapping"`
	// PKMode is where the primary key's columns come from: none, kafka, record_key or record_value.
	PKMode PrimaryKeyMode `config:"pk.mode" default:"none" importance:"high" group:"Data Mapping" dependents:"pk.fields"`
	// PKFields names the fields of the primary key; empty takes all of the key.
	PKFields []string `config:"pk.fields" importance:"medium" group:"Data Mapping"`
	// Whitelist are the only fields to write; those of the primary key are always written.
	Whitelist []string `config:"fields.whitelist" importance:"medium" group:"Data Mapping"`
	// TimeZone is the zone that times without a zone are written in.
	TimeZone string `config:"db.timezone" default:"UTC" importance:"medium" group:"Data Mapping"`
	// DateTimezone is the zone that dates are written in.
	DateTimezone DateZone `config:"date.timezone" default:"db_timezone" importance:"medium" group:"Data Mapping"`
	// Calendar is read for compatibility: dates are days since the epoch, and need no calendar.
	Calendar CalendarSystem `config:"date.calendar.system" default:"legacy" importance:"low" group:"Data Mapping"`
	// Precision is the unit of timestamp.fields.list.
	Precision StampPrecision `config:"timestamp.precision.mode" default:"microseconds" importance:"low" group:"Data Mapping"`
	// TimestampFields are fields of integers or texts that are timestamps.
	TimestampFields []string `config:"timestamp.fields.list" importance:"medium" group:"Data Mapping"`
	// StringColumn takes values that are texts.
	StringColumn string `config:"string.output.value.column.name" default:"record_value" importance:"low" group:"Data Mapping"`
	// Placeholder is the text that stands for a column that the source database did not send; such columns are left alone. Empty
	// writes it as it is. leat's own.
	Placeholder string `config:"unavailable.value.placeholder" default:"__debezium_unavailable_value" importance:"low" group:"Data Mapping"`

	// AutoCreate creates missing tables.
	AutoCreate bool `config:"auto.create" default:"false" importance:"medium" group:"DDL Support"`
	// AutoEvolve adds missing columns.
	AutoEvolve bool `config:"auto.evolve" default:"false" importance:"medium" group:"DDL Support"`
	// Quote of always keeps names as they are; with never PostgreSQL's are in lower case. A name that needs quotes always gets them.
	Quote Quoting `config:"quote.sql.identifiers" default:"always" importance:"medium" group:"DDL Support"`

	// MaxRetries is how often a batch is tried again in one round, while the target is away; the task then says so, and begins the next.
	MaxRetries int `config:"max.retries" default:"10" min:"0" importance:"medium" group:"Retries"`
	// RetryDelay is the pause before a try.
	RetryDelay time.Duration `config:"retry.backoff.ms" default:"3000" min:"0" type:"INT" importance:"medium" group:"Retries"`
	// Topics is the worker's; the live check looks for their tables.
	Topics []string `config:"topics,hidden"`
}

// Validate checks what spans options.
func (c *ConfluentConfig) Validate() []config.Problem {
	_, problems := c.settings()
	return problems
}

var tableTypes = map[string]dialect.Kind{"TABLE": dialect.Plain, "PARTITIONED TABLE": dialect.Partitioned, "VIEW": dialect.View}

func (c *ConfluentConfig) settings() (*settings, []config.Problem) {
	var p problems
	s := &settings{
		insert: c.InsertMode, deletes: c.DeleteEnabled, pkMode: c.PKMode, pkFields: c.PKFields, create: c.AutoCreate, evolve: c.AutoEvolve,
		kinds: map[dialect.Kind]bool{}, tableFormat: c.TableFormat, topicInName: func(t string) string { return t }, exactNames: c.Quote == "always",
		keep: func(string, string) bool { return true }, placeholder: c.Placeholder, nullDefaults: c.NullDefaults, stringColumn: c.StringColumn,
		oneByOne: c.BatchSize == 1, retries: c.MaxRetries, retryDelay: c.RetryDelay,
		style: dialect.Style{Confluent: true, TimestampFields: map[string]bool{}, NanoTimestamps: c.Precision == "nanoseconds"},
		keys:  keyNames{"pk.mode", "pk.fields", "auto.create=true", "auto.evolve=true", "delete.enabled"},
	}
	for _, t := range c.TableTypes {
		kind, ok := tableTypes[strings.ToUpper(t)]
		if !ok {
			p.add("table.types", "holds %s; the types are TABLE, PARTITIONED TABLE and VIEW", t)
		}
		s.kinds[kind] = true
	}
	if len(c.Whitelist) > 0 {
		set := map[string]bool{}
		for _, f := range c.Whitelist {
			set[f] = true
		}
		s.keep = func(_, field string) bool { return set[field] }
	}
	for _, f := range c.TimestampFields {
		s.style.TimestampFields[f] = true
	}
	zones := dialect.Zones{Shift: true, DB: p.zone("db.timezone", c.TimeZone)}
	if c.DateTimezone == "db_timezone" {
		zones.Date = zones.DB
	}
	s.dialect = p.dialect(c.URL, dialect.Options{User: c.User, Password: c.Password.Reveal(), Zones: zones, Style: s.style})
	p.keys(s)
	if c.DeleteEnabled && c.PKMode != PKRecordKey {
		p.add("delete.enabled", "true needs pk.mode=record_key; it is %s", c.PKMode)
	}
	if c.PKMode == PKRecordHeader {
		p.add("pk.mode", "record_header is not known to this connector class; use none, kafka, record_key or record_value")
	}
	if c.TableFormat == "" {
		p.add("table.name.format", "is empty; ${topic} is the default")
	}
	if !strings.HasSuffix(c.Credentials, "DefaultJdbcCredentialsProvider") && c.Credentials != "" {
		p.add("jdbc.credentials.provider.class", "names %s, which is Java code that leat can not run; use connection.user and connection.password with a config provider", c.Credentials)
	}
	if d := strings.ToLower(c.Dialect); d != "" && s.dialect != nil && !strings.HasPrefix(d, strings.ToLower(s.dialect.Name())) {
		p.add("dialect.name", "%s is not the database of connection.url, %s; leave it empty", c.Dialect, s.dialect.Name())
	}
	return s, p.list
}
