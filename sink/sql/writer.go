package sql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"leat/connector"
	"leat/record"
	"leat/schema"
	"leat/sink/sql/dialect"
)

// target is a table that is written to.
type target struct {
	name     dialect.Name
	table    *dialect.Table // nil: not read from the catalog yet
	computed map[string]bool
	checked  map[fitted]bool
	writers  map[shape]dialect.Writer
	session  int // the session that writers belong to

	unmet     int // rows that were inserted without all columns
	unmetTold time.Time
}

// fitted is a plan that the table has the columns for: all of them, or those of the key only.
type fitted struct {
	plan *plan
	all  bool
}

type shape struct {
	plan *plan
	cols string
}

// writer turns changes into statements, over one session. planOf, targetOf and translate belong to the goroutine that calls Put; the
// rest to the one that writes.
type writer struct {
	settings *settings
	log      *slog.Logger
	plans    map[planKey]*plan
	targets  map[dialect.Name]*target
	session  dialect.Session
	sessions int // how many there were
	co       coalescer
}

func newWriter(s *settings, log *slog.Logger) *writer {
	return &writer{settings: s, log: log, plans: map[planKey]*plan{}, targets: map[dialect.Name]*target{}, co: coalescer{settings: s}}
}

// closeLimit bounds the good-bye to a server that may not answer any more.
const closeLimit = 5 * time.Second

// maxPlans bounds what is kept by schema pointer, should a converter make a new schema for every record.
const maxPlans = 1000

func (w *writer) planOf(r *record.Record) (*plan, error) {
	k := planKey{r.Topic, r.KeySchema, r.ValueSchema}
	// A part that lacks its schema or is null is refused below, whatever was planned for others of these schemas.
	whole := (r.ValueSchema != nil || r.Value.IsNull()) && !(r.Key.IsNull() && w.settings.pkMode == PKRecordKey)
	if p, ok := w.plans[k]; ok && whole {
		return p, nil
	}
	p, err := w.settings.newPlan(r)
	if err != nil {
		return nil, err
	}
	if !w.settings.nameBySource() {
		name, err := w.settings.tableName(r.Topic, nil)
		if err != nil {
			return nil, err
		}
		p.target = w.targetOf(name)
	}
	if len(w.plans) >= maxPlans {
		clear(w.plans)
	}
	w.plans[k] = p
	return p, nil
}

func (w *writer) targetOf(name dialect.Name) *target {
	t := w.targets[name]
	if t == nil {
		t = &target{name: name}
		t.forget()
		w.targets[name] = t
	}
	return t
}

// forget drops what is known of a table, so that the catalog is read again.
func (t *target) forget() {
	t.table, t.checked, t.writers, t.computed = nil, map[fitted]bool{}, map[shape]dialect.Writer{}, nil
}

// write makes changes durable. It gives the bad ones by setting their bad; an error is Retriable or Fatal, and then nothing is
// written. Errors of the session close it.
func (w *writer) write(ctx context.Context, changes []change) error {
	for attempt := 1; ; attempt++ {
		err := w.writeOnce(ctx, changes)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			w.disconnect()
			return ctx.Err()
		}
		var classed *connector.Error
		if errors.As(err, &classed) {
			return err
		}
		verdict, told := w.settings.dialect.Judge(err)
		switch verdict {
		case dialect.Wait:
			w.disconnect()
			return &connector.Error{Class: connector.Retriable, Err: told}
		case dialect.Changed, dialect.Missing:
			// Altered under us: the session may hold plans of the old shape.
			w.disconnect()
			w.forgetAll(changes)
			if attempt < 3 {
				continue
			}
			return (&connector.Error{Err: told}).WithHint("Check that the table exists, has the columns of the records, and a primary key or unique index on the key's columns")
		}
		w.disconnect()
		return w.fatal(told)
	}
}

func (w *writer) fatal(told error) error {
	e := &connector.Error{Err: told}
	var state interface{ SQLState() string }
	if errors.As(told, &state) {
		switch code := state.SQLState(); {
		case code == "42501":
			return e.WithHint("Grant the connector's user the right: SELECT, INSERT, UPDATE, DELETE on the table; USAGE and, to create tables, CREATE on the schema")
		case strings.HasPrefix(code, "28"):
			return e.WithHint("Check user and password, and that the server lets this user in from this host")
		case code == "3D000":
			return e.WithHint("Create the database, or correct its name in connection.url")
		}
	}
	return e
}

