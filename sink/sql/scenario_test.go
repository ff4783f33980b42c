package sql

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"leat/connector"
	"leat/record"
	"leat/sink/sinktest"
)

var update = flag.Bool("update", false, "write what the scenarios give into testdata")

// TestScenarios runs testdata/*.txt: configuration and records in, tables out. A file's sections are `config`, `setup` (SQL, optional),
// `schemas` (by name; envelope:NAME is Debezium's envelope around one), `records` (one a line, offsets count from 0) and, per
// database, `postgres` and `sqlite`: tables with their columns and rows, then the bad records. A database without a section is left out.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i := range archive.Files {
				f := &archive.Files[i]
				open := map[string]func(testing.TB) *db{"postgres": postgresDB, "sqlite": sqliteDB}[f.Name]
				if open == nil {
					continue
				}
				t.Run(f.Name, func(t *testing.T) {
					got := scenario(t, open(t), archive)
					if *update {
						f.Data = []byte(got)
					} else if got != string(f.Data) {
						t.Errorf("got\n%s\nwant\n%s", got, f.Data)
					}
				})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func scenario(t *testing.T, d *db, a *txtar.Archive) string {
	section := func(name string) string {
		for _, f := range a.Files {
			if f.Name == name {
				return string(f.Data)
			}
		}
		return ""
	}
	props := map[string]string{}
	for _, line := range strings.Split(section("config"), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			props[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	plugin := DebeziumPlugin
	if props["connector.class"] == ConfluentPlugin.Classes[0] {
		plugin = ConfluentPlugin
		props["connection.user"] = d.user
	}
	for k, v := range d.props() {
		props[k] = v
	}
	if setup := strings.TrimSpace(section("setup")); setup != "" {
		d.exec(t, setup)
	}
	sink := sinktest.Open(t, plugin, props)
	var bad []string
	collect := func(err error) {
		var batch *connector.BatchError
		if errors.As(err, &batch) {
			for _, f := range batch.Failed {
				bad = append(bad, fmt.Sprintf("bad %d: %v", f.Record.Offset, f.Err))
			}
		} else if err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", connector.ClassOf(err), err))
		}
	}
	collect(sinktest.Put(t, sink, record.Batch{Records: scenarioRecords(t, section("schemas"), section("records"))}))
	_, err := sinktest.Flush(t, sink)
	collect(err)
	return d.dump(t) + strings.Join(append(bad, ""), "\n")
}

func scenarioRecords(t *testing.T, schemas, lines string) (out []record.Record) {
	named := map[string]json.RawMessage{}
	if strings.TrimSpace(schemas) != "" {
		if err := json.Unmarshal([]byte(schemas), &named); err != nil {
			t.Fatal("schemas: ", err)
		}
	}
	var dec sinktest.Decoder
	for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		var m sinktest.Message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		m.Key, m.Value, m.Offset = expand(t, named, m.Key), expand(t, named, m.Value), int64(len(out))
		r, err := dec.Record(m)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, r)
	}
	return out
}

// expand puts a schema in the place of its name.
func expand(t *testing.T, named map[string]json.RawMessage, part json.RawMessage) json.RawMessage {
	var p struct {
		Schema  string          `json:"schema"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(part, &p) != nil || p.Schema == "" {
		return part
	}
	text := named[p.Schema]
	if row, ok := strings.CutPrefix(p.Schema, "envelope:"); ok {
		member := strings.TrimSuffix(strings.TrimSpace(string(named[row])), "}")
		text = json.RawMessage(fmt.Sprintf(`{"type":"struct","name":"%s.Envelope","fields":[%s,"optional":true,"field":"before"},%s,"optional":true,"field":"after"},{"type":"string","field":"op"},
{"type":"struct","field":"source","optional":true,"fields":[{"type":"string","optional":true,"field":"db"},{"type":"string","optional":true,"field":"table"}]}]}`, row, member, member))
	}
	if text == nil {
		t.Fatalf("no schema %s", p.Schema)
	}
	return json.RawMessage(fmt.Sprintf(`{"schema":%s,"payload":%s}`, text, p.Payload))
}

// dump writes all tables: columns with types, then rows.
func (d *db) dump(t testing.TB) string {
	var b strings.Builder
	tables := `SELECT n.nspname || '.' || c.relname, string_agg(a.attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY attnum),
 quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped
 WHERE relkind IN ('r','p') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' GROUP BY 1, 3 ORDER BY 1`
	if d.name == "sqlite" {
		tables = `SELECT m.name, group_concat(c.name || ' ' || c.type || CASE WHEN c."notnull" THEN ' not null' ELSE '' END, ', '), '"' || m.name || '"' FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY 1 ORDER BY 1`
	}
	for _, table := range d.rows(t, tables) {
		fmt.Fprintf(&b, "%s (%s)\n", table[0], table[1])
		rows := fmt.Sprintf("SELECT whole_row::text FROM %s whole_row ORDER BY 1", table[2])
		if d.name == "sqlite" {
			var cols []string
			for _, c := range strings.Split(table[1].(string), ", ") {
				cols = append(cols, fmt.Sprintf(`quote("%s")`, strings.SplitN(c, " ", 2)[0]))
			}
			rows = fmt.Sprintf("SELECT %s FROM %s ORDER BY 1", strings.Join(cols, " || ',' || "), table[2])
		}
		for _, r := range d.rows(t, rows) {
			fmt.Fprintf(&b, "  %v\n", r[0])
		}
	}
	return b.String()
}
