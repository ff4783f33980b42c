//go:build !linux

package postgres

import (
	"context"
	"net"
	"time"
)

// dialQuiet dials as the driver does; only on Linux is there more to it.
func dialQuiet(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext(ctx, network, addr)
}
