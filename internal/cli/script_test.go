package cli

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

var update = flag.Bool("update", false, "write what the commands print into testdata")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"leat": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// The scripts in testdata run leat as a user does, each in a folder and on ports of its own.
func TestCommands(t *testing.T) { runScripts(t, "testdata", nil) }

// Those in testdata/postgres have a database with the table doc (id, title) of two rows.
func TestCommandsWithADatabase(t *testing.T) {
	pg := harnesstest.Postgres(t, harness.PostgresOptions{NoFsync: true, SharedBuffers: "32MB"})
	conn, err := pgx.Connect(t.Context(), pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE doc (id int PRIMARY KEY, title text); INSERT INTO doc VALUES (1, 'one'), (2, 'two')"); err != nil {
		t.Fatal(err)
	}
	runScripts(t, "testdata/postgres", map[string]string{
		"PGHOST": pg.Host, "PGPORT": fmt.Sprint(pg.Port), "PGUSER": pg.User, "PGPASSWORD": pg.Password, "DB": "postgres",
	})
}

func runScripts(t *testing.T, dir string, vars map[string]string) {
	testscript.Run(t, testscript.Params{
		Dir: dir, UpdateScripts: *update, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"REST", "KAFKA", "OTHER"} {
				port, err := harness.FreePort()
				if err != nil {
					return err
				}
				env.Setenv(name, fmt.Sprintf("127.0.0.1:%d", port))
			}
			env.Setenv("LEAT_URL", "http://"+env.Getenv("REST"))
			env.Setenv("LEAT_BOOTSTRAP", env.Getenv("KAFKA"))
			for k, v := range vars {
				env.Setenv(k, v)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ready": ready, "eventually": eventually},
	})
}

// eventually runs a leat command until its output matches: eventually 'regexp' connector status NAME
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually regexp leat-arguments...")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	ts.Check(harness.WaitFor(ctx, "leat "+strings.Join(args[1:], " "), func() error {
		err := ts.Exec("leat", args[1:]...)
		if out := ts.ReadFile("stdout"); err != nil || !want.MatchString(out) {
			return fmt.Errorf("%v: it prints %q%s", err, out, ts.ReadFile("stderr"))
		}
		return nil
	}))
}

// ready waits until the server of the script answers.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: ready")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	ts.Check(harness.WaitFor(ctx, "the server", func() error {
		resp, err := http.Get(ts.Getenv("LEAT_URL") + "/connectors")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", resp.Status)
		}
		return nil
	}))
}
