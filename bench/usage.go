package main

import (
	"time"

	"leat/internal/harness"
)

// usage is what the processes of a run used between its begin and its end.
type usage struct {
	worker, log, postgres time.Duration // CPU
	peak                  int64         // most resident bytes of the worker
}

// meter measures usage of a worker, its log and PostgreSQL.
type meter struct {
	w     *worker
	pg    int
	begin usage
}

// begin starts a measurement: the worker's peak counts from here.
func (b *bench) begin(w *worker) (*meter, error) {
	if err := harness.ResetPeak(w.pid); err != nil {
		return nil, err
	}
	m := &meter{w: w, pg: b.pg.PID()}
	var err error
	m.begin, err = m.read()
	return m, err
}

func (m *meter) end() (usage, error) {
	now, err := m.read()
	return usage{now.worker - m.begin.worker, now.log - m.begin.log, now.postgres - m.begin.postgres, now.peak}, err
}

func (m *meter) read() (u usage, err error) {
	own, err := harness.ProcStats(m.w.pid)
	if err != nil {
		return u, err
	}
	log, err := harness.ProcStats(m.w.logPID)
	if err != nil {
		return u, err
	}
	postgres, err := harness.TreeCPU(m.pg)
	return usage{own.CPU, log.CPU, postgres, own.PeakRSS}, err
}

const mib = 1 << 20

// addUsage adds the figures of a run that moved rows.
func (b *bench) addUsage(kind string, w *worker, u usage, rows int) (cpu *figure) {
	perMillion := func(d time.Duration) float64 { return d.Seconds() * 1e6 / float64(rows) }
	cpu = b.report.figure(kind+w.name+", CPU s per million", 2).add(perMillion(u.worker))
	b.report.figure(kind+w.name+"'s log, CPU s per million", 2).add(perMillion(u.log))
	b.report.figure(kind+w.name+", PostgreSQL's CPU s per million", 2).add(perMillion(u.postgres))
	peak := b.report.figure(kind+w.name+", peak resident MiB", 0).add(float64(u.peak) / mib)
	if !w.peer {
		peak.aim(atMost, maxResident, false)
	}
	return cpu
}

// maxResident is what leat may hold in memory under load, in MiB.
const maxResident = 150
