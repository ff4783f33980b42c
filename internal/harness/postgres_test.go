//go:build unix

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startPostgres starts a server or skips the test as harnesstest does, which
// cannot be used here.
func startPostgres(t *testing.T, opts PostgresOptions) *Postgres {
	t.Helper()
	pg, err := StartPostgres(t.Context(), opts)
	var missing *UnavailableError
	if errors.As(err, &missing) && os.Getenv("LEAT_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	return pg
}

func query(t *testing.T, url, sql string, args ...any) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var s string
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestPostgresOfEveryVersionIsReadyForLogicalReplication(t *testing.T) {
	for _, version := range append(PostgresVersions(), "") {
		t.Run("version "+version, func(t *testing.T) {
			pg := startPostgres(t, PostgresOptions{Version: version, NoFsync: true, Settings: map[string]string{"work_mem": "7MB"}})
			if version != "" && pg.Version != version {
				t.Errorf("started version %s", pg.Version)
			}
			for setting, want := range map[string]string{
				"wal_level": "logical", "max_replication_slots": "32", "max_wal_senders": "32", "listen_addresses": "127.0.0.1",
				"unix_socket_directories": "", "fsync": "off", "work_mem": "7MB", "server_version_num": pg.Version,
			} {
				if got := query(t, pg.URL("postgres"), "SELECT current_setting($1)", setting); !strings.HasPrefix(got, want) {
					t.Errorf("%s is %q, want %q", setting, got, want)
				}
			}
			execute(t, pg.URL("postgres"), "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
		})
	}
}

func TestPostgresKeepsCommittedRowsThroughEveryRestart(t *testing.T) {
	pg := startPostgres(t, PostgresOptions{})
	url, err := pg.CreateDatabase(t.Context(), `odd "name"`)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, url, "CREATE TABLE t (n int)")
	for i, mode := range []StopMode{Fast, Immediate, Crash} {
		execute(t, url, fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		before := pg.PID()
		if err := pg.Restart(t.Context(), mode); err != nil {
			t.Fatalf("restart mode %d: %v", mode, err)
		}
		if pg.PID() == before || alive(before) {
			t.Errorf("restart mode %d: process %d still runs", mode, before)
		}
		if got := query(t, url, "SELECT count(*)::text FROM t"); got != strconv.Itoa(i+1) {
			t.Errorf("restart mode %d: %s rows, want %d", mode, got, i+1)
		}
	}
}

func TestPostgresStopLeavesNoProcessAndNoDirectory(t *testing.T) {
	pg := startPostgres(t, PostgresOptions{NoFsync: true})
	dir, pid := pg.dir.path, pg.PID()
	processes := append(descendants(pid), pid)
	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if alive(p) {
			t.Errorf("process %d of %v still runs", p, processes)
		}
	}
	if isDir(dir) {
		t.Errorf("%s is still there", dir)
	}
	if err := pg.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if err := pg.Up(t.Context()); err == nil {
		t.Error("Up after Stop did not fail")
	}
}

func TestPostgresInNamedDirectoryKeepsItsData(t *testing.T) {
	dir, err := os.MkdirTemp("", "leat-named-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	first := startPostgres(t, PostgresOptions{Dir: dir})
	if _, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir}); !errors.Is(err, errLocked) {
		t.Errorf("second server in the same directory: %v", err)
	}
	execute(t, first.URL("postgres"), "CREATE TABLE kept AS SELECT 'yes' AS v")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second := startPostgres(t, PostgresOptions{Dir: dir})
	if got := query(t, second.URL("postgres"), "SELECT v FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
}

func TestPostgresDropDatabaseTakesItsSlotsAlong(t *testing.T) {
	pg := startPostgres(t, PostgresOptions{NoFsync: true})
	url, err := pg.CreateDatabase(t.Context(), "gone")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, url, "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
	conn, err := pgx.Connect(t.Context(), url) // an idle client does not hold it
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if err := pg.DropDatabase(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if got := query(t, pg.URL("postgres"), "SELECT count(*)::text FROM pg_replication_slots"); got != "0" {
		t.Errorf("%s slots are left", got)
	}
}

func TestPostgresRefusesWrongPasswordAndUnknownVersion(t *testing.T) {
	pg := startPostgres(t, PostgresOptions{NoFsync: true})
	pg.Password += "x"
	if err := pg.exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("connected with a wrong password")
	}
	if _, err := StartPostgres(t.Context(), PostgresOptions{Version: "9"}); err == nil || !strings.Contains(err.Error(), "13 14 15 16 17 18") {
		t.Errorf("version 9: %v", err)
	}
}

func TestPostgresThatCannotStartSaysWhy(t *testing.T) {
	_, err := StartPostgres(t.Context(), PostgresOptions{Settings: map[string]string{"shared_buffers": "nonsense"}})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestPostgresThatCannotBeFetchedIsUnavailable(t *testing.T) {
	t.Setenv("LEAT_CACHE", t.TempDir())
	t.Setenv("LEAT_MAVEN_REPOSITORY", "http://127.0.0.1:1")
	for _, version := range PostgresVersions() {
		if installedPostgres()[version] != "" {
			continue
		}
		_, err := StartPostgres(t.Context(), PostgresOptions{Version: version})
		var missing *UnavailableError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), "PostgreSQL "+version) || strings.Contains(err.Error(), "\n") {
			t.Errorf("version %s: %v", version, err)
		}
		return
	}
	t.Skip("every version is installed")
}

// childEnv makes the test binary start a server and wait, for tests that end it
// or run it as another user.
const childEnv = "LEAT_HARNESS_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		serveUntilKilled()
		return
	}
	os.Exit(m.Run())
}

func serveUntilKilled() {
	pg, err := StartPostgres(context.Background(), PostgresOptions{NoFsync: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(pg.PID(), pg.dir.path)
	fmt.Scanln()
	if err := pg.Stop(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func TestPostgresDiesWithTheProcessThatStartedIt(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child when its parent is killed")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	pid, dir := startChild(t, cmd)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := WaitFor(ctx, "the orphan to end", func() error {
		if alive(pid) {
			return fmt.Errorf("process %d runs", pid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir+"/lock", old, old); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, PostgresOptions{NoFsync: true})
	if isDir(dir) {
		t.Errorf("%s, which a killed process left, is still there", dir)
	}
}

func TestPostgresRunsForAnUnprivilegedUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an unprivileged user already")
	}
	if _, err := user.LookupId(strconv.Itoa(nobody)); err != nil {
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("/tmp", "leat-nobody-")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := linkOrCopy(os.Args[0], dir+"/child"); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir + "/child")
	cmd.Dir = dir
	cmd.Env = []string{childEnv + "=1", "TMPDIR=" + dir, "LEAT_CACHE=" + dir + "/cache", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := startChild(t, cmd)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Errorf("process %d still runs", pid)
	}
}

// startChild starts cmd and reads the pid and directory of the server it runs.
func startChild(t *testing.T, cmd *exec.Cmd) (pid int, dir string) {
	t.Helper()
	if cmd.Stdin == nil {
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	buf := make([]byte, 4096)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(buf[:n]), &pid, &dir); err != nil {
		t.Fatalf("child said %q", buf[:n])
	}
	return pid, dir
}
