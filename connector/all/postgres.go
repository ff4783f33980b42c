package all

import (
	"leat/connector"
	"leat/source/postgres"
)

var postgresSource = []connector.Plugin{postgres.Plugin}
