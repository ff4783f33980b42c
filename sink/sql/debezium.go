package sql

import (
	"context"
	"strings"
	"time"

	"leat/config"
	"leat/connector"
	"leat/sink/sql/dialect"
)

// DebeziumPlugin answers to Debezium's JDBC sink.
var DebeziumPlugin = connector.Plugin{
	Name:      "PostgresSink",
	Classes:   []string{"io.debezium.connector.jdbc.JdbcSinkConnector", "SqlSink", "SqliteSink"},
	TaskClass: "io.debezium.connector.jdbc.JdbcSinkConnectorTask",
	Version:   "3.6.1.Final",
	Config:    DebeziumConfig{}, Docs: debeziumConfigDocs,
	Prepare: notesOfURL,
	Check:   check,
	NewSink: newSink,
}

// DebeziumConfig are the options of Debezium's JDBC sink.
type DebeziumConfig struct {
	// URL is the target, as a JDBC URL: jdbc:postgresql://host:5432/database or jdbc:sqlite:/path/to/file.db.
	URL string `config:"connection.url,required" importance:"high" group:"Connection"`
	// Username is the user that writes. SQLite has none.
	Username string `config:"connection.username" importance:"high" group:"Connection"`
	// Password is that user's password.
	Password config.Secret `config:"connection.password" importance:"high" group:"Connection"`
	// Provider, and the pool's sizes, are read for compatibility: a task writes over one connection.
	Provider    string `config:"connection.provider" default:"org.hibernate.agroal.internal.AgroalConnectionProvider" importance:"low" group:"Connection"`
	PoolMin     int    `config:"connection.pool.min_size" default:"5" importance:"low" group:"Connection"`
	PoolMax     int    `config:"connection.pool.max_size" default:"32" importance:"low" group:"Connection"`
	PoolStep    int    `config:"connection.pool.acquire_increment" default:"32" importance:"low" group:"Connection"`
	PoolTimeout int64  `config:"connection.pool.timeout" default:"1800" importance:"low" group:"Connection"`
	// RestartOnErrors is read for compatibility: lost connections are always opened again.
	RestartOnErrors bool `config:"connection.restart.on.errors" default:"false" importance:"low" group:"Connection"`

	// InsertMode is insert, upsert or update.
	InsertMode InsertMode `config:"insert.mode" default:"insert" importance:"high" group:"Writes"`
	// DeleteEnabled lets deletes in the source delete rows in the target.
	DeleteEnabled bool `config:"delete.enabled" default:"false" importance:"high" group:"Writes"`
	// TruncateEnabled lets a truncate in the source empty the target's table.
	TruncateEnabled bool `config:"truncate.enabled" default:"false" importance:"medium" group:"Writes"`
	// BatchSize of 1 writes every record in a transaction of its own; any other value lets leat choose, by bytes.
	BatchSize int `config:"batch.size" default:"500" min:"1" importance:"medium" group:"Writes"`
	// ReductionBuffer is read for compatibility: a batch is always brought down to the last state of each row.
	ReductionBuffer bool `config:"use.reduction.buffer" default:"false" importance:"low" group:"Writes"`
	// MaxRetries is how often a batch is tried again in one round, while the target is away; the task then says so, and begins the next.
	MaxRetries int `config:"flush.max.retries" default:"5" min:"0" importance:"low" group:"Writes"`
	// RetryDelay is the pause before a try.
	RetryDelay time.Duration `config:"flush.retry.delay.ms" default:"1000" min:"0" type:"LONG" importance:"low" group:"Writes"`
	// UnnestInsert is read for compatibility: rows are always unnested from arrays.
	UnnestInsert bool `config:"dialect.postgres.unnest.insert.enabled" default:"false" importance:"low" group:"Writes"`
	// IdentityInsert is for SQL Server.
	IdentityInsert bool `config:"dialect.sqlserver.identity.insert" default:"false" importance:"low" group:"Writes"`
	// PostgisSchema is where the PostGIS extension is.
	PostgisSchema string `config:"dialect.postgres.postgis.schema" default:"public" importance:"low" group:"Writes"`

	// PrimaryKeyMode is where the primary key's columns come from: none, kafka, record_key, record_value or record_header.
	PrimaryKeyMode PrimaryKeyMode `config:"primary.key.mode" default:"none" importance:"high" group:"Mapping"`
	// PrimaryKeyFields names the fields of the primary key; empty takes all of the key.
	PrimaryKeyFields []string `config:"primary.key.fields" importance:"high" group:"Mapping"`
	// SchemaEvolution of basic creates tables and adds columns.
	SchemaEvolution SchemaEvolution `config:"schema.evolution" default:"none" importance:"high" group:"Mapping"`
	// QuoteIdentifiers keeps names as they are; without it PostgreSQL's are in lower case. A name that needs quotes always gets them.
	QuoteIdentifiers bool `config:"quote.identifiers" default:"false" importance:"medium" group:"Mapping"`
	// CollectionFormat makes a table's name: ${topic}, and ${source.FIELD} of envelopes.
	CollectionFormat string `config:"collection.name.format" alias:"table.name.format" default:"${topic}" importance:"high" group:"Mapping"`
	// TableFormat is read for compatibility.
	TableFormat string `config:"collection.table.format" default:"${table}" importance:"low" group:"Mapping"`
	// CollectionNaming is the class that makes table names.
	CollectionNaming string `config:"collection.naming.strategy" alias:"table.naming.strategy" default:"io.debezium.sink.naming.DefaultCollectionNamingStrategy" type:"CLASS" importance:"low" group:"Mapping"`
	// ColumnNaming is the class that makes column names.
	ColumnNaming string `config:"column.naming.strategy" default:"io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy" type:"CLASS" importance:"low" group:"Mapping"`
	// FieldInclude are the only fields to write, as FIELD or TOPIC:FIELD; those of the primary key are always written.
	FieldInclude []string `config:"field.include.list" importance:"medium" group:"Mapping"`
	// FieldExclude are fields not to write, as FIELD or TOPIC:FIELD.
	FieldExclude []string `config:"field.exclude.list" importance:"medium" group:"Mapping"`
	// TimeZone is the zone of local times in the target, for values that tell an instant.
	TimeZone string `config:"use.time.zone" alias:"database.time_zone" default:"UTC" importance:"medium" group:"Mapping"`
	// CloudEvents tells the schemas of CloudEvents.
	CloudEvents string `config:"cloud.events.schema.name.pattern" default:".*CloudEvents\\.Envelope$" importance:"low" group:"Mapping"`
	// Placeholder is the text that stands for a column that the source database did not send; such columns are left alone. Empty
	// writes it as it is. leat's own.
	Placeholder string `config:"unavailable.value.placeholder" default:"__debezium_unavailable_value" importance:"low" group:"Mapping"`
	// Hibernate is read for compatibility.
	Hibernate map[string]string `config:"hibernate.*" importance:"low" group:"Connection"`
	// Topics is the worker's; the live check looks for their tables.
	Topics []string `config:"topics,hidden"`
}

