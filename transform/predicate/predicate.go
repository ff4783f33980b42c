// Package predicate holds Kafka's predicates: TopicNameMatches, RecordIsTombstone, HasHeaderKey.
package predicate

import (
	"leat/record"
	"leat/transform"
)

const kafkaPackage = "org.apache.kafka.connect.transforms.predicates."

// Plugins are the predicates of this package.
var Plugins = []transform.PredicatePlugin{TopicPlugin, TombstonePlugin, HeaderPlugin}

// TopicConfig is the options of TopicNameMatches.
type TopicConfig struct {
	// Pattern is a Java regular expression for the whole topic.
	Pattern transform.Regexp `config:"pattern,required"`
}

// TopicPlugin describes TopicNameMatches.
var TopicPlugin = transform.PredicatePlugin{
	Name: "topic-name-matches", Classes: []string{kafkaPackage + "TopicNameMatches"}, Config: TopicConfig{}, Docs: topicConfigDocs,
	New: func(cfg any) (transform.Predicate, error) {
		return &topicMatches{pattern: cfg.(*TopicConfig).Pattern, topics: map[string]bool{}}, nil
	},
}

type topicMatches struct {
	pattern transform.Regexp
	topics  map[string]bool // what was found before
}

// maxTopics bounds the topics that are remembered.
const maxTopics = 10000

// Test implements transform.Predicate. A pattern that takes more than a second on a topic does not match it.
func (p *topicMatches) Test(r *record.Record) bool {
	is, ok := p.topics[r.Topic]
	if !ok {
		is, _ = p.pattern.MatchWhole(r.Topic)
		if len(p.topics) >= maxTopics {
			clear(p.topics)
		}
		p.topics[r.Topic] = is
	}
	return is
}

// TombstoneConfig is the options of RecordIsTombstone: none.
type TombstoneConfig struct{}

// TombstonePlugin describes RecordIsTombstone.
var TombstonePlugin = transform.PredicatePlugin{
	Name: "record-is-tombstone", Classes: []string{kafkaPackage + "RecordIsTombstone"}, Config: TombstoneConfig{},
	New: func(any) (transform.Predicate, error) { return isTombstone{}, nil },
}

type isTombstone struct{}

// Test implements transform.Predicate.
func (isTombstone) Test(r *record.Record) bool { return r.Value.IsNull() }

// HeaderConfig is the options of HasHeaderKey.
type HeaderConfig struct {
	// Name is the header to look for.
	Name string `config:"name,required"`
}

// HeaderPlugin describes HasHeaderKey.
var HeaderPlugin = transform.PredicatePlugin{
	Name: "has-header-key", Classes: []string{kafkaPackage + "HasHeaderKey"}, Config: HeaderConfig{}, Docs: headerConfigDocs,
	New: func(cfg any) (transform.Predicate, error) { return hasHeader(cfg.(*HeaderConfig).Name), nil },
}

type hasHeader string

// Test implements transform.Predicate.
func (p hasHeader) Test(r *record.Record) bool {
	for _, h := range r.Headers {
		if h.Key == string(p) {
			return true
		}
	}
	return false
}
