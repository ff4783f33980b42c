package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"leat/connector"
	"leat/internal/harness"
	"leat/record"
)

func TestCheckTellsEveryProblemWithWhatToDo(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE good (id int PRIMARY KEY); CREATE TABLE nokey (a int); CREATE TABLE log (a int)")
	d.exec("INSERT INTO nokey VALUES (1); INSERT INTO log VALUES (1)")
	d.exec("UPDATE nokey SET a = 2")
	waitFor(t, "statistics", func() bool { return d.value("SELECT pg_stat_get_tuples_updated('nokey'::regclass)::text") != "0" })
	role := "poor_" + d.name
	d.exec("CREATE ROLE " + role + " LOGIN PASSWORD 'pw'")
	t.Cleanup(func() { d.exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	for _, c := range []struct {
		name  string
		props map[string]string
		want  []string // parts of messages, none: no problem
	}{
		{"good", d.with("table.include.list", "public.good"), nil},
		{"no table", d.with("table.include.list", "good"), []string{"No table of database"}},
		{"no key", d.with("table.include.list", "public.nokey"), []string{"REPLICA IDENTITY FULL"}},
		{"no key, but only inserts", d.with("table.include.list", "public.log"), nil},
		{"publication missing", d.with("table.include.list", "public.good", "publication.autocreate.mode", "disabled"), []string{"CREATE PUBLICATION"}},
		{"wrong password", d.with("database.password", "wrong"), []string{"pg_hba.conf"}},
		{"no server", d.with("database.port", "1"), []string{"can not be reached"}},
		{"poor role", d.with("database.user", role, "database.password", "pw", "table.include.list", "public.good"),
			[]string{"ALTER ROLE", "GRANT SELECT", "GRANT CREATE ON DATABASE"}},
		{"all tables", d.with("database.user", role, "database.password", "pw", "publication.autocreate.mode", "all_tables", "snapshot.mode", "no_data"),
			[]string{"no superuser"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := check(context.Background(), parse(t, c.props))
			text := fmt.Sprint(problems)
			if len(c.want) == 0 && len(problems) > 0 {
				t.Error(text)
			}
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("%q is not in %s", w, text)
				}
			}
			if strings.Contains(text, d.props["database.password"]) && len(d.props["database.password"]) > 3 {
				t.Error("the password is in ", text)
			}
		})
	}
}

// waitFor polls for up to a minute.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited a minute for ", what)
		}
	}
}

func TestCheckRefusesASlotThatAnotherConnectorReads(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY)")
	r := d.open(record.Null, d.props)
	defer r.close()
	r.snapshot()
	d.exec("INSERT INTO rows VALUES (1)")
	r.records(1)
	if got := check(context.Background(), parse(t, d.props)); len(got) > 0 {
		t.Errorf("its own slot: %v", got)
	}
	other := d.with("topic.prefix", "s2", "slot.max.retries", "0")
	if got := fmt.Sprint(check(context.Background(), parse(t, other))); !strings.Contains(got, "in use by the server process") {
		t.Errorf("got %s", got)
	}
	// Nor does a task read the tables before it has the slot.
	second := d.open(record.Null, other)
	defer second.close()
	if b, err := second.src.Read(context.Background()); connector.ClassOf(err) != connector.Retriable || len(b.Records) > 0 {
		t.Errorf("%d records, %v", len(b.Records), err)
	}
}

