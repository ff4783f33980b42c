package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"leat/config"
	"leat/kafka"
	"leat/record"
)

// childDir makes the test binary a process that only runs the log.
const childDir = "LEAT_TEST_EMBEDDED_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := Start(Options{Dir: dir, Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(s.Addr())
	<-ctx.Done()
	s.Close()
}

type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	return &child{cmd: cmd, addr: strings.TrimSpace(line)}
}

func (c *child) end(t *testing.T, with os.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(with); err != nil {
		t.Fatal(err)
	}
	c.cmd.Wait()
}

func soon(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	return ctx
}

func dial(t *testing.T, addr string, props ...string) *kafka.Cluster {
	t.Helper()
	m := map[string]string{"bootstrap.servers": addr}
	for i := 0; i < len(props); i += 2 {
		m[props[i]] = props[i+1]
	}
	c, err := kafka.Open(m, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func put(t *testing.T, c *kafka.Cluster, topic string, from, n int) {
	t.Helper()
	a, err := c.NewAppender("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	messages := make([]kafka.Message, n)
	for i := range messages {
		messages[i] = kafka.Message{Topic: topic, Partition: record.AnyPartition, Timestamp: record.NoTimestamp, Value: fmt.Append(nil, from+i)}
	}
	answer := make(chan error, 1)
	if err := a.Append(soon(t), messages, func(err error) { answer <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *kafka.Cluster, topic string, n int) map[string]int {
	t.Helper()
	f, err := c.NewFetcher(kafka.FetcherOptions{Group: "reader", ClientID: "test", Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close(soon(t))
	got := map[string]int{}
	for len(got) < n {
		messages, err := f.Poll(soon(t), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			got[string(m.Value)]++
		}
	}
	return got
}

func TestEverythingAcknowledgedSurvivesAStopAndAKill(t *testing.T) {
	for name, with := range map[string]os.Signal{"stop": syscall.SIGTERM, "kill": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p := startChild(t, dir)
			c := dial(t, p.addr)
			id, err := c.ID(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Admin().CreateTopic(soon(t), kafka.TopicSpec{Name: "shop", Partitions: 3, ReplicationFactor: 3,
				Settings: map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "2"}}); err != nil {
				t.Fatal(err)
			}
			put(t, c, "shop", 0, 500)
			put(t, c, "made.by.use", 0, 100)
			offsets := record.Offsets{{Topic: "shop", ID: 1}: 17}
			if err := c.Admin().AlterGroupOffsets(soon(t), "connect-x", offsets); err != nil {
				t.Fatal(err)
			}
			ends, err := c.Admin().EndOffsets(soon(t), "shop")
			if err != nil {
				t.Fatal(err)
			}
			p.end(t, with)

			p = startChild(t, dir)
			c = dial(t, p.addr)
			if again, err := c.ID(soon(t)); err != nil || again != id {
				t.Errorf("cluster id was %s and is %s, %v", id, again, err)
			}
			if got, err := c.Admin().EndOffsets(soon(t), "shop"); err != nil || !maps.Equal(got, ends) {
				t.Errorf("end offsets were %v and are %v, %v", ends, got, err)
			}
			if got, err := c.Admin().GroupOffsets(soon(t), "connect-x"); err != nil || !maps.Equal(got, offsets) {
				t.Errorf("group offsets were %v and are %v, %v", offsets, got, err)
			}
			if s, err := c.Admin().TopicSettings(soon(t), "shop"); err != nil || s["cleanup.policy"] != "compact" {
				t.Errorf("settings are %v, %v", s, err)
			}
			if got, err := c.Admin().EndOffsets(soon(t), "made.by.use"); err != nil || got[record.Partition{Topic: "made.by.use"}] != 100 {
				t.Errorf("a topic made by its first use ends at %v, %v", got, err)
			}
			put(t, c, "shop", 500, 500)
			for v, n := range read(t, c, "shop", 1000) {
				if n != 1 {
					t.Errorf("message %s is there %d times", v, n)
				}
			}
			p.end(t, syscall.SIGTERM)
		})
	}
}

func TestOneLineSaysWhyItDoesNotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	used := t.TempDir()
	s, err := Start(Options{Dir: used, Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"port in use":             {Options{Dir: t.TempDir(), Listener: taken.Addr().String()}, taken.Addr().String() + " is in use by another process"},
		"directory in use":        {Options{Dir: used, Listener: "127.0.0.1:0"}, fmt.Sprintf("%s is in use by process %d", used, os.Getpid())},
		"disk nearly full":        {Options{Dir: t.TempDir(), Listener: "127.0.0.1:0", MinFree: 1 << 60}, "nearly full"},
		"open to the network":     {Options{Dir: t.TempDir(), Listener: "0.0.0.0:0"}, "has no users"},
		"no address for clients":  {Options{Dir: t.TempDir(), Listener: ":0", Users: map[string]config.Secret{"a": "b"}}, "advertised"},
		"listener is not an addr": {Options{Dir: t.TempDir(), Listener: "9092"}, "not host:port"},
		"directory is a file":     {Options{Dir: file, Listener: "127.0.0.1:0"}, "directory cannot be made"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.o.MinFree == 0 {
				c.o.MinFree = 1
			}
			s, err := Start(c.o)
			if err == nil {
				s.Close()
				t.Fatal("it starts")
			}
			if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "\n") {
				t.Errorf("it says: %s\nwant %q in one line", text, c.want)
			}
		})
	}
}

func TestProducersWaitWhileTheDiskIsNearlyFull(t *testing.T) {
	s, err := Start(Options{Dir: t.TempDir(), Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := dial(t, s.Addr())
	put(t, c, "shop", 0, 1)
	s.guard.full.Store(true) // the next look, in half a second, finds that there is room
	req := kmsg.NewPtrProduceRequest()
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "shop", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3}}}}
	resp, ok := s.guard.refuseProduce(req).(*kmsg.ProduceResponse)
	if ok && !kerr.IsRetriable(kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)) {
		t.Errorf("the answer is %+v, which producers do not wait out", resp)
	}
	put(t, c, "shop", 1, 1)
	if got := read(t, c, "shop", 2); got["0"] != 1 || got["1"] != 1 {
		t.Errorf("the log holds %v", got)
	}
}

