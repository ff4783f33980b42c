package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"

	"leat/connector"
	"leat/kafka"
)

// topicGroup says how topics of a source are created: topic.creation.<name>.*.
type topicGroup struct {
	name              string
	include, exclude  []*regexp2.Regexp
	partitions        int32
	replicationFactor int16
	settings          map[string]string
}

const creation = "topic.creation."

// topicCreation reads the groups of a source: those of topic.creation.groups in their order, then default. Without
// topic.creation.default.* topics get the broker's defaults.
func (in *inspection) topicCreation(w *Worker) {
	def := topicGroup{name: "default", partitions: -1, replicationFactor: -1}
	defProps := stripped(in.props, creation+"default.")
	given := len(defProps) > 0 || len(in.source.Groups) > 0
	if !given {
		in.topics = []topicGroup{def}
		return
	}
	if !w.settings.CreateTopics {
		in.notes = append(in.notes, "topic.creation.* has no effect, because the worker has topic.creation.enable=false.")
	}
	for _, required := range []string{"replication.factor", "partitions"} {
		if _, ok := defProps[required]; !ok {
			key := creation + "default." + required
			in.fail(key, "Missing required configuration %q which has no default value.", key)
		}
	}
	in.readGroup(&def, defProps)
	for _, name := range unique(in.source.Groups) {
		if name == "default" {
			continue
		}
		props := stripped(in.props, creation+name+".")
		g := topicGroup{name: name, partitions: def.partitions, replicationFactor: def.replicationFactor}
		if strings.TrimSpace(props["include"]) == "" {
			key := creation + name + ".include"
			in.fail(key, "Missing required configuration %q which has no default value.", key)
		}
		in.readGroup(&g, props)
		in.topics = append(in.topics, g)
	}
	in.topics = append(in.topics, def)
}

func (in *inspection) readGroup(g *topicGroup, props map[string]string) {
	g.settings = without(props, "include", "exclude", "partitions", "replication.factor")
	for key, dst := range map[string]*[]*regexp2.Regexp{"include": &g.include, "exclude": &g.exclude} {
		for _, pattern := range strings.Split(props[key], ",") {
			if pattern = strings.TrimSpace(pattern); pattern == "" {
				continue
			}
			re, err := compileWhole(pattern)
			if err != nil {
				full := creation + g.name + "." + key
				in.fail(full, "Invalid value %s for configuration %s: Syntax error in regular expression: %v", pattern, full, err)
				continue
			}
			*dst = append(*dst, re)
		}
	}
	if n, ok := in.count(g, props, "partitions", "Number of partitions", 32); ok {
		g.partitions = int32(n)
	}
	if n, ok := in.count(g, props, "replication.factor", "Replication factor", 16); ok {
		g.replicationFactor = int16(n)
	}
}

func (in *inspection) count(g *topicGroup, props map[string]string, key, what string, bits int) (int64, bool) {
	text, given := props[key]
	if !given {
		return 0, false
	}
	full := creation + g.name + "." + key
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, bits)
	if err != nil {
		in.fail(full, "Invalid value %s for configuration %s: Not a number of type INT", text, full)
		return 0, false
	}
	if n != -1 && n < 1 {
		in.fail(full, "Invalid value %d for configuration %s: %s must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default", n, full, what)
		return 0, false
	}
	return n, true
}

// topicMaker sees that the topics of a source are there before the first record goes to them.
type topicMaker struct {
	admin  kafka.Admin
	groups []topicGroup
	asked  bool // topic.creation.default.* is configured: a failure is an error
	off    bool // topic.creation.enable=false: left to the broker
	known  map[string]bool
	last   string
	used   func(topic string)
	warn   func(msg string, args ...any)
}

// ensure returns when the topic is there, or left to the broker. No topic ("") is for the caller to refuse.
func (m *topicMaker) ensure(ctx context.Context, topic string) error {
	if topic == m.last || m.known[topic] {
		m.last = topic
		return nil
	}
	if !m.off {
		if err := m.create(ctx, topic); err != nil {
			return err
		}
	}
	m.known[topic], m.last = true, topic
	m.used(topic)
	return nil
}

func (m *topicMaker) create(ctx context.Context, topic string) error {
	there, err := m.admin.Topics(ctx, topic)
	if err != nil {
		return fmt.Errorf("look for topic %s: %w", topic, err)
	}
	if _, ok := there[topic]; ok {
		return nil
	}
	g := m.groupOf(topic)
	_, err = m.admin.CreateTopic(ctx, kafka.TopicSpec{
		Name: topic, Partitions: g.partitions, ReplicationFactor: g.replicationFactor, Settings: maps.Clone(g.settings),
	})
	if err == nil {
		return nil
	}
	err = fmt.Errorf("create topic %s (group %s of topic.creation): %w", topic, g.name, err)
	if !m.asked && connector.ClassOf(ofLog(err)) != connector.Retriable {
		m.warn("topic can not be created, the broker may do so itself", "topic", topic, "error", err)
		return nil
	}
	return err
}

// groupOf finds the first group that takes the topic; the last takes all.
func (m *topicMaker) groupOf(topic string) *topicGroup {
	for i := range m.groups[:len(m.groups)-1] {
		g := &m.groups[i]
		hit := func(re *regexp2.Regexp) bool { return matches(re, topic) }
		if slices.ContainsFunc(g.include, hit) && !slices.ContainsFunc(g.exclude, hit) {
			return g
		}
	}
	return &m.groups[len(m.groups)-1]
}
