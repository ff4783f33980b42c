package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

var (
	killRounds = flag.Int("kill.rounds", 4, "how often the kill test ends leat by SIGKILL; the long form is 50")
	outage     = flag.Duration("outage", 8*time.Second, "how long the target is away; the long form is 1m")
)

// put registers a connector.
func (s *scenario) put(t testing.TB, name string, config map[string]string) {
	t.Helper()
	body, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	status, out, err := s.request(http.MethodPut, "/connectors/"+name+"/config", body)
	if err != nil || status >= 300 {
		t.Fatalf("PUT %s: %d %s %v", name, status, out, err)
	}
	s.made = append(s.made, name)
}

// underLoad runs attack while the load runs, then waits for the target to equal the source.
func underLoad(t *testing.T, s *scenario, rng *rand.Rand, attack func()) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { load(ctx, t, s.src.URL, rng) })
	attack()
	stop()
	running.Wait()
	equalInTheEnd(t, s, 2*time.Minute+time.Duration(*killRounds)*10*time.Second)
}

// prepared is a scenario on leat whose source has some rows, so that there is a snapshot to be hit.
func prepared(t *testing.T, targetName string, src *harnesstest.Database) (*scenario, *rand.Rand) {
	t.Helper()
	if targetName == onPeer {
		t.Skip("the peer is not attacked: it judges formats, not safety")
	}
	seed := harnesstest.Seed(t)
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	s := newScenario(t, place{target: targetName})
	if src != nil {
		s.src = src
	}
	ctx := context.Background()
	if _, err := query(ctx, s.src.URL, loadTables); err != nil {
		t.Fatal(err)
	}
	if _, err := query(ctx, s.src.URL, `insert into item select i + 3000, 'snapshot ' || i, i / 7.0, repeat('s', i % 300), now() from generate_series(1, 60000) i;
		insert into entry select i % 100, 'c' || i, i from generate_series(1, 20000) i`); err != nil {
		t.Fatal(err)
	}
	return s, rng
}

// Killed with SIGKILL at random moments of snapshot and streaming, leat neither loses nor keeps a row too many. The long form:
//
//	go test ./e2e -run SIGKILL -kill.rounds=50 -timeout 60m
func TestNothingIsLostThroughSIGKILL(t *testing.T) {
	killUnderLoad(t, *targetName, *killRounds)
}

// With Kafka, leat's offsets, configs and groups outlive the process in a broker that first has to notice its end.
func TestNothingIsLostThroughSIGKILLOnKafka(t *testing.T) {
	onlyByDefault(t)
	killUnderLoad(t, onKafka, 2)
}

func killUnderLoad(t *testing.T, targetName string, rounds int) {
	s, rng := prepared(t, targetName, nil)
	p := s.on().leat
	pair(t, s)
	underLoad(t, s, rng, func() {
		for round := range rounds {
			pause := time.Duration(50+rng.IntN(3000)) * time.Millisecond
			time.Sleep(pause)
			p.kill()
			t.Logf("round %d: killed after %s", round, pause)
			p.start()
		}
		time.Sleep(time.Second)
	})
}

func TestNothingIsLostWhenTheSourceRestarts(t *testing.T) {
	server := harnesstest.Postgres(t, harness.PostgresOptions{})
	url, err := server.CreateDatabase(t.Context(), "src")
	if err != nil {
		t.Fatal(err)
	}
	s, rng := prepared(t, *targetName, &harnesstest.Database{Name: "src", URL: url, Server: server})
	pair(t, s)
	underLoad(t, s, rng, func() {
		for _, mode := range []harness.StopMode{harness.Fast, harness.Immediate, harness.Fast} {
			time.Sleep(time.Duration(500+rng.IntN(2000)) * time.Millisecond)
			if err := server.Restart(context.Background(), mode); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
	})
}

func TestNothingIsLostWhenConnectionsAreCut(t *testing.T) {
	s, rng := prepared(t, *targetName, nil)
	pair(t, s)
	underLoad(t, s, rng, func() {
		for range 6 {
			time.Sleep(time.Duration(200+rng.IntN(1200)) * time.Millisecond)
			for _, db := range []*harnesstest.Database{s.src, s.dst} {
				_, err := query(context.Background(), db.URL, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
				if err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// An outage of the target makes the sink wait and say so; it is no reason to fail, and no flood of anything.
func TestATargetThatIsAwayIsWaitedFor(t *testing.T) {
	target := harnesstest.Postgres(t, harness.PostgresOptions{})
	url, err := target.CreateDatabase(t.Context(), "dst")
	if err != nil {
		t.Fatal(err)
	}
	s, rng := prepared(t, *targetName, nil)
	s.dst = &harnesstest.Database{Name: "dst", URL: url, Server: target}
	pair(t, s)
	underLoad(t, s, rng, func() {
		time.Sleep(2 * time.Second)
		if err := target.Down(context.Background(), harness.Immediate); err != nil {
			t.Fatal(err)
		}
		time.Sleep(*outage)
		_, out, err := s.request(http.MethodGet, "/connectors/"+s.id+"-sink/status", nil)
		if err != nil {
			t.Fatal(err)
		}
		var status struct {
			Tasks []struct{ State, Trace string }
		}
		if err := json.Unmarshal(out, &status); err != nil {
			t.Fatal(err)
		}
		if len(status.Tasks) != 1 || status.Tasks[0].State != "RUNNING" || status.Tasks[0].Trace == "" {
			t.Errorf("with the target away the task is to wait and say so: %s", out)
		}
		if err := target.Up(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
}
