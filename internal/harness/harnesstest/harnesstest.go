// Package harnesstest gives tests the servers of package harness and stops them
// when the test ends.
//
//	func TestMain(m *testing.M) { harnesstest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		db := harnesstest.SharedPostgres(t)   // a fresh database of a server that tests share
//		conn, err := pgx.Connect(t.Context(), db.URL)
//
// A test whose server cannot be had on this machine is skipped with the reason;
// with LEAT_TEST_REQUIRE=all in the environment it fails instead. A server that
// is there and does not start always fails the test.
//
// Servers that are shared by the tests of a package are stopped by [Main]. A
// package without it leaves them to die with the test process, which Linux does
// and other systems do not.
package harnesstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"leat/internal/harness"
)

// Unavailable ends a test that lacks something of the machine: it is skipped, or
// fails under LEAT_TEST_REQUIRE=all. Tests with needs of their own call it too.
func Unavailable(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("LEAT_TEST_REQUIRE") == "all" {
		t.Fatalf("LEAT_TEST_REQUIRE=all: %v", err)
	}
	t.Skip(err)
}

func check(t testing.TB, err error) {
	t.Helper()
	var missing *harness.UnavailableError
	if errors.As(err, &missing) {
		Unavailable(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Postgres starts a server for this test alone: for tests that restart it or
// need a version or settings.
func Postgres(t testing.TB, opts harness.PostgresOptions) *harness.Postgres {
	t.Helper()
	pg, err := harness.StartPostgres(t.Context(), opts)
	check(t, err)
	stopWith(t, pg)
	return pg
}

// Kafka starts a broker for this test alone.
func Kafka(t testing.TB, opts harness.KafkaOptions) *harness.Kafka {
	t.Helper()
	k, err := harness.StartKafka(t.Context(), opts)
	check(t, err)
	stopWith(t, k)
	return k
}

// Connect starts a Kafka Connect worker for this test alone.
func Connect(t testing.TB, opts harness.ConnectOptions) *harness.Connect {
	t.Helper()
	c, err := harness.StartConnect(t.Context(), opts)
	check(t, err)
	stopWith(t, c)
	return c
}

// server is what every server of package harness is.
type server interface {
	Stop() error
	LogPath() string
}

// stopWith stops s when t ends, and shows the end of its log when t failed.
func stopWith(t testing.TB, s server) {
	t.Cleanup(func() {
		if t.Failed() {
			showLog(t, s.LogPath())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
}

func showLog(t testing.TB, path string) {
	const shown = 4096
	b, err := os.ReadFile(path)
	if err != nil {
		return // the test stopped the server itself
	}
	t.Logf("end of %s:\n%s", path, b[max(0, len(b)-shown):])
}

// shared is a server that the tests of a process share, started for the first of
// them.
type shared[S server] struct {
	once   sync.Once
	server S
	err    error
	up     atomic.Bool
}

// get starts the server for the first test; ctx would end with that test, so the
// start has none and is bounded by the harness.
func (s *shared[S]) get(t testing.TB, start func(context.Context) (S, error)) S {
	t.Helper()
	s.once.Do(func() {
		s.server, s.err = start(context.Background())
		s.up.Store(s.err == nil)
	})
	check(t, s.err)
	return s.server
}

func (s *shared[S]) stop() error {
	if !s.up.Load() {
		return nil
	}
	return s.server.Stop()
}

var (
	sharedPostgres shared[*harness.Postgres]
	sharedKafka    shared[*harness.Kafka]
)

// Main runs the tests of a package, stops the servers they shared, and exits. m
// is the *testing.M, or wraps it to clean up after the tests and before that.
func Main(m interface{ Run() int }) {
	code := m.Run()
	if err := errors.Join(sharedPostgres.stop(), sharedKafka.stop()); err != nil {
		fmt.Fprintln(os.Stderr, "stop shared servers:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Database is a database of the shared PostgreSQL server.
type Database struct {
	Name   string
	URL    string
	Server *harness.Postgres // shared: not to be stopped or restarted
}

var databases atomic.Int64

// SharedPostgres gives a fresh, empty database of a server that the tests of this
// process share; it is dropped, with its replication slots, when t ends. The
// server runs without fsync.
func SharedPostgres(t testing.TB) *Database {
	t.Helper()
	pg := sharedPostgres.get(t, func(ctx context.Context) (*harness.Postgres, error) {
		return harness.StartPostgres(ctx, harness.PostgresOptions{NoFsync: true})
	})
	name := fmt.Sprintf("test_%d", databases.Add(1))
	url, err := pg.CreateDatabase(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.DropDatabase(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	return &Database{Name: name, URL: url, Server: pg}
}

// SharedKafka gives a broker that the tests of this process share: take topic and
// group names of your own, and do not restart it.
func SharedKafka(t testing.TB) *harness.Kafka {
	t.Helper()
	return sharedKafka.get(t, func(ctx context.Context) (*harness.Kafka, error) {
		return harness.StartKafka(ctx, harness.KafkaOptions{})
	})
}
