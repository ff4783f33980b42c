package postgres

import (
	"context"

	"leat/config"
)

type problem = config.Problem

// check looks at the server.
func check(ctx context.Context, cfg *Config) []problem {
	cat := &catalog{cfg: cfg}
	defer cat.close(ctx)
	if _, err := cat.serverVersion(ctx); err != nil {
		return []problem{config.Problemf("database.hostname", "%v", err)}
	}
	return nil
}
