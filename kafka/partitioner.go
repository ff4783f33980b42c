package kafka

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// stickyBytes is how much goes to one partition before the next is chosen, of messages without a key.
const stickyBytes = 64 << 10

// partitioner is Kafka's default one unless another of Kafka's own is asked for. A message's own partition always counts.
func (s settings) partitioner() (kgo.Partitioner, error) {
	byKey := !s.bool("partitioner.ignore.keys", false)
	adaptive := s.bool("partitioner.adaptive.partitioning.enable", true)
	name := s["partitioner.class"]
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "RoundRobinPartitioner":
		return explicit{kgo.RoundRobinPartitioner()}, nil
	case "UniformStickyPartitioner":
		byKey = false
	}
	return explicit{kgo.UniformBytesPartitioner(stickyBytes, adaptive, byKey, nil)}, nil
}

// explicit lets a message's own partition go before the partitioner inside.
type explicit struct{ inside kgo.Partitioner }

// ForTopic gives the partitioner of a topic.
func (e explicit) ForTopic(topic string) kgo.TopicPartitioner {
	inside := e.inside.ForTopic(topic)
	if b, ok := inside.(kgo.TopicBackupPartitioner); ok {
		return explicitBackup{b}
	}
	return explicitTopic{inside}
}

type explicitTopic struct{ kgo.TopicPartitioner }

// RequiresConsistency holds for a partition that was named: no other will do.
func (p explicitTopic) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicPartitioner.RequiresConsistency(r)
}

// Partition gives the one that was named, or asks inside.
func (p explicitTopic) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicPartitioner.Partition(r, n)
}

type explicitBackup struct{ kgo.TopicBackupPartitioner }

// RequiresConsistency holds for a partition that was named: no other will do.
func (p explicitBackup) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicBackupPartitioner.RequiresConsistency(r)
}

// PartitionByBackup gives the one that was named, or asks inside.
func (p explicitBackup) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicBackupPartitioner.PartitionByBackup(r, n, backup)
}
