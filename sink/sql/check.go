package sql

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones by name on machines that have no list of them

	"leat/config"
	"leat/sink/sql/dialect"
)

// problems gathers what is wrong with the options.
type problems struct{ list []config.Problem }

func (p *problems) add(key, format string, args ...any) {
	p.list = append(p.list, config.Problemf(key, format, args...))
}

func in(list []string, s string) bool { return slices.Contains(list, s) }

// zone finds a zone; nil stands for UTC.
func (p *problems) zone(key, name string) *time.Location {
	if name == "" || strings.EqualFold(name, "UTC") {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		p.add(key, "%s is not a time zone; write one such as UTC or Europe/Berlin", name)
	}
	return zone
}

func (p *problems) dialect(url string, o dialect.Options) dialect.Dialect {
	if url == "" {
		return nil // config.Parse has said so
	}
	parsed, err := dialect.ParseURL(url)
	if err != nil {
		p.add("connection.url", "%v", err)
		return nil
	}
	d, err := parsed.Open(o)
	if err != nil {
		p.add("connection.url", "%v", err)
		return nil
	}
	return d
}

// keys checks the primary key's options against the insert mode.
func (p *problems) keys(s *settings) {
	if (s.insert == InsertModeUpsert || s.insert == InsertModeUpdate) && s.pkMode == PKNone {
		p.add(s.keys.pkMode, "none gives no key to find a row by, which insert.mode=%s needs; set record_key, record_value or kafka", s.insert)
	}
	if s.pkMode == PKKafka && len(s.pkFields) != 0 && len(s.pkFields) != 3 {
		p.add(s.keys.pkFields, "must be empty or name three columns, for topic, partition and offset, with %s=kafka", s.keys.pkMode)
	}
	if s.pkMode == PKRecordHeader && len(s.pkFields) == 0 {
		p.add(s.keys.pkFields, "must name the headers that make up the key, with %s=record_header", s.keys.pkMode)
	}
}

// notesOfURL tells of parameters of the URL that have no effect.
func notesOfURL(props map[string]string) (map[string]string, []string) {
	parsed, err := dialect.ParseURL(props["connection.url"])
	if err != nil {
		return props, nil // Validate says so
	}
	var notes []string
	for _, n := range parsed.Notes {
		notes = append(notes, "connection.url: "+n)
	}
	return props, notes
}

// check goes to the target: may the user write, are tables there that will not be made. A target that is away is no problem of the
// config: the task waits for it, as it does when the target goes away later.
func check(ctx context.Context, cfg any) []config.Problem {
	s, found := cfg.(interface {
		settings() (*settings, []config.Problem)
	}).settings()
	if len(found) > 0 {
		return found
	}
	var p problems
	session, err := s.dialect.Connect(ctx)
	if err != nil {
		if verdict, _ := s.dialect.Judge(err); verdict != dialect.Wait {
			p.add("connection.url", "%v", told(s, err))
		}
		return p.list
	}
	defer session.Close(ctx)
	schemas := map[string]bool{}
	for _, topic := range s.topics(cfg) {
		if s.nameBySource() {
			break
		}
		name, err := s.tableName(topic, nil)
		if err != nil {
			p.add("topics", "%v", err)
			continue
		}
		table, err := session.Describe(ctx, name)
		switch {
		case err != nil:
			p.add("connection.url", "%v", told(s, err))
			return p.list
		case table == nil && s.create:
			schemas[name.Schema] = true
		case table == nil:
			p.add("topics", "table %s of topic %s does not exist in the target; create it, or set %s", name, topic, s.keys.create)
		default:
			p.table(ctx, s, session, table)
		}
	}
	if s.create && len(schemas) == 0 && len(s.topics(cfg)) == 0 {
		schemas[""] = true
	}
	for schemaName := range schemas {
		problem, err := session.CanCreate(ctx, schemaName)
		if err != nil {
			p.add("connection.url", "%v", told(s, err))
		} else if problem != "" {
			p.add(strings.TrimSuffix(strings.TrimSuffix(s.keys.create, "=basic"), "=true"), "%s", problem)
		}
	}
	return p.list
}

// table checks one that is there.
func (p *problems) table(ctx context.Context, s *settings, session dialect.Session, t *dialect.Table) {
	if !s.kinds[t.Kind] {
		p.add("table.types", "%s is not a table of the kinds that are allowed", t.Name)
	}
	problem, err := session.CanWrite(ctx, t, s.deletes)
	if err != nil {
		p.add("connection.url", "%v", told(s, err))
	} else if problem != "" {
		p.add("connection.url", "%s", problem)
	}
	if s.insert != InsertModeUpsert || t.Kind == dialect.View {
		return
	}
	if len(t.Keys) == 0 {
		p.add("insert.mode", "upsert needs a primary key or unique index, and table %s has none; create one", t.Name)
		return
	}
	var cols []string
	for _, f := range s.pkFields {
		cols = append(cols, s.column(f))
	}
	if s.pkMode == PKKafka && len(cols) == 0 {
		cols = kafkaKey
	}
	if len(cols) > 0 && !t.HasKey(cols) {
		p.add(s.keys.pkFields, "table %s has no primary key or unique index on exactly (%s), which an upsert needs", t.Name, strings.Join(cols, ", "))
	}
}

// told is an error with what to do, and without values.
func told(s *settings, err error) error {
	_, clean := s.dialect.Judge(err)
	w := &writer{settings: s}
	if fatal := w.fatal(clean); fatal != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fatal
	}
	return clean
}

func (s *settings) topics(cfg any) []string {
	switch c := cfg.(type) {
	case *DebeziumConfig:
		return c.Topics
	case *ConfluentConfig:
		return c.Topics
	}
	return nil
}
