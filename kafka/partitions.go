package kafka

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"leat/record"
)

func comparePartitions(a, b record.Partition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

func partitions(m map[string][]int32) []record.Partition {
	var out []record.Partition
	for topic, ids := range m {
		for _, id := range ids {
			out = append(out, record.Partition{Topic: topic, ID: id})
		}
	}
	slices.SortFunc(out, comparePartitions)
	return out
}

func byTopic(parts []record.Partition) map[string][]int32 {
	out := map[string][]int32{}
	for _, p := range parts {
		out[p.Topic] = append(out[p.Topic], p.ID)
	}
	return out
}

func epochOffsets(offsets record.Offsets) map[string]map[int32]kgo.EpochOffset {
	out := map[string]map[int32]kgo.EpochOffset{}
	for p, o := range offsets {
		if out[p.Topic] == nil {
			out[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		out[p.Topic][p.ID] = kgo.EpochOffset{Epoch: -1, Offset: int64(o)}
	}
	return out
}

// commitError finds the first refusal in the answer to a commit.
func commitError(resp *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return &TopicError{Topic: t.Topic, Why: "the group's offset was not stored", Err: err}
			}
		}
	}
	return nil
}
