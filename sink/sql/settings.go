package sql

import (
	"strings"
	"time"

	"leat/connector"
	"leat/record"
	"leat/sink/sql/dialect"
)

// settings are what both sets of keys come down to.
type settings struct {
	dialect  dialect.Dialect
	style    dialect.Style
	insert   InsertMode
	deletes  bool
	truncate bool
	pkMode   PrimaryKeyMode
	pkFields []string
	create   bool // make missing tables
	evolve   bool // add missing columns
	kinds    map[dialect.Kind]bool

	tableFormat string
	topicInName func(topic string) string
	exactNames  bool // names are what they are, else what the database makes of them without quotes
	keep        func(topic, field string) bool

	envelopes    bool   // understand Debezium's envelopes
	placeholder  string // of columns that the database did not send; "": not looked for
	nullDefaults bool   // write a field's default where it is null
	stringColumn string // for values that are texts; "": refused

	oneByOne   bool // a transaction is a record
	retries    int
	retryDelay time.Duration
	keys       keyNames
}

// keyNames are the names of options, for messages.
type keyNames struct{ pkMode, pkFields, create, evolve, deletes string }

// kafkaKey are the columns of primary key mode kafka.
var kafkaKey = []string{"__connect_topic", "__connect_partition", "__connect_offset"}

// tableName makes a table's name of the format; an error is a BadRecord.
func (s *settings) tableName(topic string, source func(field string) (string, bool)) (name dialect.Name, err error) {
	text := strings.ReplaceAll(s.tableFormat, "${topic}", s.topicInName(topic))
	for {
		start := strings.Index(text, "${source.")
		if start < 0 {
			break
		}
		end := strings.IndexByte(text[start:], '}')
		if end < 0 {
			break
		}
		value, found := source(text[start+len("${source.") : start+end])
		if !found {
			return name, connector.BadRecordf("the record does not tell what the table's name %s asks for", s.tableFormat)
		}
		text = text[:start] + value + text[start+end+1:]
	}
	parts := []string{text}
	if s.dialect.SplitNames() {
		parts = splitName(text)
	}
	for i := range parts {
		if !s.exactNames {
			parts[i] = s.dialect.Fold(parts[i])
		}
	}
	name.Table = parts[len(parts)-1]
	if len(parts) > 1 {
		name.Schema = parts[len(parts)-2]
	}
	if name.Table == "" {
		return name, connector.BadRecordf("topic %s gives an empty table name by %s", topic, s.tableFormat)
	}
	// database.schema.table: topics of two servers must not meet in one table because the part that tells them apart is lost.
	if len(parts) > 3 || len(parts) == 3 && parts[0] != s.dialect.Database() {
		return name, connector.BadRecordf("topic %s gives the table name %s, whose first part is not the connected database %s", topic, text, s.dialect.Database()).
			WithHint("Name the table with a RegexRouter transform, write the schema and table in the table's name format, or put double quotes around a name that has dots in it")
	}
	return name, nil
}

// splitName splits at dots that are not inside double quotes, and takes the quotes away.
func splitName(text string) []string {
	var parts []string
	var b strings.Builder
	quoted := false
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteRune(c)
		}
	}
	return append(parts, b.String())
}

func (s *settings) column(field string) string {
	if s.exactNames {
		return field
	}
	return s.dialect.Fold(field)
}

func (s *settings) nameBySource() bool { return strings.Contains(s.tableFormat, "${source.") }

// sourceField gives a field of an envelope's source block as text.
func sourceField(c record.Change) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if c.Source.Kind() != record.KindStruct || c.SourceSchema == nil {
			return "", false
		}
		f := c.SourceSchema.Field(name)
		if f == nil || c.Source.Field(f.Index).Kind() != record.KindString {
			return "", false
		}
		return c.Source.Field(f.Index).Str(), true
	}
}
