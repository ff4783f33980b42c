package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/internal/harness/harnesstest"
)

// The README's guide is run as it stands, but for the database's address and leat's ports.
func TestTheFiveMinutesOfTheREADMEWork(t *testing.T) {
	if *targetName != "leat" {
		t.Skip("the guide is about leat with its own log")
	}
	if _, err := exec.LookPath("psql"); err != nil {
		harnesstest.Unavailable(t, fmt.Errorf("the guide needs psql: %w", err))
	}
	db := harnesstest.SharedPostgres(t)
	dir := t.TempDir()
	restAPI, log := freeAddress(t), freeAddress(t)
	script := guide(t, map[string]string{
		"postgres://postgres:secret@127.0.0.1:5432/shop": db.URL,
		`"database.port": "5432"`:                        fmt.Sprintf(`"database.port": "%d"`, db.Server.Port),
		`"database.user": "postgres"`:                    fmt.Sprintf(`"database.user": "%s"`, db.Server.User),
		`"secret"`:                                       fmt.Sprintf("%q", db.Server.Password),
		`"database.dbname": "shop"`:                      fmt.Sprintf(`"database.dbname": "%s"`, db.Name),
		"leat server &": fmt.Sprintf("leat server -D listeners=http://%s -D embedded.kafka.listener=%s &\nserver=$!\ntrap 'kill $server; wait $server' EXIT",
			restAPI, log),
	})
	script += "\nfor i in $(seq 300); do [ \"$(leat-query)\" = '2|Grace|0.01' ] && exit 0; sleep 0.2; done\nleat connector status copy\necho \"copy.db holds: $(leat-query)\"\nexit 1\n"
	addQuery(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-e")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(script)
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+filepath.Dir(leatBinary)+string(os.PathListSeparator)+os.Getenv("PATH"), "LEAT_URL=http://"+restAPI, "LEAT_BOOTSTRAP="+log)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\nThe script was:\n%s", err, out, script)
	}
}

// guide joins the README's blocks marked "sh guide"; every replacement must find its place.
func guide(t testing.TB, replace map[string]string) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range strings.Split(string(text), "```sh guide\n")[1:] {
		code, _, ok := strings.Cut(block, "```")
		if !ok {
			t.Fatal("a block of the README has no end")
		}
		script.WriteString(code)
	}
	out := script.String()
	for from, to := range replace {
		if !strings.Contains(out, from) {
			t.Fatalf("the guide has no %q any more", from)
		}
		out = strings.ReplaceAll(out, from, to)
	}
	return out
}

// addQuery puts a command beside leat that prints the rows of copy.db: the guide's sqlite3 is not on every machine.
func addQuery(t testing.TB, dir string) {
	t.Helper()
	source := filepath.Join(dir, "query.go")
	const program = `package main

import (
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite"
)

func main() {
	db, err := sql.Open("sqlite", "copy.db")
	if err != nil {
		panic(err)
	}
	rows, err := db.Query("select id, name, balance from customer order by id")
	if err != nil {
		return
	}
	for rows.Next() {
		var id, name, balance string
		if rows.Scan(&id, &name, &balance) == nil {
			fmt.Printf("%s|%s|%s\n", id, name, balance)
		}
	}
}
`
	if err := os.WriteFile(source, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "leat-query"), source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
