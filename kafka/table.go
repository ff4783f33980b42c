package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"leat/record"
)

// table is a Table over a compacted topic: one client that writes, and reads all partitions without a group.
type table struct {
	topic   string
	admin   *clusterAdmin
	client  *kgo.Client
	changed func(Message)

	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	position map[record.Partition]record.Offset // everything before was given to changed
	failed   error                              // why reading ended
	moved    chan struct{}                      // closed and replaced whenever position or failed changes
}

// OpenTable opens a compacted topic, creating it when absent, and reads it to its present end.
func (c *Cluster) OpenTable(ctx context.Context, o TableOptions) (Table, error) {
	if err := c.prepareTable(ctx, o); err != nil {
		return nil, err
	}
	client, err := c.tableClient(o)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.Background())
	t := &table{
		topic: o.Topic, admin: c.admin, client: client, changed: o.Changed, stop: stop,
		position: map[record.Partition]record.Offset{}, moved: make(chan struct{}),
	}
	t.done.Go(func() { t.read(life) })
	if err := t.Sync(ctx); err != nil {
		t.Close()
		return nil, fmt.Errorf("reading topic %s to its end: %w", o.Topic, err)
	}
	return t, nil
}

// tableClient makes a client that produces and consumes. It reads committed messages only: a worker that is fenced off in the middle of a
// transaction has said nothing.
func (c *Cluster) tableClient(o TableOptions) (*kgo.Client, error) {
	p, err := c.checked(producer, o.ClientID, nil)
	if err != nil {
		return nil, err
	}
	s, err := c.checked(consumer, o.ClientID, map[string]string{"isolation.level": "read_committed", "auto.offset.reset": "earliest",
		"allow.auto.create.topics": "false"})
	if err != nil {
		return nil, err
	}
	opts, err := c.options(producer, p, o.ClientID)
	if err != nil {
		return nil, err
	}
	producing, err := settings{
		"linger.ms": "0", "compression.type": p["compression.type"], "request.timeout.ms": p["request.timeout.ms"],
		"max.request.size": p["max.request.size"],
	}.producing()
	if err != nil {
		return nil, err
	}
	consuming, err := s.consuming()
	if err != nil {
		return nil, err
	}
	opts = append(append(opts, producing...), consuming...)
	opts = append(opts,
		kgo.ProducerBatchMaxBytes(min(max(p.int32("max.request.size", defaultMaxRequestSize), 512), 1<<30-1<<20)),
		kgo.ConsumeTopics(o.Topic),
		kgo.KeepControlRecords(), // they take offsets too, and Sync counts offsets
	)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, clientError(producer, err)
	}
	return client, nil
}

const compact = "compact"

// prepareTable creates the topic, or checks that one that is there forgets nothing.
func (c *Cluster) prepareTable(ctx context.Context, o TableOptions) error {
	found, err := c.admin.Topics(ctx, o.Topic)
	if err != nil {
		return err
	}
	if _, there := found[o.Topic]; !there {
		settings := map[string]string{}
		maps.Copy(settings, o.Settings)
		settings["cleanup.policy"] = compact
		created, err := c.admin.CreateTopic(ctx, TopicSpec{Name: o.Topic, Partitions: o.Partitions, ReplicationFactor: o.ReplicationFactor, Settings: settings})
		if err != nil {
			return err
		}
		if created {
			return c.awaitTopic(ctx, o.Topic)
		}
	}
	return c.checkCompacted(ctx, o.Topic)
}

// awaitTopic waits until a new topic is known everywhere that we ask.
func (c *Cluster) awaitTopic(ctx context.Context, topic string) error {
	for {
		if ends, err := c.admin.EndOffsets(ctx, topic); err == nil && len(ends) > 0 {
			return nil
		} else if err != nil && !Retriable(err) && !Missing(err) {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("topic %s was created and is not there yet: %w", topic, err)
		}
	}
}

func (c *Cluster) checkCompacted(ctx context.Context, topic string) error {
	settings, err := c.admin.TopicSettings(ctx, topic)
	if err != nil {
		if Retriable(err) {
			return err
		}
		c.logger.Warn("whether a topic is compacted could not be checked", "topic", topic, "error", err)
		return nil // Kafka Connect goes on too where it may not look
	}
	policy := strings.ReplaceAll(settings["cleanup.policy"], " ", "")
	if policy != compact {
		return &TopicError{Topic: topic, Why: fmt.Sprintf("its cleanup.policy is %q, so that the log would forget what has to stay. "+
			"Set it with: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact", policy, topic)}
	}
	return nil
}

// read gives every message to changed until life ends.
func (t *table) read(life context.Context) {
	for {
		fetches := t.client.PollFetches(life)
		if life.Err() != nil {
			t.advance(nil, ErrClosed)
			return
		}
		next := record.Offsets{}
		var failed error
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, r := range p.Records {
				if !r.Attrs.IsControl() {
					m, _ := message(r, nil)
					t.changed(m)
				}
				next[record.Partition{Topic: r.Topic, ID: r.Partition}] = record.Offset(r.Offset + 1)
			}
			var loss *kgo.ErrDataLoss
			if p.Err != nil && !Retriable(p.Err) && !errors.As(p.Err, &loss) {
				failed = &TopicError{Topic: t.topic, Why: fmt.Sprintf("partition %d can not be read", p.Partition), Err: p.Err}
			}
		})
		t.advance(next, failed)
	}
}

func (t *table) advance(next record.Offsets, failed error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.position, next)
	t.failed = failed
	close(t.moved)
	t.moved = make(chan struct{})
}

// Sync waits until changed has seen everything that was in the topic.
func (t *table) Sync(ctx context.Context) error {
	ends, starts, err := t.bounds(ctx)
	if err != nil {
		return err
	}
	for {
		t.mu.Lock()
		missing, failed, moved := t.behind(starts, ends), t.failed, t.moved
		t.mu.Unlock()
		switch {
		case !missing:
			return nil
		case failed != nil:
			return failed
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bounds asks for the ends first: a start that moves later only makes less to wait for.
func (t *table) bounds(ctx context.Context) (ends, starts record.Offsets, err error) {
	if ends, err = listed(t.admin.client.ListCommittedOffsets(ctx, t.topic)); err != nil {
		return nil, nil, err
	}
	if len(ends) == 0 {
		return nil, nil, &TopicError{Topic: t.topic, Why: "is not there any more"}
	}
	starts, err = t.admin.StartOffsets(ctx, t.topic)
	return ends, starts, err
}

func (t *table) behind(starts, ends record.Offsets) bool {
	for p, end := range ends {
		if max(t.position[p], starts[p]) < end {
			return true
		}
	}
	return false
}

// Put appends and waits for the acknowledgement of all. When ctx ends first, what was handed over may still arrive.
func (t *table) Put(ctx context.Context, messages ...Message) error {
	messages = slices.Clone(messages)
	for i := range messages {
		messages[i].Topic = t.topic
	}
	c := &call{messages: messages, records: records(messages)}
	answered := make(chan struct{})
	c.left.Store(int64(len(messages)))
	if len(messages) == 0 {
		return nil
	}
	for i := range c.records {
		t.client.Produce(context.Background(), &c.records[i], func(r *kgo.Record, err error) {
			if err != nil {
				c.fail(c.refusal(r, err))
			}
			if c.left.Add(-1) == 0 {
				close(answered)
			}
		})
	}
	select {
	case <-answered:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends reading and gives up what is in flight.
func (t *table) Close() {
	t.stop()
	t.client.Close()
	t.done.Wait()
}
