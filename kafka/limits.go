package kafka

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// topicLimits knows how large a batch each topic takes. The client, other than Kafka's, does not cut a refused batch in pieces, but fails
// all its records; so it must not make one larger than the topic's max.message.bytes.
type topicLimits struct {
	admin *clusterAdmin
	most  int32 // max.request.size
	// trusted: compression makes what is larger than the topic's limit fit, and who raised max.request.size counts on it.
	trusted bool
	known   sync.Map // topic → int32
}

func newTopicLimits(a *clusterAdmin, s settings) *topicLimits {
	return &topicLimits{
		admin:   a,
		most:    min(max(s.int32("max.request.size", defaultMaxRequestSize), 512), 1<<30-1<<20),
		trusted: s["max.request.size"] != "" && s.word("compression.type", "none") != "none",
	}
}

// batchBytes is asked by the client once per topic.
func (l *topicLimits) batchBytes(topic string) int32 {
	if n, ok := l.known.Load(topic); ok {
		return n.(int32)
	}
	return l.most
}

// learn asks for the limits of topics not seen before.
func (l *topicLimits) learn(ctx context.Context, messages []Message) error {
	last := ""
	for i := range messages {
		topic := messages[i].Topic
		if topic == last {
			continue
		}
		last = topic
		if _, ok := l.known.Load(topic); ok || l.trusted {
			continue
		}
		if err := l.ask(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// ask waits for a log that is away. A topic that is not there, or whose settings may not be read, is taken to have Kafka's default.
func (l *topicLimits) ask(ctx context.Context, topic string) error {
	for {
		found, err := l.admin.TopicSettings(ctx, topic)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && Retriable(err) && !Missing(err):
			if err := sleep(ctx, jitter(time.Second)); err != nil {
				return err
			}
			continue
		case Missing(err):
			return nil // asked again when it is there
		}
		limit := l.most
		if n, err := strconv.ParseInt(found["max.message.bytes"], 10, 32); err == nil {
			limit = min(limit, max(int32(n), 512))
		}
		l.known.Store(topic, limit)
		return nil
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
