// Package postgres is the PostgreSQL source: a consistent snapshot of the captured tables, then every committed change, in
// Debezium's records and offsets.
//
// Guarantees. Between snapshot and stream there is no gap and, as both begin at one exported snapshot, no overlap. Records
// come in commit order; a batch's offset resumes exactly behind it, inside a transaction too. The slot is told a position
// only after Acked for it. Memory is bounded in bytes: one batch of about 1 MiB being built (a larger single row allowed)
// and one read-ahead chunk, or one of each per snapshot worker.
//
// Limits. PostgreSQL 13 and newer, pgoutput only. A snapshot that is interrupted begins again. Transactions are decoded when
// they commit (protocol version 1).
package postgres

import (
	"context"
	"fmt"

	"leat/connector"
	"leat/record"
)

// Version is the release of Debezium whose records these are.
const Version = "3.6.1.Final"

// pluginName is the connector's name in source blocks and headers.
const pluginName = "postgresql"

// Plugin describes the source to the worker.
var Plugin = connector.Plugin{
	Name:      "PostgresCdcSource",
	Classes:   []string{"io.debezium.connector.postgresql.PostgresConnector"},
	TaskClass: "io.debezium.connector.postgresql.PostgresConnectorTask",
	Version:   Version,
	Config:    Config{}, Docs: configDocs,
	Prepare:    prepare,
	Check:      func(ctx context.Context, cfg any) []problem { return check(ctx, cfg.(*Config)) },
	SingleTask: true,
	AlterOffsets: func(_ map[string]string, offsets []record.SourceOffset) error {
		for _, o := range offsets {
			if err := checkOffset(o); err != nil {
				return err
			}
		}
		return nil
	},
	NewSource: func(ctx context.Context, cfg any, task connector.Task) (connector.Source, error) {
		return open(ctx, cfg.(*Config), task)
	},
}

// checkOffset refuses offsets that could not be resumed from.
func checkOffset(o record.SourceOffset) error {
	if o.Partition.Kind() != record.KindMap {
		return fmt.Errorf(`a source partition is {"server": topic.prefix}`)
	}
	if server, ok := o.Partition.Lookup("server"); !ok || server.Kind() != record.KindString {
		return fmt.Errorf(`a source partition is {"server": topic.prefix}`)
	}
	if o.Offset.IsNull() {
		return nil
	}
	if o.Offset.Kind() != record.KindMap {
		return fmt.Errorf("a source offset is an object")
	}
	if lsn, ok := o.Offset.Lookup("lsn"); !ok || lsn.Kind() != record.KindInt {
		return fmt.Errorf("a source offset has a number lsn")
	}
	return nil
}