func (w *writer) disconnect() {
	if w.session != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if err := w.session.Close(ctx); err != nil {
			w.log.Debug("closing the connection failed", "error", err)
		}
		w.session = nil
	}
}

func (w *writer) forgetAll(changes []change) {
	for i := range changes {
		changes[i].target.forget()
	}
}

// connect opens the session, if there is none.
func (w *writer) connect(ctx context.Context) error {
	if w.session != nil {
		return nil
	}
	session, err := w.settings.dialect.Connect(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		verdict, told := w.settings.dialect.Judge(err)
		if verdict == dialect.Wait {
			return &connector.Error{Class: connector.Retriable, Err: told}
		}
		return w.fatal(told)
	}
	w.session, w.sessions = session, w.sessions+1
	return nil
}

// writeOnce tries the whole batch in one transaction, then, when a row is at fault, in halves.
func (w *writer) writeOnce(ctx context.Context, changes []change) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	for {
		if err := w.prepare(ctx, changes); err != nil {
			return err
		}
		err := w.transaction(ctx, changes)
		var rows *rowsError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &rows): // found before anything was sent: without them, again
			rows.mark(changes)
			continue
		}
		if verdict, _ := w.settings.dialect.Judge(err); verdict != dialect.BadRow || ctx.Err() != nil {
			return err
		}
		return w.isolate(ctx, changes)
	}
}

// rowsError are rows that can not be encoded.
type rowsError struct {
	err  dialect.RowErrors
	from []int
}

func (e *rowsError) Error() string { return e.err.Error() }

func (e *rowsError) mark(changes []change) {
	for _, row := range e.err {
		changes[e.from[row.Row]].bad = &connector.Error{Class: connector.BadRecord, Err: row.Err}
	}
}

func (w *writer) transaction(ctx context.Context, changes []change) error {
	if err := w.session.Begin(ctx); err != nil {
		return err
	}
	if err := w.apply(ctx, changes); err != nil {
		return w.rollback(ctx, err)
	}
	if err := w.session.Commit(ctx); err != nil {
		return w.rollback(ctx, err)
	}
	return nil
}

// rollback undoes and gives err, or, when that fails, an error that ends the session.
func (w *writer) rollback(ctx context.Context, err error) error {
	if undo := w.session.Rollback(ctx); undo != nil {
		w.log.Debug("rollback failed", "error", undo)
		if verdict, _ := w.settings.dialect.Judge(undo); verdict == dialect.Wait {
			return undo
		}
	}
	return err
}

// isolate writes changes in halves, each a transaction, until the bad rows are alone. Halves go in log order, so the order of each
// key is kept; a batch whose rows violate a constraint only together (two rows that swap a unique value) is written in smaller
// steps, as the source did.
func (w *writer) isolate(ctx context.Context, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	if len(changes) > 1 {
		half := len(changes) / 2
		for _, part := range [][]change{changes[:half], changes[half:]} {
			if err := w.tryOrIsolate(ctx, part); err != nil {
				return err
			}
		}
		return nil
	}
	return w.tryOrIsolate(ctx, changes)
}

// done marks what is committed, so that it is not written again when the other parts are.
func done(part []change) {
	for i := range part {
		part[i].action = skip
	}
}

func (w *writer) tryOrIsolate(ctx context.Context, part []change) error {
	err := w.transaction(ctx, part)
	if err == nil {
		done(part)
		return nil
	}
	var rows *rowsError
	if errors.As(err, &rows) {
		rows.mark(part)
		return w.tryOrIsolate(ctx, part)
	}
	verdict, told := w.settings.dialect.Judge(err)
	switch {
	case verdict != dialect.BadRow:
		return err
	case len(part) == 1:
		part[0].bad = &connector.Error{Class: connector.BadRecord, Err: told}
		return nil
	}
	return w.isolate(ctx, part)
}

// apply writes changes inside the transaction, run by run.
func (w *writer) apply(ctx context.Context, changes []change) error {
	w.co.reset()
	w.co.left = map[*target]map[string]move{}
	for i := range changes {
		ch := &changes[i]
		if ch.bad != nil || ch.action == skip {
			continue
		}
		if ch.action == truncate || w.settings.oneByOne {
			if err := w.writeRun(ctx); err != nil {
				return err
			}
		}
		if ch.action == truncate {
			if err := w.session.Truncate(ctx, ch.target.table); err != nil {
				return err
			}
			continue
		}
		if err := w.add(ctx, changes, i); err != nil {
			return err
		}
	}
	if err := w.writeRun(ctx); err != nil {
		return err
	}
	return w.writeLeft(ctx)
}

