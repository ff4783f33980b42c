package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"leat/connector"
	"leat/source/capture"
)

// publicationState is what pg_publication says.
type publicationState struct {
	AllTables bool
	ViaRoot   bool
	Owned     bool // by the connector's user, or a role that it is in
}

// publication reads the publication; nil when there is none.
func (c *catalog) publication(ctx context.Context) (*publicationState, error) {
	var p publicationState
	err := c.one(ctx, []any{&p.AllTables, &p.ViaRoot, &p.Owned},
		"SELECT puballtables, pubviaroot, pg_catalog.pg_has_role(pubowner, 'USAGE') FROM pg_catalog.pg_publication WHERE pubname = $1", c.cfg.Publication)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &p, err
}

// preparePublication makes the publication as publication.autocreate.mode asks and gives its state.
func (c *catalog) preparePublication(ctx context.Context, captured func(schema, table string) bool) (*publicationState, error) {
	p, err := c.publication(ctx)
	if err != nil {
		return nil, err
	}
	name := quoteIdent(c.cfg.Publication)
	with := ""
	if c.cfg.ViaPartitionRoot {
		with = " WITH (publish_via_partition_root = true)"
	}
	switch mode := c.cfg.PublicationCreate; {
	case mode == PublicationFiltered:
		tables, err := c.tables(ctx, captured, c.cfg.ViaPartitionRoot)
		if err != nil {
			return nil, err
		}
		if len(tables) == 0 {
			return nil, connector.Fatalf("no table matches the include and exclude lists, so publication %q would be empty", c.cfg.Publication).
				WithHint("Check schema.include.list and table.include.list; names are written schema.table")
		}
		names := make([]string, len(tables))
		for i, t := range tables {
			names[i] = t.quoted()
		}
		sql := fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE %s%s", name, strings.Join(names, ", "), with)
		switch {
		case p != nil && p.AllTables:
			return p, nil
		case p != nil:
			sql = fmt.Sprintf("ALTER PUBLICATION %s SET TABLE %s", name, strings.Join(names, ", "))
		}
		err = c.publish(ctx, sql)
		if err != nil {
			return nil, err
		}
	case p != nil:
		return p, nil
	case mode == PublicationDisabled:
		return nil, connector.Fatalf("publication %q does not exist, and publication.autocreate.mode=disabled", c.cfg.Publication).
			WithHint("CREATE PUBLICATION %s FOR TABLE …, or set publication.autocreate.mode=filtered", name)
	case mode == PublicationNone:
		if err := c.publish(ctx, "CREATE PUBLICATION "+name+with); err != nil {
			return nil, err
		}
	default:
		if err := c.publish(ctx, "CREATE PUBLICATION "+name+" FOR ALL TABLES"+with); err != nil {
			return nil, err
		}
	}
	return c.publication(ctx)
}

// publish runs a statement on the publication and says what to do when it is refused.
func (c *catalog) publish(ctx context.Context, sql string) error {
	err := c.exec(ctx, sql)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42501" {
		return connector.Fatalf("user %s may not create or change publication %q: %s", c.cfg.User, c.cfg.Publication, pg.Message).
			WithHint("FOR ALL TABLES needs a superuser, a list of tables their owner: let one run %s, or set publication.autocreate.mode=disabled and create it yourself", sql)
	}
	return classify(err, "publication "+c.cfg.Publication)
}

// identity is one rule of replica.identity.autoset.values.
type identity struct {
	tables capture.Patterns
	value  string // as ALTER TABLE … REPLICA IDENTITY takes it
}

func parseIdentities(text string) ([]identity, error) {
	var out []identity
	for _, rule := range strings.Split(text, ",") {
		if rule = strings.TrimSpace(rule); rule == "" {
			continue
		}
		at := strings.LastIndexByte(rule, ':')
		if at <= 0 {
			return nil, fmt.Errorf("invalid value %q: a rule is written TABLE:DEFAULT, FULL, NOTHING or INDEX name", rule)
		}
		tables, err := capture.NewPatterns(rule[:at])
		if err != nil {
			return nil, err
		}
		value := strings.TrimSpace(rule[at+1:])
		if word, index, ok := strings.Cut(value, " "); ok && strings.EqualFold(word, "INDEX") {
			value = "USING INDEX " + quoteIdent(strings.TrimSpace(index))
		} else if u := strings.ToUpper(value); u == "DEFAULT" || u == "FULL" || u == "NOTHING" {
			value = u
		} else {
			return nil, fmt.Errorf("invalid value %q: a rule is written TABLE:DEFAULT, FULL, NOTHING or INDEX name", rule)
		}
		out = append(out, identity{tables, value})
	}
	return out, nil
}

// setIdentities runs replica.identity.autoset.values.
func (c *catalog) setIdentities(ctx context.Context, captured func(schema, table string) bool) error {
	rules, err := parseIdentities(c.cfg.ReplicaIdentities)
	if err != nil || len(rules) == 0 {
		return err
	}
	tables, err := c.tables(ctx, captured, false)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, r := range rules {
			if r.tables.Match(t.String()) {
				if err := c.exec(ctx, "ALTER TABLE "+t.quoted()+" REPLICA IDENTITY "+r.value); err != nil {
					return classify(err, "replica identity of "+t.String())
				}
				break
			}
		}
	}
	return nil
}
