package kafka

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

func TestValuesThatCannotBeAreRefusedAtOnceWithTheirKeys(t *testing.T) {
	_, err := Open(map[string]string{
		"bootstrap.servers": "127.0.0.1:1", "request.timeout.ms": "soon", "producer.acks": "most", "producer.linger.ms": "-1",
		"consumer.isolation.level": "dirty", "consumer.max.poll.records": "0", "admin.retries": "99999999999",
		"producer.enable.idempotence": "perhaps", "security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI",
	}, discard)
	var c *ConfigError
	if !errors.As(err, &c) || Retriable(err) {
		t.Fatalf("got %v", err)
	}
	got := map[string]int{}
	for _, p := range c.Problems {
		got[p.Key]++
	}
	want := map[string]int{"request.timeout.ms": 1, "acks": 1, "linger.ms": 1, "isolation.level": 1, "max.poll.records": 1, "retries": 1,
		"enable.idempotence": 1, "sasl.mechanism": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("problems are %v\nof %v, want %v", c.Problems, got, want)
	}
}

func TestClientsAreNotOpenedWithWhatDoesNotGoTogether(t *testing.T) {
	c := cluster(t)
	for name, o := range map[string]map[string]string{
		"acks":                                  {"acks": "1", "enable.idempotence": "true"},
		"max.in.flight.requests.per.connection": {"max.in.flight.requests.per.connection": "6", "enable.idempotence": "true"},
		"partitioner.class":                     {"partitioner.class": "com.example.Mine"},
	} {
		if a, err := c.NewAppender("t", o); err == nil || !strings.Contains(err.Error(), name) {
			if a != nil {
				a.Close()
			}
			t.Errorf("%v gave %v", o, err)
		}
	}
	for name, o := range map[string]map[string]string{
		"auto.offset.reset":             {"auto.offset.reset": "middle"},
		"heartbeat.interval.ms":         {"heartbeat.interval.ms": "60000"},
		"partition.assignment.strategy": {"partition.assignment.strategy": "com.example.Mine"},
	} {
		if f, err := c.NewFetcher(FetcherOptions{Group: "g", Topics: []string{"t"}, Overrides: o}); err == nil || !strings.Contains(err.Error(), name) {
			if f != nil {
				f.Close(soon(t))
			}
			t.Errorf("%v gave %v", o, err)
		}
	}
	if _, err := c.NewFetcher(FetcherOptions{Group: "g", Regex: "shop["}); err == nil || !strings.Contains(err.Error(), "topics.regex") {
		t.Errorf("a broken pattern gave %v", err)
	}
	for _, o := range []map[string]string{{"acks": "1"}, {"compression.type": "zstd", "compression.zstd.level": "3"}, {"enable.idempotence": "false"},
		{"partitioner.class": "org.apache.kafka.clients.producer.RoundRobinPartitioner"}} {
		a, err := c.NewAppender("t", o)
		if err != nil {
			t.Errorf("%v: %v", o, err)
			continue
		}
		a.Close()
	}
}

func TestUnknownAndIdleKeysAreNoted(t *testing.T) {
	notes, problems := CheckProducer(map[string]string{"bootstrap.servers": "x:1", "session.timeout.ms": "5"},
		map[string]string{"lingerr.ms": "5", "batch.size": "1000", "acks": "all", "ssl.keystore.pasword": "x"})
	all := strings.Join(notes, "\n")
	if len(problems) > 0 || len(notes) != 3 || !strings.Contains(all, "lingerr.ms is not a property") || !strings.Contains(all, "batch.size has no effect") ||
		!strings.Contains(all, "ssl.keystore.pasword is not") {
		t.Errorf("notes %q, problems %v", notes, problems)
	}
}

func TestWorkersSecurityHoldsForItsClientsUnlessTheySayOtherwise(t *testing.T) {
	worker := map[string]string{"bootstrap.servers": "a:1", "security.protocol": "SSL", "session.timeout.ms": "1", "client.id": "w",
		"consumer.security.protocol": "PLAINTEXT", "consumer.bootstrap.servers": "b:1", "group.id": "g"}
	if got := layered(worker, producer, map[string]string{"acks": " all "}); fmt.Sprint(got) != "map[acks:all bootstrap.servers:a:1 security.protocol:SSL]" {
		t.Errorf("producer: %v", got)
	}
	if got := layered(worker, consumer, nil); fmt.Sprint(got) != "map[bootstrap.servers:b:1 security.protocol:PLAINTEXT]" {
		t.Errorf("consumer: %v", got)
	}
}

func TestWhatMayPassIsRetriable(t *testing.T) {
	for err, want := range map[error]bool{
		kerr.NotLeaderForPartition: true, kerr.RebalanceInProgress: true, kerr.KafkaStorageError: true, io.EOF: true, io.ErrUnexpectedEOF: true,
		kerr.SaslAuthenticationFailed: false, kerr.TopicAuthorizationFailed: false, kerr.MessageTooLarge: false, ErrClosed: false,
		kerr.TransactionalIDAuthorizationFailed: false, errors.New("else"): false,
	} {
		if got := Retriable(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: retriable %v", err, got)
		}
	}
}

func FuzzISODuration(f *testing.F) {
	f.Add("PT1H30M")
	f.Add("P2DT0.5S")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := isoDuration(s); err == nil && d < 0 && len(s) < 12 {
			t.Errorf("%q is %v", s, d)
		}
	})
}
