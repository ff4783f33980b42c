package kafka

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"leat/internal/harness/harnesstest"
	"leat/record"
)

// fake starts a broker in this process.
func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.DefaultNumPartitions(1), kfake.GroupMinSessionTimeout(time.Millisecond)}, opts...)
	k, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// testLog shows the client's warnings with the test that caused them.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func open(t *testing.T, servers string, props ...string) *Cluster {
	t.Helper()
	m := map[string]string{"bootstrap.servers": servers}
	for i := 0; i < len(props); i += 2 {
		m[props[i]] = props[i+1]
	}
	c, err := Open(m, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// onKafka runs the suite on Apache Kafka instead of a broker in this process.
var onKafka = flag.Bool("real", false, "run the suite on a real Kafka broker")

// cluster gives a cluster without topics and groups.
func cluster(t *testing.T, props ...string) *Cluster {
	t.Helper()
	if !*onKafka {
		return open(t, strings.Join(fake(t).ListenAddrs(), ","), props...)
	}
	c := open(t, harnesstest.SharedKafka(t).Bootstrap, props...)
	ctx := soon(t)
	for {
		topics, err := c.Admin().Topics(ctx)
		if err != nil {
			t.Fatal(err)
		}
		left := 0
		for name, info := range topics {
			if info.Internal {
				continue
			}
			left++
			if err := c.Admin().DeleteTopic(ctx, name); err != nil && !Missing(err) {
				t.Fatal(err)
			}
		}
		if left == 0 {
			break
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	groups, err := c.admin.client.ListGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups() {
		if err := c.Admin().DeleteGroup(ctx, g); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func soon(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	return ctx
}

func makeTopic(t *testing.T, c *Cluster, name string, partitions int32, settings map[string]string) {
	t.Helper()
	ctx := soon(t)
	created, err := c.Admin().CreateTopic(ctx, TopicSpec{Name: name, Partitions: partitions, ReplicationFactor: 1, Settings: settings})
	if err != nil || !created {
		t.Fatalf("topic %s: created %v, %v", name, created, err)
	}
	if err := c.awaitTopic(ctx, name); err != nil {
		t.Fatal(err)
	}
}

func appenderOf(t *testing.T, c *Cluster, overrides map[string]string) Appender {
	t.Helper()
	a, err := c.NewAppender("test-appender", overrides)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func fetcherOf(t *testing.T, c *Cluster, o FetcherOptions) Fetcher {
	t.Helper()
	o.ClientID = "test-fetcher"
	f, err := c.NewFetcher(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		f.Close(ctx)
	})
	return f
}

// numbered makes messages with the values from … from+n-1 and as many keys as asked for.
func numbered(topic string, from, n, keys int) []Message {
	out := make([]Message, n)
	for i := range out {
		out[i] = Message{
			Topic: topic, Partition: record.AnyPartition, Timestamp: 1700000000000 + int64(from+i),
			Key: fmt.Appendf(nil, "k%d", (from+i)%keys), Value: fmt.Appendf(nil, "%d", from+i),
			Headers: []record.RawHeader{{Key: "n", Value: fmt.Append(nil, from+i)}, {Key: "null"}},
		}
	}
	return out
}

// appendAll appends and waits for the acknowledgement.
func appendAll(t *testing.T, a Appender, messages []Message) error {
	t.Helper()
	answer := make(chan error, 1)
	if err := a.Append(soon(t), messages, func(err error) { answer <- err }); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-soon(t).Done():
		t.Fatal("the log did not answer")
		return nil
	}
}

// take polls until n messages are there.
func take(t *testing.T, f Fetcher, n int) []Message {
	t.Helper()
	ctx := soon(t)
	var out []Message
	for len(out) < n {
		got, err := f.Poll(ctx, time.Second)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(out), n, err)
		}
		out = append(out, got...)
	}
	return out
}

var discard = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) {
	if os.Getenv(blackhole) != "" {
		runBlackhole()
		return
	}
	harnesstest.Main(m)
}
