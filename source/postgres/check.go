package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"leat/config"
)

type problem = config.Problem

// check looks at the server and tells everything that would stop the connector, with what to do.
func check(ctx context.Context, cfg *Config) []problem {
	c := &checker{ctx: ctx, cfg: cfg, cat: &catalog{cfg: cfg}}
	defer c.cat.close(ctx)
	version, err := c.cat.serverVersion(ctx)
	switch {
	case err != nil:
		c.add("database.hostname", "%v.", err)
		return c.problems
	case version < 130000:
		c.add("database.hostname", "The server is PostgreSQL %d; leat needs 13 or newer.", version/10000)
		return c.problems
	}
	streams := cfg.SnapshotMode != "initial_only"
	if streams {
		c.server()
		c.role()
		c.slot()
	}
	c.captured(streams)
	return c.problems
}

// checker gathers problems. A query that fails is one too.
type checker struct {
	ctx      context.Context
	cfg      *Config
	cat      *catalog
	problems []problem
}

func (c *checker) add(key, format string, args ...any) {
	c.problems = append(c.problems, config.Problemf(key, format, args...))
}

// ask runs a query of one row and tells whether it worked.
func (c *checker) ask(key string, dst []any, sql string, args ...any) bool {
	if err := c.cat.one(c.ctx, dst, sql, args...); err != nil {
		c.add(key, "%v.", err)
		return false
	}
	return true
}

// server checks what is set in postgresql.conf.
func (c *checker) server() {
	var level string
	var senders, sendersUsed, slots, slotsUsed int
	if !c.ask("database.hostname", []any{&level, &senders, &sendersUsed, &slots, &slotsUsed},
		`SELECT current_setting('wal_level'), current_setting('max_wal_senders')::int4, (SELECT count(*)::int4 FROM pg_catalog.pg_stat_replication),
		   current_setting('max_replication_slots')::int4, (SELECT count(*)::int4 FROM pg_catalog.pg_replication_slots WHERE slot_name <> $1)`, c.cfg.Slot) {
		return
	}
	if level != "logical" {
		c.add("database.hostname", "The server's wal_level is %s, and logical decoding needs logical. Run ALTER SYSTEM SET wal_level = logical and restart the server.", level)
	}
	if sendersUsed >= senders {
		c.add("database.hostname", "All %d WAL senders of the server are in use. Raise max_wal_senders and restart the server, or stop a reader.", senders)
	}
	if slotsUsed >= slots {
		c.add("slot.name", "All %d replication slots of the server are taken. Drop one that nobody uses (SELECT slot_name FROM pg_replication_slots WHERE NOT active), or raise max_replication_slots and restart the server.", slots)
	}
}

// role checks what the user may do.
func (c *checker) role() {
	var super, replication bool
	if !c.ask("database.user", []any{&super, &replication}, `SELECT rolsuper, rolreplication OR EXISTS (
		SELECT FROM pg_catalog.pg_roles m WHERE m.rolname IN ('rds_replication', 'cloudsqlreplica', 'azure_pg_admin') AND pg_catalog.pg_has_role(current_user, m.oid, 'member'))
		FROM pg_catalog.pg_roles WHERE rolname = current_user`) {
		return
	}
	if !super && !replication {
		c.add("database.user", "User %s may not replicate. Run ALTER ROLE %s REPLICATION.", c.cfg.User, quoteIdent(c.cfg.User))
	}
}

func (c *checker) slot() {
	s, err := c.cat.slot(c.ctx)
	switch {
	case err != nil:
		c.add("slot.name", "%v.", err)
	case s == nil:
	case s.usable(c.cfg) != nil:
		c.add("slot.name", "%v.", s.usable(c.cfg))
	case s.Active && !c.ownConnection(s.PID):
		c.add("slot.name", "Replication slot %q is in use by the server process %d. Stop that reader, or give this connector another slot.name.", c.cfg.Slot, s.PID)
	}
}

// ownConnection tells whether a slot's reader is this connector's: an update of a running one is no conflict. Sessions are
// told apart by the topic.prefix in their name.
func (c *checker) ownConnection(pid int32) bool {
	var app string
	err := c.cat.one(c.ctx, []any{&app}, "SELECT COALESCE(application_name, '') FROM pg_catalog.pg_stat_activity WHERE pid = $1::int4", pid)
	return err == nil && app == c.cfg.sessionName()
}