// add takes change i into the run, after what has to be written before it.
func (w *writer) add(ctx context.Context, changes []change, i int) (err error) {
	ch := &changes[i]
	if ch.action == rename {
		decided, err := w.decide(changes, i)
		if err != nil {
			ch.bad = err
			return nil
		}
		ch = &decided
	}
	full, err := w.co.add(i, ch)
	if full {
		if err := w.writeRun(ctx); err != nil {
			return err
		}
		_, err = w.co.add(i, ch)
	}
	if err != nil {
		changes[i].bad = err
	}
	return nil
}

func (w *writer) writeRun(ctx context.Context) error {
	if err := w.writeMoves(ctx, dialect.Rename, w.co.moves); err != nil {
		return err
	}
	for _, g := range w.co.groups() {
		if err := w.writeGroup(ctx, g); err != nil {
			return err
		}
	}
	w.co.reset()
	return nil
}

func (w *writer) writeGroup(ctx context.Context, g *group) error {
	wr, err := w.writerOf(g)
	if err != nil {
		return &rowsError{allRows(g, err), g.from}
	}
	err = wr.Write(ctx, g.mode, g.rows)
	var rows dialect.RowErrors
	if errors.As(err, &rows) {
		return &rowsError{rows, g.from}
	}
	if err == nil && g.mode == dialect.Merge {
		w.noteUnmet(g, wr.Unmet())
	}
	return err
}

// unmetPause is how long the next lines about a table's incomplete rows are gathered.
const unmetPause = time.Minute

// noteUnmet tells of rows that were not there and are incomplete now: columns that were not sent have their default.
func (w *writer) noteUnmet(g *group, n int) {
	t := g.target
	if t.unmet += n; n == 0 || time.Since(t.unmetTold) < unmetPause {
		return
	}
	var columns []string
	for i, c := range g.plan.columns {
		if !slices.Contains(g.cols, i) && !t.computed[c.Name] {
			columns = append(columns, c.Name)
		}
	}
	w.log.Warn("rows that the target did not have came without some columns, which have their default now: the source database does not send what it did not change",
		"table", t.name.String(), "columns", columns, "rows_since_start", t.unmet)
	t.unmetTold = time.Now()
}

func allRows(g *group, err error) dialect.RowErrors {
	out := make(dialect.RowErrors, len(g.from))
	for i := range out {
		out[i] = dialect.RowError{Row: i, Err: err}
	}
	return out
}

func (w *writer) writerOf(g *group) (dialect.Writer, error) {
	if g.target.session != w.sessions {
		g.target.writers, g.target.session = map[shape]dialect.Writer{}, w.sessions
	}
	k := shape{g.plan, fmt.Sprint(g.cols)}
	if wr, ok := g.target.writers[k]; ok {
		return wr, nil
	}
	fields := make([]dialect.Field, len(g.cols))
	for i, c := range g.cols {
		fields[i] = g.plan.columns[c].Field
		if g.mode == dialect.Rename || g.mode == dialect.DeleteRenamed {
			fields[i].Key = i < g.plan.keyCount
		}
	}
	wr, err := w.session.Compile(g.target.table, fields)
	if err != nil {
		return nil, err
	}
	if len(g.target.writers) >= maxPlans {
		clear(g.target.writers)
	}
	g.target.writers[k] = wr
	return wr, nil
}

// prepare sees to it that every table is there, with the columns and the key that the changes need.
func (w *writer) prepare(ctx context.Context, changes []change) error {
	for i := range changes {
		ch := &changes[i]
		k := fitted{ch.plan, ch.action == write}
		if ch.bad != nil || ch.action == skip || ch.target.checked[k] {
			continue
		}
		err := w.fit(ctx, ch.target, ch.plan, ch.action)
		if err == errNothingThere {
			ch.action = skip
			continue
		}
		if err != nil {
			return err
		}
		ch.target.checked[k] = true
	}
	return nil
}

func (w *writer) fit(ctx context.Context, t *target, p *plan, a action) error {
	if t.table == nil {
		if err := w.find(ctx, t, p, a); err != nil {
			return err
		}
	}
	if missing := missingFields(t.table, p, a); len(missing) > 0 {
		if err := w.addColumns(ctx, t, missing); err != nil {
			return err
		}
	}
	t.computed = map[string]bool{}
	for _, c := range p.columns {
		if info := t.table.Column(c.Name); info != nil && info.Generated {
			t.computed[c.Name] = true
		}
	}
	return w.checkKey(t, p)
}

