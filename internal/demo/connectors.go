package demo

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	sourceName      = "demo-source"
	sinkName        = "demo-sink"
	topicPrefix     = "demo"
	replicationName = "leat_demo" // of the slot and of the publication
)

// topicOf is the topic of a table.
func topicOf(table string) string { return topicPrefix + "." + schemaName + "." + table }

func topics() []string {
	out := make([]string, len(tables))
	for i, t := range tables {
		out[i] = topicOf(t)
	}
	return out
}

// sourceConfig reads the demo's tables, as one would configure Debezium.
func sourceConfig(pg *pgx.ConnConfig) map[string]string {
	included := make([]string, len(tables))
	for i, t := range tables {
		included[i] = schemaName + "." + t
	}
	props := map[string]string{
		"connector.class":             "io.debezium.connector.postgresql.PostgresConnector",
		"tasks.max":                   "1",
		"database.hostname":           pg.Host,
		"database.port":               fmt.Sprint(pg.Port),
		"database.user":               pg.User,
		"database.password":           pg.Password,
		"database.dbname":             pg.Database,
		"topic.prefix":                topicPrefix,
		"plugin.name":                 "pgoutput",
		"slot.name":                   replicationName,
		"publication.name":            replicationName,
		"publication.autocreate.mode": "filtered",
		"table.include.list":          strings.Join(included, ","),
	}
	if pg.TLSConfig == nil {
		props["database.sslmode"] = "disable"
	}
	return props
}

// sinkConfig writes the topics to tables of the same names in a SQLite file, as one would configure Debezium's JDBC sink.
func sinkConfig(file string) map[string]string {
	return map[string]string{
		"connector.class":     "io.debezium.connector.jdbc.JdbcSinkConnector",
		"tasks.max":           "1",
		"topics":              strings.Join(topics(), ","),
		"connection.url":      "jdbc:sqlite:" + file,
		"connection.username": "",
		"insert.mode":         "upsert",
		"delete.enabled":      "true",
		"primary.key.mode":    "record_key",
		"schema.evolution":    "basic",
		// demo.leat_demo.image becomes table image.
		"transforms":                   "table",
		"transforms.table.type":        "org.apache.kafka.connect.transforms.RegexRouter",
		"transforms.table.regex":       `.*\.([^.]+)`,
		"transforms.table.replacement": "$1",
	}
}
