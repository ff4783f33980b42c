package sql

import (
	"fmt"
	"testing"

	"leat/config"
	"leat/record"
	"leat/sink/sinktest"
)

func TestCommittedPartsOfABatchAreNotWrittenAgain(t *testing.T) {
	d := postgresDB(t)
	d.exec(t, "CREATE TABLE parts (id bigint, text text, CHECK (id <> 3))")
	cfg := config.New(DebeziumPlugin.Config)
	if p := config.Parse(d.props("insert.mode", "insert", "primary.key.mode", "none"), cfg); len(p) > 0 {
		t.Fatal(p)
	}
	s, problems := cfg.(*DebeziumConfig).settings()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w := newWriter(s, discard)
	defer w.disconnect()
	var changes []change
	batch := sinktest.Batch("parts", 0, sinktest.Upsert(record.OpCreate, 1, record.String("v")), sinktest.Upsert(record.OpCreate, 2, record.String("v")),
		sinktest.Upsert(record.OpCreate, 3, record.String("v")), sinktest.Upsert(record.OpCreate, 4, record.String("v")))
	for i := range batch.Records {
		c, err := w.translate(&batch.Records[i])
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c)
	}
	for range 2 { // the second stands for the one after an outage in between
		if err := w.write(sinktest.Context(t), changes); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(d.rows(t, "SELECT id FROM parts ORDER BY id")); got != "[[1] [2] [4]]" || changes[2].bad == nil {
		t.Fatal(got, changes[2].bad)
	}
}
