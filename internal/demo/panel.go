package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// state is what the demo shows at one moment.
type state struct {
	running  time.Duration
	tables   []tableState
	written  writes
	lag      lags
	failures []string // of connectors and tasks
}

// tableState is how many rows a table has on both sides, and how many messages its topic holds; below 0 where it is not known yet.
type tableState struct {
	name                     string
	postgres, topic, arrived int64
}

// screen shows states.
type screen interface {
	show(s state)
	// leave ends what is refreshed in place; lines printed later stand below it.
	leave()
}

// newScreen makes a panel that is refreshed in place on a terminal, and lines elsewhere.
func newScreen(out io.Writer, terminal bool, about string) screen {
	if terminal {
		return &panel{out: out, about: about}
	}
	fmt.Fprint(out, about)
	return &lines{out: out}
}

// panel draws over what it drew before.
type panel struct {
	out   io.Writer
	about string
	drawn int // lines
}

func (p *panel) show(s state) {
	var b strings.Builder
	if p.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", p.drawn)
	} else {
		b.WriteString(p.about)
	}
	body := table(s) + "\n" + summary(s) + "\n\nCtrl-C ends the demo and removes everything it made.\n"
	p.drawn = strings.Count(body, "\n")
	b.WriteString(body)
	fmt.Fprint(p.out, b.String())
}

func (p *panel) leave() { p.drawn = 0 }

// lines prints one line per state.
type lines struct{ out io.Writer }

func (l *lines) show(s state) {
	var b strings.Builder
	fmt.Fprintf(&b, "%4ds ", int(s.running.Seconds()))
	for _, t := range s.tables {
		fmt.Fprintf(&b, " %s %s/%s/%s", t.name, number(t.postgres), number(t.topic), number(t.arrived))
	}
	fmt.Fprintf(l.out, "%s (PostgreSQL rows/topic messages/SQLite rows), %s\n", b.String(), summary(s))
}

func (l *lines) leave() {}

func table(s state) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %16s %16s %14s\n", "table", "PostgreSQL rows", "topic messages", "SQLite rows")
	for _, t := range s.tables {
		sign := ""
		if t.postgres == t.arrived {
			sign = " ="
		}
		fmt.Fprintf(&b, "%-12s %16s %16s %14s%s\n", t.name, number(t.postgres), number(t.topic), number(t.arrived), sign)
	}
	return b.String()
}

func summary(s state) string {
	if len(s.failures) > 0 {
		return strings.Join(s.failures, "; ")
	}
	text := fmt.Sprintf("%d inserts, %d updates, %d deletes written", s.written.inserts, s.written.updates, s.written.deletes)
	if s.lag.count > 0 {
		text += fmt.Sprintf("; commit to SQLite: last %s, median %s, p99 %s of %d",
			short(s.lag.last), short(s.lag.median), short(s.lag.p99), s.lag.count)
	}
	return text
}

func short(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func number(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
