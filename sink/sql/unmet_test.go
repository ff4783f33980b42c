package sql

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"leat/config"
	"leat/connector"
	"leat/record"
	"leat/sink/sinktest"
)

func TestRowThatIsNotThereAndLacksColumnsIsTold(t *testing.T) {
	each(t, func(t *testing.T, d *db) {
		cfg := config.New(DebeziumPlugin.Config)
		if p := config.Parse(d.props(upserts...), cfg); len(p) > 0 {
			t.Fatal(p)
		}
		d.exec(t, "CREATE TABLE lacks (id bigint PRIMARY KEY, text text)")
		d.exec(t, "CREATE TABLE strict (id bigint PRIMARY KEY, text text NOT NULL)")
		var log bytes.Buffer // written by the sink's goroutine, read after Close
		sink, err := DebeziumPlugin.NewSink(t.Context(), cfg, connector.Task{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		sinktest.Write(t, sink, sinktest.Batch("lacks", 0, sinktest.Upsert(record.OpCreate, 1, record.String("big"))))
		sinktest.Write(t, sink, sinktest.Batch("lacks", 1, sinktest.Upsert(record.OpUpdate, 1, record.Unchanged), sinktest.Upsert(record.OpUpdate, 2, record.Unchanged)))
		err = sinktest.Put(t, sink, sinktest.Batch("strict", 0, sinktest.Upsert(record.OpUpdate, 3, record.Unchanged)))
		if err == nil {
			_, err = sinktest.Flush(t, sink)
		}
		if connector.ClassOf(err) != connector.BadRecord {
			t.Errorf("a row without a column that must not be null: %v", err)
		}
		if err := sink.Close(sinktest.Context(t)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(d.rows(t, "SELECT id, text FROM lacks ORDER BY id")); got != "[[1 big] [2 <nil>]]" {
			t.Error(got)
		}
		if got := log.String(); strings.Count(got, "rows that the target did not have") != 1 || !strings.Contains(got, "table=lacks columns=[text] rows_since_start=1") {
			t.Error(got)
		}
	})
}
