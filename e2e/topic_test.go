package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readTopic waits for n messages of a topic and gives each as a line: headers, key and value as they are but for what differs from run
// to run, which is masked.
func readTopic(ctx context.Context, bootstrap, topic string, n int) (string, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return "", err
	}
	defer client.Close()
	var out strings.Builder
	for got := 0; got < n; {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return out.String(), fmt.Errorf("topic %s has %d messages, want %d", topic, got, n)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if got++; got <= n {
				writeMessage(&out, r)
			}
		})
	}
	return out.String(), nil
}

func runProduce(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: produce TOPIC [KEY=]VALUE…")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(of(ts).on().bootstrap), kgo.AllowAutoTopicCreation())
	ts.Check(err)
	defer client.Close()
	for _, arg := range args[1:] {
		r := &kgo.Record{Topic: args[0], Value: []byte(arg)}
		if key, value, ok := strings.Cut(arg, "="); ok {
			r.Key, r.Value = []byte(key), []byte(value)
		}
		if string(r.Value) == "<null>" {
			r.Value = nil
		}
		ts.Check(client.ProduceSync(ctx, r).FirstErr())
	}
}

func writeMessage(out *strings.Builder, r *kgo.Record) {
	for _, h := range r.Headers {
		fmt.Fprintf(out, "header %s=%s\n", h.Key, maskHeader(h.Key, string(h.Value)))
	}
	fmt.Fprintf(out, "key %s\nvalue %s\n", pretty(r.Key), pretty(r.Value))
}

// pretty indents JSON without touching the order of fields or the digits of numbers, schemas on one line.
func pretty(data []byte) string {
	if data == nil {
		return "null"
	}
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return string(data)
	}
	return mask(compact.String())
}

var masks = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"(ts_ms|ts_us|ts_ns|lsn|txId|xmin)":-?\d+`), `"$1":0`},
	{regexp.MustCompile(`"sequence":"\[[^\]]*\]"`), `"sequence":"[]"`},
	{regexp.MustCompile(`"(lsn_proc|lsn_commit|ts_usec)":-?\d+`), `"$1":0`},
	{regexp.MustCompile(`db":"(test_\d+|s\d+_\d+_(src|dst))"`), `db":"DB"`},
	{regexp.MustCompile(`"version":"3\.[0-9.]+Final"`), `"version":"VERSION"`},
}

func mask(s string) string {
	for _, m := range masks {
		s = m.re.ReplaceAllString(s, m.with)
	}
	return s
}

func maskHeader(key, value string) string {
	switch key {
	case "__debezium.context.runId":
		return "RUN"
	case "__connect.errors.exception.message", "__connect.errors.exception.stacktrace":
		return "TEXT" // words differ between implementations
	}
	return mask(value)
}
