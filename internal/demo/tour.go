package demo

import (
	"fmt"
	"strings"
)

// tour is what a newcomer may look at and try while the demo runs.
func (d *demo) tour() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	command, bootstrap, url := d.opts.Command, "", ""
	if d.node.Bootstrap() != defaultKafka {
		bootstrap = " --bootstrap " + d.node.Bootstrap()
	}
	if d.node.URL() != "http://"+defaultREST {
		url = " --url " + d.node.URL()
	}
	line("")
	line("PostgreSQL -> Kafka log -> SQLite is running.")
	line("")
	line("  REST        %s  (as Kafka Connect's; metrics at %s/metrics)", d.node.URL(), d.node.URL())
	line("  Kafka       %s  (any Kafka client)", d.node.Bootstrap())
	line("  PostgreSQL  %s", d.url)
	line("  SQLite      %s", d.file())
	line("")
	line("Try in another terminal:")
	line("  curl -s '%s/connectors?expand=status'", d.node.URL())
	line("  %s connector status %s%s", command, sourceName, url)
	line("  %s topic tail %s%s", command, topicOf("annotation"), bootstrap)
	line("  psql '%s' -c \"UPDATE %s.image SET camera = 'mine' WHERE id = 1\"", d.url, schemaName)
	line("  sqlite3 %s 'SELECT id, path, camera FROM image WHERE id = 1'", d.file())
	line("")
	return b.String()
}
