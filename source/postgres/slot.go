package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"leat/connector"
	"leat/source/postgres/pgoutput"
)

// slotState is what pg_replication_slots says.
type slotState struct {
	Plugin    string
	Database  string
	Active    bool
	PID       int32
	Confirmed LSN
	Status    string // wal_status
}

// slot reads the state of the slot; nil when there is none.
func (c *catalog) slot(ctx context.Context) (*slotState, error) {
	var s slotState
	var confirmed string
	err := c.one(ctx, []any{&s.Plugin, &s.Database, &s.Active, &s.PID, &confirmed, &s.Status},
		`SELECT COALESCE(plugin::text, ''), COALESCE(database::text, ''), active, COALESCE(active_pid, 0), COALESCE(confirmed_flush_lsn::text, '0/0'), COALESCE(wal_status, '')
		 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`, c.cfg.Slot)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.Confirmed, err = pgoutput.ParseLSN(confirmed)
	return &s, err
}

// usable refuses a slot that can not be streamed from.
func (s *slotState) usable(cfg *Config) error {
	switch {
	case s.Plugin != "pgoutput":
		return connector.Fatalf("replication slot %q was made for the plug-in %q, not pgoutput", cfg.Slot, s.Plugin).
			WithHint("Choose another slot.name, or drop the slot once nobody needs it: SELECT pg_drop_replication_slot('%s')", cfg.Slot)
	case s.Database != cfg.Database:
		return connector.Fatalf("replication slot %q belongs to the database %q, not %q", cfg.Slot, s.Database, cfg.Database).
			WithHint("Choose another slot.name")
	case s.Status == "lost":
		return connector.Fatalf("the server has removed log that replication slot %q still needed (wal_status is lost): changes are missing", cfg.Slot).
			WithHint("Drop the slot, reset this connector's offsets for a new snapshot (or set snapshot.mode=when_needed), and raise max_slot_wal_keep_size")
	}
	return nil
}

// checkFit compares the slot with the stored position.
//
// Invariant 1: a slot that is ahead of what is stored has let changes go; nothing is skipped in silence (a slot that was
// dropped and made again looks so).
func (s *slotState) checkFit(cfg *Config, p *position) error {
	if s.Confirmed <= max(p.start(), p.lsn) || cfg.Mismatch == TrustSlot || cfg.Mismatch == TrustGreater {
		return nil
	}
	return connector.Fatalf("replication slot %q begins at %s, past the stored offset %s: changes between them are gone", cfg.Slot, s.Confirmed, p.start()).
		WithHint("Reset this connector's offsets for a new snapshot, set snapshot.mode=when_needed, or accept the gap with offset.mismatch.strategy=trust_slot")
}

// created is a new slot with its exported snapshot.
type created struct {
	lsn      LSN
	snapshot string
}

// createSlot makes the slot, or a temporary one, over a replication connection. The snapshot lasts until the connection's next
// command.
func createSlot(ctx context.Context, conn *pgconn.PgConn, cfg *Config, name string, temporary bool, version int) (created, error) {
	var out created
	sql := "CREATE_REPLICATION_SLOT " + quoteIdent(name)
	if temporary {
		sql += " TEMPORARY"
	}
	sql += " LOGICAL pgoutput"
	if cfg.SlotFailover && !temporary && version >= 170000 {
		sql += " (SNAPSHOT 'export', FAILOVER true)"
	} else {
		sql += " EXPORT_SNAPSHOT"
	}
	if cfg.SlotTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, cfg.SlotTimeout)
		defer cancel()
	}
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return out, slotError(err, cfg, name)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) < 3 {
		return out, connector.Fatalf("the server answered %s in an unknown form", sql)
	}
	row := results[0].Rows[0]
	out.snapshot = string(row[2])
	out.lsn, err = pgoutput.ParseLSN(string(row[1]))
	return out, err
}

// slotError says what to do about a slot that can not be made.
func slotError(err error, cfg *Config, name string) error {
	doing := fmt.Sprintf("creating replication slot %q", name)
	if errors.Is(err, context.DeadlineExceeded) {
		return connector.Retriablef("%s: the server did not find a consistent point within %s", doing, cfg.SlotTimeout).
			WithHint("A transaction is open since before; look for it in pg_stat_activity and pg_prepared_xacts")
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return classify(err, doing)
	}
	switch {
	case pg.Code == "42501":
		return connector.Fatalf("%s: %s", doing, pg.Message).WithHint("ALTER ROLE %s REPLICATION", quoteIdent(cfg.User))
	case pg.Code == "53400":
		return connector.Retriablef("%s: %s", doing, pg.Message).WithHint("Raise max_replication_slots, or drop a slot that nobody uses")
	case pg.Code == "55000" && strings.Contains(pg.Message, "wal_level"), pg.Code == "55000" && strings.Contains(pg.Message, "logical decoding"):
		return connector.Fatalf("%s: %s", doing, pg.Message).WithHint("Set wal_level = logical and restart the server")
	}
	return classify(err, doing)
}

// replicationConn opens a connection to a WAL sender.
func (c *Config) replicationConn(ctx context.Context) (*pgconn.PgConn, error) {
	cfg, err := c.connConfig(true)
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.ConnectConfig(ctx, &cfg.Config)
	if err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "42501" {
			return nil, connector.Fatalf("user %s may not replicate: %s", c.User, pg.Message).WithHint("ALTER ROLE %s REPLICATION", quoteIdent(c.User))
		}
		return nil, c.connectError(err)
	}
	return conn, nil
}

// startSQL is the command that starts streaming.
func (c *Config) startSQL(from LSN, version int) string {
	opts := []string{"proto_version '1'", "publication_names " + quoteLiteral(quoteIdent(c.Publication))}
	if version >= 140000 {
		opts = append(opts, "messages 'true'")
	}
	for _, kv := range strings.Split(c.SlotParams, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(kv), "="); ok && !strings.EqualFold(k, "proto_version") && !strings.EqualFold(k, "publication_names") && !strings.EqualFold(k, "binary") {
			opts = append(opts, quoteIdent(k)+" "+quoteLiteral(v))
		}
	}
	return fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (%s)", quoteIdent(c.Slot), from, strings.Join(opts, ", "))
}
