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

	"leat/internal/harness/harnesstest"
)

var (
	targetName = flag.String("target", "leat", "what runs the connectors: leat, leat-kafka or peer")
	update     = flag.Bool("update", false, "write what the target gives into the scenarios")
)

// leatBinary is built once per run of the tests.
var leatBinary string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "leat-e2e-")
	if err == nil && *targetName != "peer" {
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
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Setup:         setup,
		Cmds:          commands,
		Condition:     condition,
	})
}

func condition(name string) (bool, error) {
	switch name {
	case "peer":
		return *targetName == "peer", nil
	case "kafka":
		return *targetName != "leat", nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// setup gives the scenario its databases and names: $SRC and $DST are databases of one PostgreSQL, $ID is a name no other scenario has.
func setup(env *testscript.Env) error {
	t := env.T().(testing.TB)
	s := newScenario(t)
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
