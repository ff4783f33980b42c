package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // for database/sql

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

// patience bounds every wait of a scenario; no test depends on how long anything takes below it.
const patience = 90 * time.Second

// commands are what a scenario can say, besides testscript's own:
//
//	sql DB STATEMENTS|FILE.sql    run statements in src or dst
//	query DB STATEMENT            print the rows, columns separated by |; DB is src, dst or a SQLite file
//	await DB STATEMENT WANT       wait until the query prints WANT (rows joined by a space)
//	connect put NAME FILE         PUT the config in FILE, with $VARIABLES replaced; prints status and body on error
//	connect wait NAME [STATE]     wait until the connector and its tasks are in STATE (RUNNING), or the tasks run and say what they
//	                              wait for (WAITING), or it is GONE; prints the tasks' traces
//	connect validate CLASS FILE   validate the config in FILE; prints the number of errors and each
//	connect pause|resume|stop|restart|delete|reset NAME
//	connect alter NAME FILE       PATCH the offsets
//	connect get PATH              GET, print status and body
//	produce TOPIC [KEY=]VALUE…    append messages as they are; no "=": a null key; VALUE <null>: a tombstone
//	topic NAME N                  wait for N messages, print them as lines of masked JSON
//	leat kill|start|stop          end leat by SIGKILL, start it again on its data, end it in order
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"sql":     runSQL,
	"query":   runQuery,
	"await":   runAwait,
	"connect": runConnect,
	"produce": runProduce,
	"topic":   runTopic,
	"leat":    runLeat,
}

// scenario is what one script works with. The target starts with the first command that needs it.
type scenario struct {
	t        testing.TB
	id       string
	where    place
	src, dst *harnesstest.Database
	target   *target
	made     []string // connectors to delete at the end
}

var scenarios atomic.Int64

func newScenario(t testing.TB, where place) *scenario {
	s := &scenario{t: t, id: fmt.Sprintf("s%d_%d", os.Getpid(), scenarios.Add(1)), where: where}
	s.src, s.dst = s.newDatabase("src"), s.newDatabase("dst")
	t.Cleanup(s.end)
	return s
}

func (s *scenario) newDatabase(name string) *harnesstest.Database {
	server := s.where.postgres
	if server == nil {
		return harnesstest.SharedPostgres(s.t)
	}
	name = s.id + "_" + name
	url, err := server.CreateDatabase(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return &harnesstest.Database{Name: name, URL: url, Server: server}
}

func (s *scenario) on() *target {
	if s.target == nil {
		s.target = newTarget(s.t, s.where.target)
	}
	return s.target
}

// end deletes the connectors, so that their slots are free when the databases are dropped.
func (s *scenario) end() {
	if s.target == nil || s.target.leat != nil {
		return
	}
	for _, name := range s.made {
		if _, _, err := s.request(http.MethodDelete, "/connectors/"+name, nil); err != nil {
			s.t.Logf("deleting %s: %v", name, err)
		}
	}
}

func of(ts *testscript.TestScript) *scenario { return ts.Value(scenarioKey{}).(*scenario) }

func need(ts *testscript.TestScript, args []string, least, most int) {
	if len(args) < least || len(args) > most {
		ts.Fatalf("wrong number of arguments")
	}
}

func (s *scenario) database(ts *testscript.TestScript, name string) *harnesstest.Database {
	switch name {
	case s.src.Name, "src":
		return s.src
	case s.dst.Name, "dst":
		return s.dst
	}
	ts.Fatalf("database %s: src or dst", name)
	return nil
}

func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 2, 2)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, of(ts).database(ts, args[0]).URL)
	ts.Check(err)
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, statements(ts, args[1])).ReadAll()
	if neg != (err != nil) {
		ts.Fatalf("%s: %v", args[1], err)
	}
}

// statements are those of a file, or arg itself.
func statements(ts *testscript.TestScript, arg string) string {
	if strings.HasSuffix(arg, ".sql") {
		return ts.ReadFile(arg)
	}
	return arg
}

