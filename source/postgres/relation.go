package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"

	"leat/record"
	"leat/schema"
	"leat/source/capture"
	"leat/source/postgres/pgoutput"
	"leat/source/postgres/types"
)

// table turns rows of one table into values. It is immutable; a table whose shape changes gets a new one.
type table struct {
	*capture.Table
	schema, name string
	columns      []tableColumn // in the order of the tuples
	fields       int
	key          []int // fields of the key, in its order
	source       [sourceFields]record.Value
}

// tableColumn says what to do with one column of a tuple.
type tableColumn struct {
	decode    types.Decode // nil: the column is not captured
	mask      func(record.Value) record.Value
	field     int
	unchanged record.Value // what stands for a value that was not sent
	missing   record.Value // what stands for a value that an old row does not tell
	name      string
	expr      string // for COPY
}

// tables keeps the shapes of tables and makes new ones.
type tables struct {
	cfg    *Config
	cat    *catalog
	log    *slog.Logger
	filter *capture.Filter
	naming *capture.Naming
	rules  capture.ColumnRules
	keys   capture.KeyColumns
	known  map[string]*table // by schema.table, so that schemas stay the same pointers
}

func newTables(cfg *Config, cat *catalog, log *slog.Logger) (*tables, error) {
	t := &tables{cfg: cfg, cat: cat, log: log, known: map[string]*table{}}
	var err error
	if t.filter, err = capture.NewFilter(&cfg.Config); err != nil {
		return nil, err
	}
	if t.naming, err = capture.NewNaming(&cfg.Config); err != nil {
		return nil, err
	}
	if t.rules, err = capture.NewColumnRules(&cfg.Config); err != nil {
		return nil, err
	}
	t.keys, err = capture.NewKeyColumns(&cfg.Config)
	return t, err
}

// captured tells whether a table is.
func (t *tables) captured(schema, name string) bool {
	if t.cfg.IgnoreBuiltin && (schema == "pg_catalog" || schema == "information_schema" || schema == "") {
		return false
	}
	return t.filter.Table(schema, name)
}

// ofRelation makes the table of a relation message; nil when it is not captured. What the message lacks (NOT NULL, defaults,
// the key) comes from the catalog as it is now.
func (t *tables) ofRelation(ctx context.Context, rel *pgoutput.Relation) (*table, error) {
	if !t.captured(rel.Namespace, rel.Name) {
		return nil, nil
	}
	t.cat.forgetTypes()
	meta, err := t.cat.table(ctx, rel.ID, rel.Namespace, rel.Name)
	if err != nil {
		return nil, err
	}
	shape := &tableMeta{OID: rel.ID, Schema: rel.Namespace, Name: rel.Name, Key: meta.Key}
	for _, c := range rel.Columns {
		col := columnMeta{Name: string([]byte(c.Name)), Type: c.TypeOID, Mod: c.TypeMod}
		if now := meta.column(c.Name); now != nil {
			col.Dims, col.NotNull, col.Default, col.Comment = now.Dims, now.NotNull, now.Default, now.Comment
			if now.Type != c.TypeOID {
				col.Default = "" // of a type from the future
			}
		}
		shape.Columns = append(shape.Columns, col)
	}
	shape.Schema, shape.Name = string([]byte(rel.Namespace)), string([]byte(rel.Name))
	return t.build(ctx, shape, false)
}

// ofCatalog makes the table of a snapshot, whose tuples are COPY's.
func (t *tables) ofCatalog(ctx context.Context, id tableID) (*table, error) {
	meta, err := t.cat.table(ctx, id.OID, id.Schema, id.Name)
	if err != nil {
		return nil, err
	}
	return t.build(ctx, meta, true)
}

// build compiles a table. The columns that COPY is not asked for are left out of the tuple when copy is set.
func (t *tables) build(ctx context.Context, meta *tableMeta, copy bool) (*table, error) {
	kinds := types.Map{Options: t.cfg.valueOptions(), Lookup: func(oid uint32) (*types.Info, error) { return t.cat.typeOf(ctx, oid) }}
	out := &table{schema: meta.Schema, name: meta.Name}
	var row []schema.Field
	fieldOf := map[string]int{}
	for i := range meta.Columns {
		c := &meta.Columns[i]
		col, field, err := t.column(&kinds, meta, c, copy)
		if err != nil {
			return nil, err
		}
		if col.decode == nil {
			if !copy {
				out.columns = append(out.columns, col)
			}
			continue
		}
		col.field = len(row)
		fieldOf[c.Name] = len(row)
		row = append(row, field)
		out.columns = append(out.columns, col)
	}
	out.fields = len(row)
	keyNames := meta.Key
	if custom := t.keys.Of(meta.Schema, meta.Name); custom != nil {
		keyNames = custom
	}
	var key []schema.Field
	for _, name := range keyNames {
		if i, ok := fieldOf[name]; ok {
			out.key = append(out.key, i)
			key = append(key, schema.F(row[i].Name, row[i].Schema))
		}
	}
	topic := t.naming.Table(meta.Schema, meta.Name)
	out.Table = capture.NewTable(topic, row, key, sourceSchema, t.cfg.SchemaNameAdjustment)
	out.source = t.sourceOf(meta.Schema, meta.Name)
	name := fmt.Sprintf("%s.%s/%v", meta.Schema, meta.Name, copy)
	for _, variant := range []bool{true, false} {
		if old := t.known[fmt.Sprintf("%s.%s/%v", meta.Schema, meta.Name, variant)]; old != nil && old.SameAs(out.Table) {
			out.Table = old.Table
			break
		}
	}
	t.known[name] = out
	return out, nil
}

