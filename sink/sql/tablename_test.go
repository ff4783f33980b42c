package sql

import (
	"fmt"
	"strings"
	"testing"

	"leat/connector"
	"leat/record"
	"leat/sink/sinktest"
)

func TestNameOfThreePartsNamesTheDatabase(t *testing.T) {
	d := postgresDB(t)
	database := fmt.Sprint(d.rows(t, "SELECT current_database()::text")[0][0])
	props := d.props("insert.mode", "upsert", "pk.mode", "record_key", "pk.fields", "id", "auto.create", "true")
	props["connection.user"] = props["connection.username"]
	delete(props, "connection.username")
	flat := func(topic string) record.Batch {
		r := sinktest.Upsert(record.OpCreate, 1, record.String("v"))
		env, _ := record.AsChange(r.ValueSchema, r.Value)
		r.ValueSchema, r.Value = env.RowSchema, env.After
		return sinktest.Batch(topic, 0, r)
	}
	sink := sinktest.Open(t, ConfluentPlugin, props)
	sinktest.Write(t, sink, flat(database+".public.named"))
	if got := fmt.Sprint(d.rows(t, `SELECT text FROM public.named`)); got != "[[v]]" {
		t.Error(got)
	}
	for _, topic := range []string{"other.public.named", "a.b.public.named"} {
		err := sinktest.Put(t, sink, flat(topic))
		if connector.ClassOf(err) != connector.BadRecord || !strings.Contains(fmt.Sprint(err), "not the connected database") {
			t.Errorf("%s: %v", topic, err)
		}
	}
}
