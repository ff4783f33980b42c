package all

import (
	"leat/connector"
	"leat/sink/sql"
)

var sqlSinks = []connector.Plugin{sql.DebeziumPlugin, sql.ConfluentPlugin}