func (t *tables) column(kinds *types.Map, meta *tableMeta, c *columnMeta, copy bool) (tableColumn, schema.Field, error) {
	none := tableColumn{name: c.Name}
	if !t.filter.Column(meta.Schema, meta.Name, c.Name) {
		return none, schema.Field{}, nil
	}
	k, err := kinds.Codec(c.Type, c.Mod, c.Dims)
	if err != nil {
		return none, schema.Field{}, err
	}
	if k == nil {
		t.log.Warn("column of a type that Debezium leaves out; include.unknown.datatypes=true captures it",
			"table", meta.Schema+"."+meta.Name, "column", c.Name)
		return none, schema.Field{}, nil
	}
	var opts []schema.Option
	if !c.NotNull {
		opts = append(opts, schema.Optional())
	}
	missing := record.Null
	if c.NotNull {
		missing = k.Fallback
	}
	if def, ok := k.DefaultOf(c.Default); ok {
		opts = append(opts, schema.Default(def))
		if c.NotNull {
			missing = types.ValueOf(def, k.Schema)
		}
	}
	if t.cfg.SchemaComments && c.Comment != "" {
		opts = append(opts, schema.Doc(c.Comment))
	}
	mask, tells := t.rules.Of(meta.Schema, meta.Name, c.Name, k.IsText, k.Length)
	opts = append(opts, tells...)
	col := tableColumn{name: c.Name, decode: k.Text, mask: mask, missing: missing, unchanged: t.unchanged(k)}
	if copy {
		col.decode, col.expr = k.ForCopy(quoteIdent(c.Name))
	}
	return col, schema.F(t.cfg.FieldNameAdjustment.Field(c.Name), k.Schema.Change(opts...)), nil
}

// defaultPlaceholder is what the converters write for record.Unchanged.
const defaultPlaceholder = "__debezium_unavailable_value"

// unchanged is record.Unchanged, or the configured placeholder itself where it is not the one that converters write.
func (t *tables) unchanged(k *types.Codec) record.Value {
	text := t.cfg.Placeholder
	if text == defaultPlaceholder {
		return record.Unchanged
	}
	raw := placeholderBytes(text)
	switch k.Schema.Type() {
	case schema.String:
		return record.StringBytes(raw)
	case schema.Bytes:
		if k.Schema.Name() == "" {
			return record.Bytes(raw)
		}
	case schema.Array:
		if e := k.Schema.Elem(); e.Type() == schema.String {
			return record.Array([]record.Value{record.StringBytes(raw)})
		}
	}
	return record.Unchanged
}

// placeholderBytes reads unavailable.value.placeholder: text, or hex: and octets.
func placeholderBytes(text string) []byte {
	if digits, ok := strings.CutPrefix(text, "hex:"); ok {
		if raw, err := hex.DecodeString(digits); err == nil {
			return raw
		}
	}
	return []byte(text)
}

// The fields of a source block.
const (
	sourceVersion = iota
	sourceConnector
	sourceName
	sourceTsMs
	sourceSnapshot
	sourceDB
	sourceSequence
	sourceTsUs
	sourceTsNs
	sourceSchemaName
	sourceTable
	sourceTxID
	sourceLSN
	sourceXmin
	sourceOrigin
	sourceOriginLSN
	sourceFields
)

var sourceSchema = func() *schema.Schema {
	str, num := schema.New(schema.String), schema.New(schema.Int64)
	optStr, optNum := schema.New(schema.String, schema.Optional()), schema.New(schema.Int64, schema.Optional())
	return schema.NewStruct([]schema.Field{
		schema.F("version", str), schema.F("connector", str), schema.F("name", str), schema.F("ts_ms", num),
		schema.F("snapshot", capture.SnapshotField), schema.F("db", str), schema.F("sequence", optStr),
		schema.F("ts_us", optNum), schema.F("ts_ns", optNum), schema.F("schema", str), schema.F("table", str),
		schema.F("txId", optNum), schema.F("lsn", optNum), schema.F("xmin", optNum), schema.F("origin", optStr), schema.F("origin_lsn", optNum),
	}, schema.Named("io.debezium.connector.postgresql.Source"), schema.Version(1))
}()

// sourceOf is a table's source block with what never changes.
func (t *tables) sourceOf(schemaName, name string) (s [sourceFields]record.Value) {
	s[sourceVersion], s[sourceConnector] = record.String(Version), record.String(pluginName)
	s[sourceName], s[sourceDB] = record.String(t.cfg.TopicPrefix), record.String(t.cfg.Database)
	s[sourceSnapshot] = record.String("false")
	s[sourceSchemaName], s[sourceTable] = record.String(schemaName), record.String(name)
	return s
}