// Naming strategies that are part of Debezium; others are Java code.
var (
	underscoreNaming = []string{"", "io.debezium.sink.naming.DefaultCollectionNamingStrategy", "io.debezium.connector.jdbc.naming.DefaultTableNamingStrategy"}
	topicNaming      = []string{"io.debezium.sink.naming.PassthroughCollectionNamingStrategy"}
	columnNaming     = []string{"", "io.debezium.connector.jdbc.naming.DefaultColumnNamingStrategy", "io.debezium.sink.naming.DefaultColumnNamingStrategy"}
)

// Validate checks what spans options.
func (c *DebeziumConfig) Validate() []config.Problem {
	_, problems := c.settings()
	return problems
}

func (c *DebeziumConfig) settings() (*settings, []config.Problem) {
	var p problems
	s := &settings{
		insert: c.InsertMode, deletes: c.DeleteEnabled, truncate: c.TruncateEnabled, pkMode: c.PrimaryKeyMode, pkFields: c.PrimaryKeyFields,
		create: c.SchemaEvolution == "basic", evolve: c.SchemaEvolution == "basic", kinds: map[dialect.Kind]bool{dialect.Plain: true, dialect.Partitioned: true, dialect.View: true},
		tableFormat: c.CollectionFormat, topicInName: func(t string) string { return strings.ReplaceAll(t, ".", "_") }, exactNames: c.QuoteIdentifiers,
		keep: debeziumFilter(c.FieldInclude, c.FieldExclude), envelopes: true, placeholder: c.Placeholder,
		oneByOne: c.BatchSize == 1, retries: c.MaxRetries, retryDelay: c.RetryDelay,
		keys: keyNames{"primary.key.mode", "primary.key.fields", "schema.evolution=basic", "schema.evolution=basic", "delete.enabled"},
	}
	zone := p.zone("use.time.zone", c.TimeZone)
	s.dialect = p.dialect(c.URL, dialect.Options{User: c.Username, Password: c.Password.Reveal(), Zones: dialect.Zones{DB: zone}})
	p.keys(s)
	if c.DeleteEnabled && (c.PrimaryKeyMode == PKNone || c.PrimaryKeyMode == PKKafka) {
		p.add("delete.enabled", "true needs primary.key.mode=record_key, record_value or record_header; it is %s", c.PrimaryKeyMode)
	}
	if len(c.FieldInclude) > 0 && len(c.FieldExclude) > 0 {
		p.add("field.exclude.list", "is set together with field.include.list; set one of them")
	}
	switch {
	case in(topicNaming, c.CollectionNaming):
		s.topicInName = func(t string) string { return t }
	case !in(underscoreNaming, c.CollectionNaming):
		p.add("collection.naming.strategy", "names %s, which is Java code that leat can not run; use collection.name.format or a routing transform", c.CollectionNaming)
	}
	if !in(columnNaming, c.ColumnNaming) {
		p.add("column.naming.strategy", "names %s, which is Java code that leat can not run; rename fields with the ReplaceField transform", c.ColumnNaming)
	}
	return s, p.list
}

// debeziumFilter reads FIELD and TOPIC:FIELD.
func debeziumFilter(include, exclude []string) func(topic, field string) bool {
	list, found := include, true
	if len(exclude) > 0 {
		list, found = exclude, false
	}
	if len(list) == 0 {
		return func(string, string) bool { return true }
	}
	set := map[string]bool{}
	for _, e := range list {
		set[e] = true
	}
	return func(topic, field string) bool {
		if set[field] || set[topic+":"+field] {
			return found
		}
		return !found
	}
}

func newSink(_ context.Context, cfg any, task connector.Task) (connector.Sink, error) {
	s, problems := cfg.(interface {
		settings() (*settings, []config.Problem)
	}).settings()
	if len(problems) > 0 {
		return nil, connector.Fatalf("%s", problems[0])
	}
	return open(s, task), nil
}
