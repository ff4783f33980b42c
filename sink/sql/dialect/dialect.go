// Package dialect is what the SQL sink needs to know of one database: how it is reached, which column types it has, how
// its errors are to be read, and how many rows are written at once. One file family per database.
//
// Guarantees: a value is written exactly or refused with the column and the reason, never rounded, cut or replaced; the
// text of an error tells no value of a record and no password.
package dialect

import (
	"context"
	"fmt"
	"strings"

	"leat/record"
	"leat/schema"
)

// Name is a table's name; Schema is "" where the connection's default is meant.
type Name struct{ Schema, Table string }

// String gives schema.table, for messages.
func (n Name) String() string {
	if n.Schema == "" {
		return n.Table
	}
	return n.Schema + "." + n.Table
}

// Table is a table as the catalog has it.
type Table struct {
	Name    Name
	Columns []ColumnInfo
	Keys    [][]string // the primary key first, then the unique indexes that may be the target of an upsert
	Kind    Kind
}

// Kind is the kind of a table.
type Kind uint8

// The kinds, in the words of JDBC's table types.
const (
	Plain Kind = iota
	Partitioned
	View
)

// ColumnInfo is a column as the catalog has it.
type ColumnInfo struct {
	Name       string
	Type       string // as the database writes it, "numeric(12,2)"
	NotNull    bool
	HasDefault bool
	Generated  bool // computed: can not be written
	Identity   bool // generated always as identity

	pg pgColumn
}

// Column finds a column: by its exact name, else by the only one that differs in case; nil when there is none.
func (t *Table) Column(name string) *ColumnInfo {
	var folded *ColumnInfo
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == name {
			return c
		}
		if strings.EqualFold(c.Name, name) {
			if folded != nil {
				return nil
			}
			folded = c
		}
	}
	return folded
}

// HasKey tells whether cols, in any order, are exactly the primary key or a unique index.
func (t *Table) HasKey(cols []string) bool {
	for _, key := range t.Keys {
		if sameSet(key, cols) {
			return true
		}
	}
	return false
}

func sameSet(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		found := false
		for _, y := range b {
			found = found || x == y
		}
		if !found {
			return false
		}
	}
	return true
}

// Field is what a column of the target is filled with.
type Field struct {
	Name   string // of the column
	Schema *schema.Schema
	Key    bool
}

// Mode is how rows are written.
type Mode uint8

// The modes.
const (
	Insert        Mode = iota // a row that is there already is a violation
	Upsert                    // insert or update by key
	Merge                     // as Upsert, for rows of which some columns are not told: update first, insert what is not there
	Update                    // update by key what is there
	Delete                    // delete by key; the rows hold the key's columns only
	AppendFresh               // as Upsert, for rows that are probably new
	Rename                    // give the row of a key another key that no row has; the rows hold the columns of the old key (as Key), then of the new
	DeleteRenamed             // delete by the old key what Rename left, from the same rows
)

// Rows are values in row order: row i is Values[i*Width : (i+1)*Width].
type Rows struct {
	Width  int
	Values []record.Value
}

// Len is the number of rows.
func (r Rows) Len() int {
	if r.Width == 0 {
		return 0
	}
	return len(r.Values) / r.Width
}

// Row gives row i.
func (r Rows) Row(i int) []record.Value { return r.Values[i*r.Width : (i+1)*r.Width : (i+1)*r.Width] }

// RowErrors are the rows that the target can not hold, found before anything was written.
type RowErrors []RowError

// RowError is one of them.
type RowError struct {
	Row int
	Err error
}

// Error tells of the first and how many there are.
func (e RowErrors) Error() string {
	if len(e) == 1 {
		return e[0].Err.Error()
	}
	return fmt.Sprintf("%v (and %d more rows)", e[0].Err, len(e)-1)
}

// Unwrap gives the first.
func (e RowErrors) Unwrap() error { return e[0].Err }

// Verdict is how an error is to be met.
type Verdict uint8

// The verdicts.
const (
	Broken  Verdict = iota // a person is needed
	Wait                   // the database is away, busy or refuses for now: try again
	BadRow                 // a row violates a constraint or holds what the column can not
	Changed                // the table is not what it was: read the catalog again
	Missing                // the table is not there
)

// Session is one connection to a target, used by one goroutine. After an error of verdict Wait it is closed and another opened.
type Session interface {
	// Describe reads a table from the catalog; nil when it is not there.
	Describe(ctx context.Context, name Name) (*Table, error)
	// Create makes a table, AddColumns adds columns; both outside of a transaction. A table or column that is there by then is no error.
	Create(ctx context.Context, name Name, fields []Field, style Style) error
	AddColumns(ctx context.Context, t *Table, fields []Field, style Style) error

	Begin(ctx context.Context) error
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
	// Savepoint opens a nested transaction, Release keeps it, RollbackTo undoes it.
	Savepoint(ctx context.Context) error
	Release(ctx context.Context) error
	RollbackTo(ctx context.Context) error

	// Compile prepares the writing of rows with these fields, in this order, into t. An error is about the fields, and of no use to retry.
	Compile(t *Table, fields []Field) (Writer, error)
	Truncate(ctx context.Context, t *Table) error

	// CanCreate and CanWrite report, as sentences, which rights are missing; table-less databases report nothing.
	CanCreate(ctx context.Context, schemaName string) (problem string, err error)
	CanWrite(ctx context.Context, t *Table, del bool) (problem string, err error)

	Close(ctx context.Context) error
}

// Writer writes rows of one shape into one table.
type Writer interface {
	// Write writes rows inside the current transaction. RowErrors tells rows that can not be encoded; then nothing was written.
	Write(ctx context.Context, mode Mode, rows Rows) error
	// Unmet is how many rows the last Write of mode Merge inserted since they were not there.
	Unmet() int
}

// Dialect is one database.
type Dialect interface {
	// Name is the name in messages, "PostgreSQL".
	Name() string
	// Fold gives what an identifier means that is written without quotes.
	Fold(identifier string) string
	// SplitNames tells whether a table's name may hold its schema's, before a dot.
	SplitNames() bool
	// Database is the database that is connected to, as a table's name may begin with; "" where names have no such part.
	Database() string
	// Connect opens a session.
	Connect(ctx context.Context) (Session, error)
	// Judge reads an error of a session; the error it gives back tells no values.
	Judge(err error) (Verdict, error)
}

// Style is what differs between the connectors whose config keys are spoken.
type Style struct {
	Confluent bool // column types of Confluent's sink, else of Debezium's
	// TimestampFields are columns of integers or strings that are timestamps (Confluent's): of nanoseconds with NanoTimestamps, else of microseconds.
	TimestampFields map[string]bool
	NanoTimestamps  bool
}
