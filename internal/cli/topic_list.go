package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"leat/kafka"
	"leat/record"
)

// topicLine is one line of topic list.
type topicLine struct {
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Messages   int64  `json:"messages"` // offsets from first to next: compaction and transactions leave gaps
}

func newTopicList() *cobra.Command {
	var k kafkaFlags
	var internal, asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List topics",
		Example: `  leat topic list
  leat topic list --bootstrap kafka-1:9093 -D security.protocol=SSL`,
		Args: cobra.NoArgs,
		RunE: run(func(cmd *cobra.Command, _ []string) error {
			return k.withKafka(cmd.Context(), func(ctx context.Context, log *kafka.Cluster, _ map[string]string) error {
				lines, err := topicLines(ctx, log.Admin(), internal)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(cmd.OutOrStdout()).Encode(lines)
				}
				rows := make([][]string, len(lines))
				for i, l := range lines {
					rows[i] = []string{l.Topic, strconv.Itoa(l.Partitions), strconv.FormatInt(l.Messages, 10)}
				}
				return printTable(cmd.OutOrStdout(), []string{"TOPIC", "PARTITIONS", "MESSAGES"}, rows)
			})
		}),
	}
	k.add(c)
	c.Flags().BoolVar(&internal, "internal", false, "list Kafka's internal topics too")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func topicLines(ctx context.Context, admin kafka.Admin, internal bool) ([]topicLine, error) {
	infos, err := admin.Topics(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(infos))
	names = slices.DeleteFunc(names, func(n string) bool { return infos[n].Internal && !internal })
	lines := make([]topicLine, 0, len(names))
	if len(names) == 0 {
		return lines, nil
	}
	starts, err := admin.StartOffsets(ctx, names...)
	if err != nil {
		return nil, err
	}
	ends, err := admin.EndOffsets(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		l := topicLine{Topic: name, Partitions: len(infos[name].Partitions)}
		for _, p := range infos[name].Partitions {
			at := record.Partition{Topic: name, ID: p}
			l.Messages += int64(ends[at] - starts[at])
		}
		lines = append(lines, l)
	}
	return lines, nil
}