// errNothingThere tells that a delete or truncate is of a table that the first row will make.
var errNothingThere = errors.New("there is no table to delete from")

// find reads the table from the catalog, and makes it when it is not there and may be made.
func (w *writer) find(ctx context.Context, t *target, p *plan, a action) error {
	table, err := w.session.Describe(ctx, t.name)
	if err != nil {
		return err
	}
	if table == nil {
		if !w.settings.create {
			return connector.Fatalf("table %s does not exist in the target", t.name).WithHint("Create it, or let the connector create it with %s", w.settings.keys.create)
		}
		if a != write {
			return errNothingThere
		}
		fields := make([]dialect.Field, len(p.columns))
		for i, c := range p.columns {
			fields[i] = c.Field
		}
		if err := w.session.Create(ctx, t.name, fields, w.settings.style); err != nil {
			return w.ddlError("create", t, err)
		}
		w.log.Info("created table", "table", t.name.String(), "columns", len(fields))
		if table, err = w.session.Describe(ctx, t.name); err != nil {
			return err
		}
		if table == nil {
			return connector.Fatalf("table %s was created and can not be found", t.name).WithHint("Check the search path: set currentSchema in connection.url")
		}
	}
	if !w.settings.kinds[table.Kind] {
		return connector.Fatalf("%s is not a table of the kinds that table.types allows", t.name)
	}
	t.table = table
	return nil
}

func (w *writer) ddlError(what string, t *target, err error) error {
	switch verdict, told := w.settings.dialect.Judge(err); verdict {
	case dialect.Wait:
		return err
	case dialect.Broken, dialect.BadRow, dialect.Changed, dialect.Missing:
		var state interface{ SQLState() string }
		if errors.As(told, &state) && state.SQLState() == "42501" {
			return w.fatal(told)
		}
		return connector.Fatalf("cannot %s table %s: %w", what, t.name, told)
	}
	return err
}

// missingFields are the columns that the table lacks; a delete needs those of the key only.
func missingFields(table *dialect.Table, p *plan, a action) (out []dialect.Field) {
	for i, c := range p.columns {
		if a != write && i >= p.keyCount {
			break
		}
		if table.Column(c.Name) == nil {
			out = append(out, c.Field)
		}
	}
	return out
}

func (w *writer) addColumns(ctx context.Context, t *target, missing []dialect.Field) error {
	var names []string
	for i, f := range missing {
		names = append(names, f.Name)
		if _, hasDefault := f.Schema.Default(); !f.Schema.Optional() && !hasDefault {
			// Rows that are there have no value for it: it can only be added as a column that may be null.
			missing[i].Schema = f.Schema.Change(schema.Optional())
		}
		missing[i].Key = false
	}
	if !w.settings.evolve {
		return connector.Fatalf("table %s has no column %s, which the records have", t.name, strings.Join(names, ", ")).
			WithHint("Add it, leave the field out, or let the connector add it with %s", w.settings.keys.evolve)
	}
	if err := w.session.AddColumns(ctx, t.table, missing, w.settings.style); err != nil {
		return w.ddlError("alter", t, err)
	}
	w.log.Info("added columns", "table", t.name.String(), "columns", names)
	t.forget()
	table, err := w.session.Describe(ctx, t.name)
	if err != nil {
		return err
	}
	if table == nil {
		return connector.Retriablef("table %s was dropped while it was altered", t.name)
	}
	t.table = table
	return nil
}

// checkKey refuses an upsert into a table that has no unique index on the key.
func (w *writer) checkKey(t *target, p *plan) error {
	if w.settings.insert != InsertModeUpsert || p.keyCount == 0 {
		return nil
	}
	var cols []string
	for _, c := range p.columns[:p.keyCount] {
		info := t.table.Column(c.Name)
		if info == nil {
			return connector.Fatalf("table %s has no column %s of the primary key", t.name, c.Name)
		}
		cols = append(cols, info.Name)
	}
	if t.table.Kind == dialect.View || t.table.HasKey(cols) {
		return nil
	}
	return connector.Fatalf("table %s has no primary key or unique index on exactly (%s), which an upsert needs", t.name, strings.Join(cols, ", ")).
		WithHint("Create one, or correct %s and %s", w.settings.keys.pkMode, w.settings.keys.pkFields)
}
