package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leat/internal/harness"
	"leat/internal/harness/harnesstest"
)

// target runs connectors: leat in a process of its own, or a Kafka Connect worker.
type target struct {
	rest      string // URL of the REST API
	bootstrap string // of the log
	leat      *leatProcess
}

// newTarget starts what name says.
func newTarget(t testing.TB, name string) *target {
	switch name {
	case onLeat:
		return leatTarget(t, "")
	case onKafka:
		return leatTarget(t, harnesstest.SharedKafka(t).Bootstrap)
	case onPeer:
		k, c := sharedPeer(t)
		return &target{rest: c.URL, bootstrap: k.Bootstrap}
	}
	t.Fatalf("-target=%s: leat, leat-kafka or peer", name)
	return nil
}

func leatTarget(t testing.TB, bootstrap string, settings ...string) *target {
	p := &leatProcess{t: t, dir: t.TempDir(), rest: freeAddress(t)}
	args := []string{"listeners=http://" + p.rest, "offset.flush.interval.ms=1000"}
	if bootstrap == "" {
		log := freeAddress(t)
		args = append(args, "data.dir="+filepath.Join(p.dir, "data"), "embedded.kafka.listener="+log)
		bootstrap = log
	} else {
		id := strings.ReplaceAll(p.rest, ":", "-")
		args = append(args, "bootstrap.servers="+bootstrap, "group.id="+id, "config.storage.topic=configs-"+id, "offset.storage.topic=offsets-"+id,
			"status.storage.topic=status-"+id, "config.storage.replication.factor=1", "offset.storage.replication.factor=1", "status.storage.replication.factor=1")
	}
	p.args = []string{"server"}
	for _, a := range append(args, settings...) {
		p.args = append(p.args, "-D", a)
	}
	p.start()
	t.Cleanup(p.stop)
	return &target{rest: "http://" + p.rest, bootstrap: bootstrap, leat: p}
}

func freeAddress(t testing.TB) string {
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// leatProcess is a leat server that a test may kill and start again on the same data.
type leatProcess struct {
	t    testing.TB
	dir  string
	rest string
	args []string
	cmd  *exec.Cmd
	log  lockedBuffer
}

func (p *leatProcess) start() {
	p.t.Helper()
	p.cmd = exec.Command(leatBinary, p.args...)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	err := harness.WaitFor(ctx, "leat's REST API", func() error {
		resp, err := http.Get("http://" + p.rest + "/connectors")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log.String())
	}
}

// kill ends the process as a crash would.
func (p *leatProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// stop ends the process in order and shows its log if the test failed.
func (p *leatProcess) stop() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		killer := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
		defer killer.Stop()
		if err := p.cmd.Wait(); err != nil {
			p.t.Errorf("leat did not end in order: %v", err)
		}
	}
	if p.t.Failed() {
		p.t.Logf("leat's log:\n%s", p.log.tail(20_000))
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) tail(n int) string {
	s := b.String()
	return s[max(0, len(s)-n):]
}

var peer struct {
	sync.Mutex
	kafka   *harness.Kafka
	connect *harness.Connect
}

// sharedPeer gives one Kafka Connect worker with Debezium to all scenarios; it dies with the test process.
func sharedPeer(t testing.TB) (*harness.Kafka, *harness.Connect) {
	peer.Lock()
	defer peer.Unlock()
	if peer.connect == nil {
		peer.kafka = harnesstest.SharedKafka(t)
		c, err := harness.StartConnect(context.Background(), harness.ConnectOptions{
			Bootstrap: peer.kafka.Bootstrap,
			Plugins:   []harness.Plugin{harness.DebeziumPostgres, harness.DebeziumJDBC},
			Settings:  map[string]string{"offset.flush.interval.ms": "1000"},
		})
		if err != nil {
			harnesstest.Unavailable(t, err)
		}
		peer.connect = c
	}
	return peer.kafka, peer.connect
}
