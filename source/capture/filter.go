package capture

import (
	"fmt"
	"strings"

	"github.com/dlclark/regexp2"
)

// Patterns is a list of Java regular expressions, matched against whole names and ignoring case, as Debezium does.
type Patterns []*regexp2.Regexp

// NewPatterns reads a comma-separated list; `\,` is a comma inside an expression.
func NewPatterns(list string) (Patterns, error) {
	var out Patterns
	for _, p := range SplitPatterns(list) {
		re, err := regexp2.Compile(`\A(?:`+p+`)\z`, regexp2.IgnoreCase)
		if err != nil {
			return nil, fmt.Errorf("invalid regular expression %q: %w", p, err)
		}
		out = append(out, re)
	}
	return out, nil
}

// SplitPatterns splits at commas that no backslash precedes and trims the parts.
func SplitPatterns(list string) []string {
	var out []string
	var part strings.Builder
	flush := func() {
		if p := strings.TrimSpace(part.String()); p != "" {
			out = append(out, p)
		}
		part.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '\\' && i+1 < len(list) && list[i+1] == ',':
			part.WriteByte(',')
			i++
		case list[i] == ',':
			flush()
		default:
			part.WriteByte(list[i])
		}
	}
	flush()
	return out
}

// Match tells whether any expression matches the whole name.
func (p Patterns) Match(name string) bool {
	for _, re := range p {
		if ok, err := re.MatchString(name); err == nil && ok {
			return true
		}
	}
	return false
}

// Filter decides which tables and columns are captured.
type Filter struct {
	schemaIn, schemaOut, tableIn, tableOut, columnIn, columnOut, snapshot Patterns
}

// NewFilter reads the include and exclude lists.
func NewFilter(c *Config) (*Filter, error) {
	f := &Filter{}
	for _, l := range []struct {
		list string
		dst  *Patterns
		key  string
	}{
		{c.SchemaInclude, &f.schemaIn, "schema.include.list"}, {c.SchemaExclude, &f.schemaOut, "schema.exclude.list"},
		{c.TableInclude, &f.tableIn, "table.include.list"}, {c.TableExclude, &f.tableOut, "table.exclude.list"},
		{c.ColumnInclude, &f.columnIn, "column.include.list"}, {c.ColumnExclude, &f.columnOut, "column.exclude.list"},
		{c.SnapshotTables, &f.snapshot, "snapshot.include.collection.list"},
	} {
		p, err := NewPatterns(l.list)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.key, err)
		}
		*l.dst = p
	}
	return f, nil
}

// Table tells whether a table is captured.
func (f *Filter) Table(schema, table string) bool {
	switch {
	case len(f.schemaIn) > 0 && !f.schemaIn.Match(schema), f.schemaOut.Match(schema):
		return false
	}
	name := schema + "." + table
	return (len(f.tableIn) == 0 || f.tableIn.Match(name)) && !f.tableOut.Match(name)
}

// Column tells whether a column is captured.
func (f *Filter) Column(schema, table, column string) bool {
	name := schema + "." + table + "." + column
	return (len(f.columnIn) == 0 || f.columnIn.Match(name)) && !f.columnOut.Match(name)
}

// Snapshot tells whether the rows of a captured table are read by the snapshot.
func (f *Filter) Snapshot(schema, table string) bool {
	return len(f.snapshot) == 0 || f.snapshot.Match(schema+"."+table)
}

// keyRule gives the key columns of the tables that match.
type keyRule struct {
	tables  Patterns
	columns []string
}

// KeyColumns are the rules of message.key.columns.
type KeyColumns []keyRule

// NewKeyColumns reads message.key.columns.
func NewKeyColumns(c *Config) (KeyColumns, error) { return parseKeyColumns(c.KeyColumns) }

func parseKeyColumns(text string) (KeyColumns, error) {
	var out KeyColumns
	for _, rule := range strings.Split(text, ";") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		at := strings.LastIndexByte(rule, ':')
		if at <= 0 || at == len(rule)-1 {
			return nil, fmt.Errorf("invalid value %q: a rule is written TABLE:COLUMN,COLUMN", rule)
		}
		tables, err := NewPatterns(rule[:at])
		if err != nil {
			return nil, err
		}
		k := keyRule{tables: tables}
		for _, col := range strings.Split(rule[at+1:], ",") {
			k.columns = append(k.columns, strings.TrimSpace(col))
		}
		out = append(out, k)
	}
	return out, nil
}

// Of gives the key columns of a table; nil when no rule names it.
func (k KeyColumns) Of(schema, table string) []string {
	for _, r := range k {
		if r.tables.Match(schema + "." + table) {
			return r.columns
		}
	}
	return nil
}
