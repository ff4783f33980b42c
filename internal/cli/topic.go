package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"leat/config"
	"leat/kafka"
)

func newTopic() *cobra.Command {
	return group("topic", "List topics and read their messages",
		`List topics and read their messages, in the log inside leat or in any Kafka cluster: --bootstrap, else the environment variable
LEAT_BOOTSTRAP, else 127.0.0.1:9092, where a leat with its own log listens.`,
		newTopicList(), newTopicTail())
}

const defaultBootstrap = "127.0.0.1:9092"

// kafkaFlags are how commands reach a log.
type kafkaFlags struct {
	bootstrap string
	set       []string
}

func (k *kafkaFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&k.bootstrap, "bootstrap", "", "brokers as `host:port,…` (default $LEAT_BOOTSTRAP or "+defaultBootstrap+")")
	addSet(c, &k.set, "a Kafka client property such as security.protocol or sasl.jaas.config")
}

func (k *kafkaFlags) props() (map[string]string, error) {
	props, err := pairs(k.set)
	if err != nil {
		return nil, err
	}
	switch {
	case k.bootstrap != "":
		props["bootstrap.servers"] = k.bootstrap
	case props["bootstrap.servers"] != "":
	case os.Getenv("LEAT_BOOTSTRAP") != "":
		props["bootstrap.servers"] = os.Getenv("LEAT_BOOTSTRAP")
	default:
		props["bootstrap.servers"] = defaultBootstrap
	}
	return props, nil
}

const reachLimit = 10 * time.Second

// withKafka opens the log and checks that it answers before f is called.
func (k *kafkaFlags) withKafka(ctx context.Context, f func(ctx context.Context, log *kafka.Cluster, props map[string]string) error) error {
	props, err := k.props()
	if err != nil {
		return err
	}
	cluster, err := kafka.Open(props, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer cluster.Close()
	reach, cancel := context.WithTimeout(ctx, reachLimit)
	defer cancel()
	if _, err := cluster.ID(reach); err != nil {
		return fmt.Errorf("no Kafka answers at %s: is leat running there? (give another address with --bootstrap): %w", props["bootstrap.servers"], err)
	}
	return f(ctx, cluster, props)
}

// absentTopic is a topic that is not there, with what to do.
type absentTopic struct{ name, hint string }

func (e *absentTopic) Error() string { return fmt.Sprintf("there is no topic %s: %s", e.name, e.hint) }

// knownTopic refuses a topic that is not there, with the nearest that is.
func knownTopic(ctx context.Context, log *kafka.Cluster, name string) (kafka.TopicInfo, error) {
	all, err := log.Admin().Topics(ctx)
	if err != nil {
		return kafka.TopicInfo{}, err
	}
	if info, ok := all[name]; ok {
		return info, nil
	}
	hint := "'leat topic list' shows those that are"
	if near := config.Nearest(name, slices.Collect(maps.Keys(all))); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return kafka.TopicInfo{}, &absentTopic{name, hint}
}

// printTable writes rows under a heading, in columns.
func printTable(out io.Writer, heading []string, rows [][]string) error {
	widths := make([]int, len(heading))
	for _, row := range append([][]string{heading}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range append([][]string{heading}, rows...) {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
