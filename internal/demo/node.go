package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"leat/internal/cli/node"
	"leat/internal/cli/workerconfig"
)

// The ports of a server, which the demo takes when they are free.
const (
	defaultREST  = "127.0.0.1:8083"
	defaultKafka = "127.0.0.1:9092"
)

// startNode starts the server in this process, its log in the demo's folder.
func (d *demo) startNode() error {
	// Only what needs attention goes to the screen.
	logs := slog.NewTextHandler(d.opts.Out, &slog.HandlerOptions{Level: slog.LevelError})
	w, problems, err := workerconfig.New(map[string]string{
		"data.dir":                filepath.Join(d.dir, "data"),
		"listeners":               "http://" + freeOr(defaultREST),
		"embedded.kafka.listener": freeOr(defaultKafka),
		"log.level":               "error",
	}, slog.New(logs))
	if err != nil || len(problems) > 0 {
		return fmt.Errorf("the demo's own configuration: %w %v", err, problems)
	}
	d.node, err = node.Open(node.Options{Worker: w, Plugins: d.opts.Plugins, Logs: logs, Version: d.opts.Version, Commit: "demo"})
	if err != nil {
		return err
	}
	var drain context.Context
	drain, d.stopNode = context.WithCancel(context.Background())
	d.nodeDone = make(chan error, 1)
	go func() { d.nodeDone <- d.node.Run(drain, d.now) }() // ends with stopNode, in cleanUp
	return nil
}

// freeOr gives the address when nothing listens there, else one with any free port.
func freeOr(address string) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0"
	}
	l.Close()
	return address
}

// cleanUp ends and removes everything, in the order in which it depends on each other.
func (d *demo) cleanUp() error {
	var errs []error
	if d.stopNode != nil {
		d.stopNode()
		errs = append(errs, <-d.nodeDone)
	}
	if d.lite != nil {
		errs = append(errs, d.lite.Close())
	}
	if d.pg != nil {
		errs = append(errs, d.leaveDatabase())
	}
	if d.postgres != nil {
		errs = append(errs, d.postgres.Stop())
	}
	if d.dir != "" {
		if d.opts.Keep {
			d.say("Kept: %s", d.dir)
		} else {
			errs = append(errs, os.RemoveAll(d.dir))
		}
	}
	return errors.Join(errs...)
}

// leaveDatabase removes what the demo made in a database that stays; the slot in any case, since it would hold the server's log for ever.
func (d *demo) leaveDatabase() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	defer d.pg.Close(ctx)
	switch {
	case d.postgres != nil || !d.loaded:
		return nil
	case d.opts.Keep:
		return dropReplication(ctx, d.pg)
	}
	return unload(ctx, d.pg)
}