// captured checks the tables: that there are some, that they can be read, and that the publication and the replica identity let
// changes through.
func (c *checker) captured(streams bool) {
	shapes, err := newTables(c.cfg, c.cat, nil)
	if err != nil {
		c.add("table.include.list", "%v.", err)
		return
	}
	tables, err := c.cat.tables(c.ctx, shapes.captured, c.cfg.ViaPartitionRoot)
	if err != nil {
		c.add("table.include.list", "%v.", err)
		return
	}
	if len(tables) == 0 {
		c.add("table.include.list", "No table of database %s matches the include and exclude lists. Names are matched as schema.table, and as whole names: public.orders, or public\\..*.", c.cfg.Database)
		return
	}
	facts := c.facts()
	var unread, silent []string
	for _, t := range tables {
		f := facts[t.OID]
		if !f.readable {
			unread = append(unread, t.quoted())
		}
		if !f.identified && f.changes && !f.published {
			silent = append(silent, t.quoted())
		}
	}
	if len(unread) > 0 && c.cfg.SnapshotMode != "no_data" {
		c.add("database.user", "User %s may not read %s. Run GRANT SELECT ON %s TO %s, and GRANT USAGE ON their schemas.", c.cfg.User, shorten(unread), strings.Join(unread, ", "), quoteIdent(c.cfg.User))
	}
	if streams {
		c.publication(tables, facts, silent)
	}
}

// tableFacts is what matters of a table beside its shape.
// changes tells that rows of it have been updated or deleted.
type tableFacts struct{ readable, identified, published, changes bool }

func (c *checker) facts() map[uint32]tableFacts {
	out := map[uint32]tableFacts{}
	err := c.cat.query(c.ctx, func(r pgx.Rows) error {
		var oid int64
		var f tableFacts
		if err := r.Scan(&oid, &f.readable, &f.identified, &f.published, &f.changes); err != nil {
			return err
		}
		out[uint32(oid)] = f
		return nil
	}, `SELECT c.oid::int8, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
	      CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false
	        WHEN 'd' THEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	        ELSE EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) END,
	      EXISTS (SELECT FROM pg_catalog.pg_publication_tables p WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname),
	      COALESCE(pg_catalog.pg_stat_get_tuples_updated(c.oid), 0) + COALESCE(pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0) > 0
	    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')`, c.cfg.Publication)
	if err != nil {
		c.add("database.dbname", "%v.", err)
	}
	return out
}

func (c *checker) publication(tables []tableID, facts map[uint32]tableFacts, silent []string) {
	p, err := c.cat.publication(c.ctx)
	if err != nil {
		c.add("publication.name", "%v.", err)
		return
	}
	if len(silent) > 0 {
		c.add("table.include.list", "Rows of %s are updated or deleted, and the server will refuse that once they are published: they have neither a primary key nor a replica identity. Run ALTER TABLE … REPLICA IDENTITY FULL, or set replica.identity.autoset.values, or leave them out.", shorten(silent))
	}
	name := quoteIdent(c.cfg.Publication)
	if p == nil {
		if c.cfg.PublicationCreate == PublicationDisabled {
			c.add("publication.name", "Publication %q does not exist, and publication.autocreate.mode is disabled. Run CREATE PUBLICATION %s FOR TABLE …, or set publication.autocreate.mode=filtered.", c.cfg.Publication, name)
		} else {
			c.mayPublish()
		}
		return
	}
	if c.cfg.PublicationCreate == PublicationFiltered {
		if !p.AllTables && !p.Owned { // the start puts the tables in
			c.add("publication.name", "Publication %q belongs to another user, so %s can not put the captured tables in it. Run ALTER PUBLICATION %s OWNER TO %s, or set publication.autocreate.mode=disabled.", c.cfg.Publication, c.cfg.User, name, quoteIdent(c.cfg.User))
		}
		return
	}
	var absent []string
	for _, t := range tables {
		if !facts[t.OID].published {
			absent = append(absent, t.quoted())
		}
	}
	if len(absent) > 0 {
		c.add("publication.name", "Publication %q does not have %s, so their changes would not come. Run ALTER PUBLICATION %s ADD TABLE %s.", c.cfg.Publication, shorten(absent), name, strings.Join(absent, ", "))
	}
}

// mayPublish checks the right to create the publication.
func (c *checker) mayPublish() {
	var super, create bool
	if !c.ask("database.user", []any{&super, &create}, `SELECT rolsuper, pg_catalog.has_database_privilege(current_database(), 'CREATE')
		FROM pg_catalog.pg_roles WHERE rolname = current_user`) || super {
		return
	}
	switch {
	case c.cfg.PublicationCreate == PublicationAll:
		c.add("publication.autocreate.mode", "User %s is no superuser and so can not create a publication for all tables. Set publication.autocreate.mode=filtered, or let a superuser run CREATE PUBLICATION %s FOR ALL TABLES.", c.cfg.User, quoteIdent(c.cfg.Publication))
	case !create:
		c.add("publication.autocreate.mode", "User %s may not create a publication in database %s. Run GRANT CREATE ON DATABASE %s TO %s.", c.cfg.User, c.cfg.Database, quoteIdent(c.cfg.Database), quoteIdent(c.cfg.User))
	}
}

// shorten lists names for a sentence.
func shorten(names []string) string {
	if len(names) <= 5 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
}