func query(ctx context.Context, url, statement string) (string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	results, err := conn.PgConn().Exec(ctx, statement).ReadAll()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range results {
		for _, row := range r.Rows {
			for i, col := range row {
				if i > 0 {
					out.WriteByte('|')
				}
				if col == nil {
					out.WriteString("NULL")
				}
				out.Write(col)
			}
			out.WriteByte('\n')
		}
	}
	return out.String(), nil
}

// queryNamed asks the database of that name, which is a SQLite file when it ends with .db.
func queryNamed(ctx context.Context, ts *testscript.TestScript, name, statement string) (string, error) {
	if strings.HasSuffix(name, ".db") {
		return querySQLite(ctx, ts.MkAbs(name), statement)
	}
	return query(ctx, of(ts).database(ts, name).URL, statement)
}

func querySQLite(ctx context.Context, file, statement string) (string, error) {
	if _, err := os.Stat(file); err != nil {
		return "", err // opening it would make an empty one
	}
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return "", err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	values, pointers := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return "", err
		}
		for i, v := range values {
			if i > 0 {
				out.WriteByte('|')
			}
			if !v.Valid {
				v.String = "NULL"
			}
			out.WriteString(v.String)
		}
		out.WriteByte('\n')
	}
	return out.String(), rows.Err()
}

func runQuery(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 2, 2)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := queryNamed(ctx, ts, args[0], statements(ts, args[1]))
	if neg != (err != nil) {
		ts.Fatalf("%s: %v", args[1], err)
	}
	_, err = io.WriteString(ts.Stdout(), out)
	ts.Check(err)
}

func runAwait(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 3, 3)
	if neg {
		ts.Fatalf("unsupported: ! await")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(harness.WaitFor(ctx, args[1], func() error {
		out, err := queryNamed(ctx, ts, args[0], args[1])
		if err != nil {
			return err
		}
		if got := strings.Join(strings.Fields(strings.ReplaceAll(out, "\n", " ")), " "); got != args[2] {
			return fmt.Errorf("got %q, want %q", got, args[2])
		}
		return nil
	}))
}

func (s *scenario) request(method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(method, s.on().rest+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	return resp.StatusCode, out, err
}

func runConnect(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 2, 3)
	s := of(ts)
	verb, name := args[0], args[1]
	method, path, body := http.MethodPut, "/connectors/"+name+"/"+verb, []byte(nil)
	switch verb {
	case "put":
		need(ts, args, 3, 3)
		path = "/connectors/" + name + "/config"
		body = []byte(os.Expand(ts.ReadFile(args[2]), variable(ts)))
		s.made = append(s.made, name)
	case "validate":
		need(ts, args, 3, 3)
		s.validate(ts, name, []byte(os.Expand(ts.ReadFile(args[2]), variable(ts))))
		return
	case "pause", "resume", "stop":
	case "restart":
		method = http.MethodPost
		path += "?includeTasks=true"
	case "alter":
		need(ts, args, 3, 3)
		method, path, body = http.MethodPatch, "/connectors/"+name+"/offsets", []byte(ts.ReadFile(args[2]))
	case "reset":
		method, path = http.MethodDelete, "/connectors/"+name+"/offsets"
	case "delete":
		method, path = http.MethodDelete, "/connectors/"+name
	case "get":
		method, path = http.MethodGet, name
	case "wait":
		state := "RUNNING"
		if len(args) == 3 {
			state = args[2]
		}
		s.waitState(ts, name, state)
		return
	default:
		ts.Fatalf("connect %s: unknown", verb)
	}
	status, out, err := s.request(method, path, body)
	// Kafka Connect answers so while a change that it has just confirmed is on its way to its tasks.
	for deadline := time.Now().Add(patience); strings.Contains(string(out), "rebalance") && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		status, out, err = s.request(method, path, body)
	}
	ts.Check(err)
	if verb == "get" || verb == "reset" || verb == "restart" || status >= 300 {
		fmt.Fprintf(ts.Stdout(), "%d %s\n", status, strings.ReplaceAll(mask(string(out)), s.id, "ID"))
	}
	if neg != (status >= 300) {
		ts.Fatalf("%s %s: %d %s", method, path, status, out)
	}
}