func TestCheckTellsOfAPublicationOfAnotherUser(t *testing.T) {
	d := newDatabase(t)
	role := "reader_" + d.name
	d.exec("CREATE TABLE rows (id int PRIMARY KEY); CREATE PUBLICATION " + d.name + " FOR TABLE rows; CREATE ROLE " + role + " LOGIN REPLICATION PASSWORD 'pw'; GRANT SELECT ON rows TO " + role)
	t.Cleanup(func() { d.exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
	props := d.with("database.user", role, "database.password", "pw")
	if got := fmt.Sprint(check(context.Background(), parse(t, props))); !strings.Contains(got, "OWNER TO") {
		t.Errorf("got %s", got)
	}
	props["publication.autocreate.mode"] = "disabled"
	if got := check(context.Background(), parse(t, props)); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestUnreachableServerIsToldOnOneLine(t *testing.T) {
	cfg := parse(t, map[string]string{"database.hostname": "127.0.0.1", "database.port": "1", "database.user": "u", "database.dbname": "d",
		"topic.prefix": "p", "database.sslmode": "prefer"})
	_, err := cfg.connect(context.Background())
	text := fmt.Sprint(err)
	if connector.ClassOf(err) != connector.Retriable || strings.Contains(text, "\n") || strings.Count(text, "refused") != 1 {
		t.Errorf("got %q", text)
	}
}

func TestIdleSlotFollowsTheLog(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY); CREATE TABLE other (id int)")
	r := d.open(record.Null, d.with("table.include.list", "public.rows"))
	defer r.close()
	d.exec("INSERT INTO rows VALUES (1)")
	r.records(1)
	d.exec("INSERT INTO other SELECT generate_series(1, 1000)")
	end := d.value("SELECT pg_current_wal_flush_lsn()::text")
	follows := func() bool {
		return d.value("SELECT (confirmed_flush_lsn >= '"+end+"')::text FROM pg_replication_slots WHERE slot_name = '"+d.name+"'") == "true"
	}
	flushed, err := parseLSN(end)
	if err != nil {
		t.Fatal(err)
	}
	for p := (position{}); p.commit < flushed; p, _ = parsePosition(r.offset) {
		b := r.batch()
		if len(b.Records) > 0 {
			t.Error("a record of a table that is not captured")
		}
		if err := r.src.Acked(context.Background(), b.Offsets); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the slot to follow", follows)
	if lag := r.src.(*source).lag(); lag > 1<<20 {
		t.Errorf("%.0f bytes behind on an idle server", lag)
	}
	// What was confirmed so is a position to resume from.
	offset := r.offset
	d.exec("INSERT INTO rows VALUES (2)")
	again := d.open(offset, d.with("table.include.list", "public.rows"))
	r.close()
	if got := again.records(1); got[0].Key.Field(0).Int() != 2 {
		t.Error("resumed at another row")
	}
	again.close()
}

func TestTasksWaitForASlotInUse(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY)")
	r := d.open(record.Null, d.props)
	r.snapshot()
	d.exec("INSERT INTO rows VALUES (1)")
	r.records(1)
	other := d.open(r.offset, d.with("slot.max.retries", "0"))
	defer other.close()
	_, err := other.src.Read(context.Background())
	if connector.ClassOf(err) != connector.Retriable || !strings.Contains(fmt.Sprint(err), "in use by the server process") {
		t.Errorf("got %v", err)
	}
	r.close()
	d.exec("INSERT INTO rows VALUES (2)")
	if got := other.records(1); got[0].Key.Field(0).Int() != 2 {
		t.Error("another row")
	}
}

func TestSlotThatIsGoneOrAheadStopsTheTask(t *testing.T) {
	d := newDatabase(t)
	d.exec("CREATE TABLE rows (id int PRIMARY KEY)")
	r := d.open(record.Null, d.props)
	d.exec("INSERT INTO rows VALUES (1)")
	r.records(1)
	offset := r.offset
	r.close()
	d.exec("SELECT pg_drop_replication_slot('" + d.name + "')")
	refused := func(want string, props map[string]string) {
		t.Helper()
		r := d.open(offset, props)
		defer r.close()
		if _, err := r.src.Read(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %q", err, want)
		}
	}
	refused("does not exist", d.props)
	d.exec("INSERT INTO rows VALUES (2)")
	d.exec("SELECT pg_create_logical_replication_slot('" + d.name + "', 'pgoutput')")
	refused("changes between them are gone", d.props)
	// when_needed reads the tables again.
	r = d.open(offset, d.with("snapshot.mode", "when_needed"))
	defer r.close()
	if got := r.snapshot(); len(got) != 2 {
		t.Errorf("%d rows instead of 2", len(got))
	}
}

// Another server under the old address, with a slot of the same name, as after a restore to a new cluster.
func TestAnotherServerWithTheSameSlotStopsTheTask(t *testing.T) {
	d := newDatabase(t)
	pg, err := harness.StartPostgres(t.Context(), harness.PostgresOptions{Version: os.Getenv("LEAT_TEST_POSTGRES"), NoFsync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	fresh := databaseOn(t, pg)
	tables := "CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1)"
	d.exec(tables)
	fresh.exec(tables)
	position := func(from, to *database) record.Value {
		t.Helper()
		advance(from, to)
		r := from.open(record.Null, from.props)
		defer r.close()
		r.snapshot()
		from.exec("INSERT INTO rows SELECT 1 + max(id) FROM rows")
		r.records(1)
		return r.offset
	}
	refused := func(offset record.Value, on *database, want string) {
		t.Helper()
		r := on.open(offset, on.props)
		defer r.close()
		if _, err := r.src.Read(context.Background()); connector.ClassOf(err) != connector.Fatal || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not tell of %q", err, want)
		}
	}
	ahead := position(d, fresh)
	refused(ahead, fresh, "does not exist")
	fresh.exec("SELECT pg_create_logical_replication_slot('" + fresh.name + "', 'pgoutput')")
	refused(ahead, fresh, "this is another server")
	// The other way about: the new server is further.
	advance(fresh, d)
	fresh.exec("SELECT pg_drop_replication_slot('" + fresh.name + "'); SELECT pg_create_logical_replication_slot('" + fresh.name + "', 'pgoutput')")
	refused(ahead, fresh, "changes between them are gone")
}

// advance writes log until a server is further than another.
func advance(from, other *database) {
	for from.value("SELECT (pg_current_wal_lsn() <= '"+other.value("SELECT pg_current_wal_lsn()::text")+"'::pg_lsn)::text") == "true" {
		from.exec("SELECT pg_logical_emit_message(false, 'advance', 'x'); SELECT pg_switch_wal()")
	}
}
