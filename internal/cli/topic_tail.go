package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"leat/kafka"
	"leat/kafka/security"
	"leat/record"
)

// tailOptions say which messages topic tail prints.
type tailOptions struct {
	fromBeginning bool
	count         int // -1: not given
	follow        bool
	partition     int32 // -1: all
	print         printer
}

const defaultCount = 10

func newTopicTail() *cobra.Command {
	var k kafkaFlags
	o := tailOptions{}
	c := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Print a topic's messages",
		Long: `Print a topic's messages: the last 10 and then those that come, until Ctrl-C. With -n the last N only; with --from-beginning and -n the
first N, waiting for them if need be. --follow goes on with what comes. A topic that is not there yet is waited for a moment.

Keys and values that are JSON are indented, and of JSON with a schema the payload is shown (--whole shows both). What is not text is
shown in hexadecimal.`,
		Example: `  leat topic tail inventory.public.customers
  leat topic tail inventory.public.customers --from-beginning -n 1
  leat topic tail inventory.public.customers --json -n 100 | jq .value.payload.op`,
		Args: cobra.ExactArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("follow") {
				o.follow = o.count < 0
			}
			o.print.out = cmd.OutOrStdout()
			ctx, _, done := stopSignals(cmd.Context())
			defer done()
			err := k.withKafka(ctx, func(ctx context.Context, log *kafka.Cluster, props map[string]string) error {
				return tail(ctx, log, props, args[0], o)
			})
			if ctx.Err() != nil {
				return nil // Ctrl-C is how following ends
			}
			return err
		}),
	}
	k.add(c)
	f := c.Flags()
	f.BoolVar(&o.fromBeginning, "from-beginning", false, "begin with the first message")
	f.IntVarP(&o.count, "count", "n", -1, "print `N` messages and end")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with messages that come (default unless -n is given)")
	f.Int32VarP(&o.partition, "partition", "p", -1, "only this partition (-1: all)")
	f.BoolVar(&o.print.json, "json", false, "print each message as one line of JSON")
	f.BoolVar(&o.print.whole, "whole", false, "show the schema of JSON with a schema too")
	return c
}

// span is what is in a partition now: from start to before end.
type span struct{ start, end int64 }

func tail(ctx context.Context, log *kafka.Cluster, props map[string]string, topic string, o tailOptions) error {
	spans, err := spansOf(ctx, log, topic, o.partition)
	if err != nil {
		return err
	}
	last := o.count
	if last < 0 {
		last = defaultCount
	}
	from := map[int32]kgo.Offset{}
	for p, s := range spans {
		if !o.fromBeginning {
			s.start = max(s.start, s.end-int64(last))
			spans[p] = s
		}
		from[p] = kgo.NewOffset().At(s.start)
	}
	client, err := tailClient(props, topic, from)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.fromBeginning {
		return printFirst(ctx, client, spans, o)
	}
	return printLast(ctx, client, spans, last, o)
}

// topicPatience is how long a topic may take to be made: that of a connector just created is on its way.
const topicPatience = 5 * time.Second

func awaitTopic(ctx context.Context, log *kafka.Cluster, name string) (kafka.TopicInfo, error) {
	for deadline := time.Now().Add(topicPatience); ; {
		info, err := knownTopic(ctx, log, name)
		var absent *absentTopic
		if !errors.As(err, &absent) || time.Now().After(deadline) {
			return info, err
		}
		select {
		case <-ctx.Done():
			return info, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func spansOf(ctx context.Context, log *kafka.Cluster, topic string, partition int32) (map[int32]span, error) {
	info, err := awaitTopic(ctx, log, topic)
	if err != nil {
		return nil, err
	}
	if partition >= 0 && !slices.Contains(info.Partitions, partition) {
		return nil, fmt.Errorf("topic %s has no partition %d: it has %d, counted from 0", topic, partition, len(info.Partitions))
	}
	starts, err := log.Admin().StartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	ends, err := log.Admin().EndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	spans := map[int32]span{}
	for _, p := range info.Partitions {
		if partition < 0 || p == partition {
			at := record.Partition{Topic: topic, ID: p}
			spans[p] = span{int64(starts[at]), int64(ends[at])}
		}
	}
	return spans, nil
}

// tailClient reads partitions without a group, so that looking leaves no trace. Control records are kept: they are the last ones of
// a partition that a transaction wrote.
func tailClient(props map[string]string, topic string, from map[int32]kgo.Offset) (*kgo.Client, error) {
	secured, problems := security.Parse(props)
	if len(problems) > 0 {
		return nil, problemsError(problems)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(splitBrokers(props["bootstrap.servers"])...), kgo.ClientID("leat-topic-tail"), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchMaxWait(250 * time.Millisecond),
	}
	if secured.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(secured.TLS))
	}
	if secured.SASL != nil {
		opts = append(opts, kgo.SASL(secured.SASL))
	}
	return kgo.NewClient(opts...)
}

// printFirst prints from the beginning: count messages, waiting for those that are not there yet, and what comes when following.
func printFirst(ctx context.Context, client *kgo.Client, spans map[int32]span, o tailOptions) error {
	printed := 0
	return poll(ctx, client, spans, o.follow || o.count > 0, func(r *kgo.Record) (bool, error) {
		printed++
		return o.follow || o.count < 0 || printed < o.count, o.print.message(r)
	}, o.count == 0)
}

// printLast collects what is there, prints the last ones by time, and then what comes when following.
func printLast(ctx context.Context, client *kgo.Client, spans map[int32]span, count int, o tailOptions) error {
	var held []*kgo.Record
	var later []*kgo.Record
	err := poll(ctx, client, spans, false, func(r *kgo.Record) (bool, error) {
		if r.Offset >= spans[r.Partition].end {
			later = append(later, r)
		} else {
			held = append(held, r)
		}
		return true, nil
	}, false)
	if err != nil {
		return err
	}
	slices.SortStableFunc(held, func(a, b *kgo.Record) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Offset, b.Offset))
	})
	held = held[max(0, len(held)-count):]
	if o.follow {
		held = append(held, later...)
	}
	for _, r := range held {
		if err := o.print.message(r); err != nil {
			return err
		}
	}
	if !o.follow {
		return nil
	}
	return poll(ctx, client, nil, true, func(r *kgo.Record) (bool, error) { return true, o.print.message(r) }, false)
}

// stalled is how long poll waits for messages that the partition's offsets promise.
const stalled = 10 * time.Second

// poll hands messages to take until it says stop, ctx ends, or, unless following, every partition has been read to its span's end.
func poll(ctx context.Context, client *kgo.Client, spans map[int32]span, follow bool, take func(*kgo.Record) (more bool, err error), stop bool) error {
	missing := map[int32]int64{}
	for p, s := range spans {
		if s.start < s.end {
			missing[p] = s.end
		}
	}
	for !stop && (follow || len(missing) > 0) {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if !follow {
			wait, cancel = context.WithTimeout(ctx, stalled)
		}
		fetches := client.PollFetches(wait)
		cancel()
		if err := pollError(ctx, fetches); err != nil {
			return err
		}
		if fetches.Empty() && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, r := range fetches.Records() {
			if !r.Attrs.IsControl() && !stop {
				more, err := take(r)
				if err != nil {
					return err
				}
				stop = !more
			}
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		}
	}
	return nil
}

func pollError(ctx context.Context, fetches kgo.Fetches) error {
	failed := fetches.Errors()
	switch {
	case len(failed) == 0:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("read topic %s: %w", failed[0].Topic, failed[0].Err)
}
