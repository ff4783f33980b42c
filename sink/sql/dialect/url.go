package dialect

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Options are what is said beside the URL.
type Options struct {
	User, Password string
	Zones          Zones
	Style          Style
}

// Zones say how times without a zone are to be read.
type Zones struct {
	// DB is the zone of local times in the target, nil for UTC.
	DB *time.Location
	// Shift asks for Kafka Connect's Timestamp, Time and Date to be written as local times of DB, as Confluent's sink does;
	// Date is the zone for dates then.
	Shift bool
	Date  *time.Location
}

// Parsed is a JDBC URL, read.
type Parsed struct {
	Kind  string // "postgresql", "sqlite"
	Open  func(Options) (Dialect, error)
	Notes []string // parameters that are unknown or have no meaning here
}

var notYet = map[string]string{
	"mysql": "MySQL", "mariadb": "MariaDB", "sqlserver": "SQL Server", "oracle": "Oracle", "db2": "Db2", "derby": "Derby",
	"sap": "SAP HANA", "sybase": "Sybase", "jtds": "SQL Server (jTDS)", "vertica": "Vertica", "redshift": "Redshift", "h2": "H2",
	"snowflake": "Snowflake", "clickhouse": "ClickHouse", "dm": "Dameng", "cockroachdb": "CockroachDB",
}

// ParseURL reads a JDBC URL. The error is a sentence that says what to do, and never repeats the URL's parameters.
func ParseURL(raw string) (*Parsed, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(raw), "jdbc:")
	if !ok {
		return nil, fmt.Errorf("is not a JDBC URL: write jdbc:postgresql://host:5432/database or jdbc:sqlite:/path/to/file.db")
	}
	kind, rest, _ := strings.Cut(rest, ":")
	switch strings.ToLower(kind) {
	case "postgresql", "postgres":
		return parsePostgresURL(rest)
	case "sqlite":
		return parseSqliteURL(rest)
	}
	if name, known := notYet[strings.ToLower(kind)]; known {
		return nil, fmt.Errorf("names %s, which is not in this build yet; PostgreSQL and SQLite are", name)
	}
	return nil, fmt.Errorf("names %q, a database that this build does not know; PostgreSQL and SQLite are in it", kind)
}

// splitQuery cuts ?a=b&c=d off; a parameter without a value is "".
func splitQuery(s string) (string, [][2]string, error) {
	head, query, _ := strings.Cut(s, "?")
	var params [][2]string
	for _, part := range strings.Split(query, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		value, err := url.QueryUnescape(v)
		if err != nil {
			return "", nil, fmt.Errorf("has a parameter %s that is not URL-encoded", k)
		}
		params = append(params, [2]string{k, value})
	}
	return head, params, nil
}