// validate prints the errors of a validation, sorted by key as the configs of an answer have no order that matters.
func (s *scenario) validate(ts *testscript.TestScript, class string, config []byte) {
	status, out, err := s.request(http.MethodPut, "/connector-plugins/"+class+"/config/validate", config)
	ts.Check(err)
	if status != http.StatusOK {
		ts.Fatalf("validate %s: %d %s", class, status, out)
	}
	var answer struct {
		Errors  int `json:"error_count"`
		Configs []struct {
			Value struct {
				Name   string
				Errors []string
			}
		}
	}
	ts.Check(json.Unmarshal(out, &answer))
	var lines []string
	for _, c := range answer.Configs {
		for _, e := range c.Value.Errors {
			lines = append(lines, c.Value.Name+": "+e+"\n")
		}
	}
	slices.Sort(lines)
	fmt.Fprintf(ts.Stdout(), "%d errors\n%s", answer.Errors, strings.ReplaceAll(strings.Join(lines, ""), s.id, "ID"))
}

// variable gives a scenario's variables and leaves ${source.table}, ExtractField$Key and $1 to the connector.
func variable(ts *testscript.TestScript) func(string) string {
	return func(name string) string {
		switch {
		case strings.Contains(name, "."), name == "topic":
			return "${" + name + "}"
		case name == "Key", name == "Value", strings.Trim(name, "0123456789") == "":
			return "$" + name
		}
		return ts.Getenv(name)
	}
}

func (s *scenario) waitState(ts *testscript.TestScript, name, state string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	waiting := state == "WAITING"
	if waiting {
		state = "RUNNING"
	}
	ts.Check(harness.WaitFor(ctx, name+" "+state, func() error {
		code, out, err := s.request(http.MethodGet, "/connectors/"+name+"/status", nil)
		if err != nil {
			return err
		}
		if state == "GONE" {
			if code != http.StatusNotFound {
				return fmt.Errorf("%d %s", code, out)
			}
			return nil
		}
		var status struct {
			Connector struct{ State string }
			Tasks     []struct{ State, Trace string }
		}
		if err := json.Unmarshal(out, &status); err != nil {
			return err
		}
		var traces strings.Builder
		for _, t := range status.Tasks {
			if t.State != state {
				return fmt.Errorf("a task is %s: %s", t.State, t.Trace)
			}
			if waiting && t.Trace == "" {
				return fmt.Errorf("a task waits for nothing: %s", out)
			}
			traces.WriteString(t.Trace)
		}
		switch {
		case state == "FAILED" && len(status.Tasks) > 0:
		case state == "STOPPED" && status.Connector.State == state:
		case status.Connector.State != state || len(status.Tasks) == 0:
			return fmt.Errorf("%s", out)
		}
		_, err = io.WriteString(ts.Stdout(), traces.String())
		return err
	}))
}

func runTopic(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 2, 2)
	if neg {
		ts.Fatalf("unsupported: ! topic")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	lines, err := readTopic(ctx, of(ts).on().bootstrap, args[0], n)
	_, _ = io.WriteString(ts.Stdout(), strings.ReplaceAll(lines, of(ts).id, "ID"))
	ts.Check(err)
}

func runLeat(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 1, 1)
	p := of(ts).on().leat
	if p == nil || neg {
		ts.Fatalf("unsupported on this target")
	}
	switch args[0] {
	case "kill":
		p.kill()
	case "start":
		p.start()
	case "stop":
		p.stop()
	default:
		ts.Fatalf("leat %s: kill, start or stop", args[0])
	}
}
