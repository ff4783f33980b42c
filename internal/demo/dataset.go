package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// schemaName is the PostgreSQL schema that holds the demo's tables.
const schemaName = "leat_demo"

// tables are the demo's tables, referenced ones first.
var tables = []string{"image", "slice", "annotation"}

//go:embed schema.sql
var schemaSQL string

// Rows loaded before the stream begins.
const (
	images         = 120
	slicesPerImage = 3
	annotations    = 240
)

const fillSQL = `
INSERT INTO image (path, width, height, megapixels, public, camera, exif, checksum, taken_on, uploaded_at)
SELECT format('2024/%%s/img_%%s.jpg', lpad((1 + n %% 12)::text, 2, '0'), lpad(n::text, 5, '0')),
       4000 + n, 3000 + n, ((4000 + n) * (3000 + n))::numeric / 1000000, n %% 3 = 0,
       CASE WHEN n %% 5 > 0 THEN (ARRAY['Zeiss Ωmega', 'Nikon "Z"', 'Leica d''Or', 'Canon'])[n %% 5] END,
       CASE WHEN n %% 4 > 0 THEN jsonb_build_object('iso', 100 * n, 'gps', jsonb_build_array(n / 7.0, -n / 3.0), 'flash', n %% 2 = 0) END,
       decode(md5(n::text), 'hex'), date '1969-12-01' + n * 97, timestamptz '2024-02-29 13:14:15.123456+02' + n * interval '1 hour 3 minutes'
FROM generate_series(1, %[1]d) n;

INSERT INTO slice (id, image_id, level, x, y, side, scale, mean)
SELECT md5(format('%%s/%%s', i.id, p))::uuid, i.id, p, p * 256, p * 512, 256, 1.0 / (p + 1), CASE WHEN p > 0 THEN i.id / 7.0 END
FROM image i, generate_series(0, %[2]d - 1) p;

INSERT INTO annotation (image_id, slice_id, label, confidence, status, note, created_at)
SELECT 1 + n %% %[1]d, CASE WHEN n %% 2 = 0 THEN md5(format('%%s/%%s', 1 + n %% %[1]d, n %% %[2]d))::uuid END,
       (ARRAY['cell', 'nucleus', 'vessel', 'artefact', '細胞'])[1 + n %% 5], CASE WHEN n %% 7 > 0 THEN (n %% 10000) / 10000.0 END,
       (ARRAY['draft', 'reviewed', 'rejected'])[1 + n %% 3]::annotation_status, CASE WHEN n %% 6 = 0 THEN repeat('long note ', n) END,
       timestamp '2024-06-30 23:59:59.999999' + n * interval '11 seconds'
FROM generate_series(1, %[3]d) n;`

// load makes the schema with its tables and rows.
func load(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+schemaName); err != nil {
			return schemaError(err)
		}
		fill := fmt.Sprintf(fillSQL, images, slicesPerImage, annotations)
		for _, sql := range []string{"SET LOCAL search_path = " + schemaName, schemaSQL, fill} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("load the demo's tables: %w", err)
			}
		}
		return nil
	})
}

func schemaError(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P06" { // duplicate_schema
		return fmt.Errorf("schema %s is there already: another demo runs on this database, or one was kept; drop it with: DROP SCHEMA %s CASCADE", schemaName, schemaName)
	}
	return fmt.Errorf("make schema %s: %w", schemaName, err)
}

// unload removes what the demo made in a database that is not its own.
func unload(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+schemaName+" CASCADE")
	return errors.Join(err, dropReplication(ctx, conn))
}

// dropReplication removes slot and publication, so that the server does not keep its log for a reader that is gone.
func dropReplication(ctx context.Context, conn *pgx.Conn) error {
	_, slotErr := conn.Exec(ctx, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", replicationName)
	_, err := conn.Exec(ctx, "DROP PUBLICATION IF EXISTS "+replicationName)
	return errors.Join(slotErr, err)
}
