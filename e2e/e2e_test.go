// Package e2e runs scenarios, text files in testdata, from a database to topics and another database: on the leat binary with its own
// log (the default), on leat with a real Kafka, or on the Java peer, Kafka Connect with Debezium.
//
//	go test ./e2e                        leat, embedded log
//	go test ./e2e -target=leat-kafka     leat on Kafka 4.3
//	go test ./e2e -target=peer           Kafka Connect with Debezium: the judge of the scenarios
//	go test ./e2e -run Scenarios/types -update   writes what the target gives into the scenario
//
// A scenario is a testscript (github.com/rogpeppe/go-internal/testscript) with the commands of commands_test.go. A difference from the
// peer that is meant stands in the scenario, under [peer] or [!peer], with its reason.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

var (
	targetName = flag.String("target", onLeat, "what runs the connectors: leat, leat-kafka or peer")
	update     = flag.Bool("update", false, "write what the target gives into the scenarios")
)

// leatBinary is built once per run of the tests.
var leatBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "leat-e2e-")
	if err == nil && *targetName != onPeer {
		leatBinary = filepath.Join(dir, "leat")
		build := exec.Command("go", "build", "-o", leatBinary, "leat/cmd/leat")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: building leat:", err)
		os.Exit(1)
	}
	harnesstest.Main(cleanup{m, dir})
}

// cleanup removes the binary once the tests have run.
type cleanup struct {
	m   *testing.M
	dir string
}

func (c cleanup) Run() int {
	defer os.RemoveAll(c.dir)
	return c.m.Run()
}

func TestScenarios(t *testing.T) {
	runScenarios(t, place{target: *targetName}, testscript.Params{Dir: "testdata", UpdateScripts: *update})
}

// The same flow on a real Kafka: what leat does with its own log it does with a broker of Apache's.
func TestScenariosOnKafka(t *testing.T) {
	onlyByDefault(t)
	runScenarios(t, place{target: onKafka}, testscript.Params{Files: flow})
}

// The same flow from and to every supported version of PostgreSQL.
func TestScenariosOnEveryPostgreSQL(t *testing.T) {
	onlyByDefault(t)
	for _, version := range harness.PostgresVersions() {
		t.Run(version, func(t *testing.T) {
			server := harnesstest.Postgres(t, harness.PostgresOptions{Version: version, NoFsync: true})
			runScenarios(t, place{target: onLeat, postgres: server}, testscript.Params{Files: flow[:2]})
		})
	}
}

// flow is the main way: snapshot, stream, sink, and what cannot be read.
var flow = []string{"testdata/snapshot_and_stream.txt", "testdata/sink_upsert.txt", "testdata/dead_letters.txt"}

// onlyByDefault skips a test that chooses its target itself when -target names another one.
func onlyByDefault(t *testing.T) {
	t.Helper()
	if *targetName != onLeat {
		t.Skipf("this test chooses its target itself; it does not run with -target=%s", *targetName)
	}
}

// What runs the connectors.
const (
	onLeat  = "leat"
	onKafka = "leat-kafka"
	onPeer  = "peer"
)

// place is where scenarios run.
type place struct {
	target   string
	postgres *harness.Postgres // of both databases; nil: one that all tests share
}

func runScenarios(t *testing.T, where place, params testscript.Params) {
	params.Cmds = commands
	params.Setup = func(env *testscript.Env) error { return setup(env, where) }
	params.Condition = func(name string) (bool, error) {
		switch name {
		case "peer":
			return where.target == onPeer, nil
		case "kafka":
			return where.target != onLeat, nil
		}
		return false, fmt.Errorf("unknown condition %q", name)
	}
	testscript.Run(t, params)
}

// setup gives the scenario its databases and names: $SRC and $DST are databases of one PostgreSQL, $ID is a name no other scenario has.
func setup(env *testscript.Env, where place) error {
	s := newScenario(env.T().(testing.TB), where)
	env.Values[scenarioKey{}] = s
	env.Setenv("ID", s.id)
	env.Setenv("PGHOST", s.src.Server.Host)
	env.Setenv("PGPORT", fmt.Sprint(s.src.Server.Port))
	env.Setenv("PGUSER", s.src.Server.User)
	env.Setenv("PGPASSWORD", s.src.Server.Password)
	env.Setenv("SRC", s.src.Name)
	env.Setenv("DST", s.dst.Name)
	return nil
}

type scenarioKey struct{}
