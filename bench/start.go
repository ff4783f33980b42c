package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// startsPerRun: starts are short, so each run makes several.
const startsPerRun = 3

// maxStart is how long leat may take until REST answers, in seconds.
const maxStart = 0.5

// measureStart starts leat with its log inside and with a log elsewhere, first with nothing stored and then with connectors.
func measureStart(ctx context.Context, b *bench) (err error) {
	w := &worker{}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := b.startLog(ctx, w); err != nil {
		return err
	}
	if err := b.wide(ctx, "wide_few", 2000, 0); err != nil {
		return err
	}
	for range b.runs {
		for range startsPerRun {
			if err := b.startBoth(ctx, w.bootstrap); err != nil {
				return err
			}
		}
	}
	b.report.remark("From just before the process is started until GET /connectors is answered, asked every %s. With connectors: one source and one sink, running when leat was stopped in order.", pollEvery)
	return nil
}

func (b *bench) startBoth(ctx context.Context, bootstrap string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := b.startTwice(ctx, "embedded log", "-D", "data.dir="+dir, "-D", "embedded.kafka.listener="+address); err != nil {
		return err
	}
	id := b.unique("cluster")
	return b.startTwice(ctx, "log elsewhere", "-D", "bootstrap.servers="+bootstrap, "-D", "group.id="+id, "-D", "config.storage.topic="+id+"-configs",
		"-D", "offset.storage.topic="+id+"-offsets", "-D", "status.storage.topic="+id+"-status")
}

func (b *bench) startTwice(ctx context.Context, where string, args ...string) error {
	p, err := b.startLeat(ctx, args...)
	if err != nil {
		return err
	}
	b.report.figure(where+", nothing stored, s", 2).add(p.answers.Seconds()).aim(atMost, maxStart, false)
	names, err := b.smallFlow(ctx, p)
	p.stop()
	if err != nil {
		return err
	}
	again, err := b.startLeat(ctx, args...)
	if err != nil {
		return err
	}
	defer again.stop()
	b.report.figure(where+", with connectors, s", 2).add(again.answers.Seconds()).aim(atMost, maxStart, false)
	if err := running(ctx, again, names...); err != nil {
		return err
	}
	b.report.figure(where+", until the status of connectors and tasks is RUNNING, s", 2).add(time.Since(again.started).Seconds())
	for _, name := range names {
		if err := again.rest.Delete(ctx, name); err != nil {
			return err
		}
	}
	return b.dropSlot(ctx, names[0])
}

// smallFlow makes a source and a sink and waits until rows have come through.
func (b *bench) smallFlow(ctx context.Context, p *leatProcess) (names []string, err error) {
	source, sink := b.unique("start"), b.unique("sink")
	w := &worker{name: "leat"}
	config := b.sourceConfig(w, source, "wide_few", withSchemas)
	if _, _, err := p.rest.Configure(ctx, source, config); err != nil {
		return nil, err
	}
	if _, _, err := p.rest.Configure(ctx, sink, b.sinkConfig(w, topicOf(source, "wide_few"), sink)); err != nil {
		return nil, err
	}
	err = waitFor(ctx, "rows in "+sink, func() error {
		var rows int
		err := b.target.QueryRow(ctx, "select count(*) from "+sink).Scan(&rows)
		if err == nil && rows < 2000 {
			err = errors.New(strconv.Itoa(rows) + " of 2000 rows")
		}
		return err
	})
	return []string{source, sink}, err
}

// running waits until connectors and their tasks are.
func running(ctx context.Context, p *leatProcess, names ...string) error {
	return waitFor(ctx, "connectors to run", func() error {
		for _, name := range names {
			status, err := p.rest.Status(ctx, name)
			if err != nil {
				return err
			}
			if string(status.Connector.State) != "RUNNING" || len(status.Tasks) != 1 || string(status.Tasks[0].State) != "RUNNING" {
				return fmt.Errorf("%s is %s with tasks %v", name, status.Connector.State, status.Tasks)
			}
		}
		return nil
	})
}