func TestTransactionalProducerIsRefused(t *testing.T) {
	s, err := Start(Options{Dir: t.TempDir(), Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Addr()), kgo.TransactionalID("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, _, err := client.ProducerID(soon(t)); !errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
		t.Errorf("got %v", err)
	}
}

func TestCreateTopicsIsOfferedUpToTheVersionThatJavaReads(t *testing.T) {
	s, err := Start(Options{Dir: t.TempDir(), Listener: "127.0.0.1:0", MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(soon(t), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range resp.ApiKeys {
		if k.ApiKey == int16(kmsg.CreateTopics) && k.MaxVersion != 4 {
			t.Errorf("CreateTopics is offered up to version %d", k.MaxVersion)
		}
	}
}

func TestUsersLogInAndClientsAreToldTheAdvertisedAddress(t *testing.T) {
	// The listener is reachable by another name of this machine, which is what clients are told.
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := probe.Addr().String()
	probe.Close()
	_, port, _ := net.SplitHostPort(addr)
	s, err := Start(Options{Dir: t.TempDir(), Listener: addr, Advertised: "localhost:" + port, MinFree: 1,
		Users: map[string]config.Secret{"leat": "geheim"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	login := func(password string) *kafka.Cluster {
		props := []string{"security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "SCRAM-SHA-512", "sasl.jaas.config",
			`org.apache.kafka.common.security.scram.ScramLoginModule required username="leat" password="` + password + `";`}
		return dial(t, addr, props...)
	}
	c := login("geheim")
	put(t, c, "shop", 0, 1)
	if got := read(t, c, "shop", 1); got["0"] != 1 {
		t.Errorf("the log holds %v", got)
	}
	if _, err := login("wrong").ID(soon(t)); err == nil { // the stand-in just hangs up
		t.Error("a wrong password was accepted")
	}
}

func TestPasswordsAreThoseOfTheLastStart(t *testing.T) {
	dir := t.TempDir()
	for _, password := range []string{"first", "second"} {
		s, err := Start(Options{Dir: dir, Listener: "127.0.0.1:0", MinFree: 1, Users: map[string]config.Secret{"leat": config.Secret(password)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			c := dial(t, s.Addr(), "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", mechanism,
				"sasl.jaas.config", `Module required username="leat" password="`+password+`";`)
			if _, err := c.ID(soon(t)); err != nil {
				t.Errorf("%s with the %s password: %v", mechanism, password, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
