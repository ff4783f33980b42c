// Package route holds Kafka's transforms that choose where a record goes, or whether it goes on: RegexRouter and Filter.
package route

import (
	"leat/record"
	"leat/transform"
)

// Plugins are the transforms of this package.
var Plugins = []transform.Plugin{RegexPlugin, FilterPlugin}

// RegexConfig is the options of RegexRouter.
type RegexConfig struct {
	// Regex must match the whole topic; other topics stay.
	Regex transform.Regexp `config:"regex,required" importance:"high"`
	// Replacement is the new topic; $1 is a group.
	Replacement string `config:"replacement,required" importance:"high"`
}

// RegexPlugin describes RegexRouter.
var RegexPlugin = transform.Plugin{
	Name: "regex-router", Classes: []string{"org.apache.kafka.connect.transforms.RegexRouter"}, Config: RegexConfig{}, Docs: regexConfigDocs,
	New: func(cfg any, _ record.Part) (transform.Transform, error) {
		return &regexRouter{cfg: *cfg.(*RegexConfig), topics: map[string]string{}}, nil
	},
}

type regexRouter struct {
	cfg    RegexConfig
	topics map[string]string // what became of topics before
}

// maxTopics bounds the topics that are remembered.
const maxTopics = 10000

// Apply implements transform.Transform.
func (t *regexRouter) Apply(r *record.Record) (bool, error) {
	to, ok := t.topics[r.Topic]
	if !ok {
		var err error
		if to, err = t.route(r.Topic); err != nil {
			return false, err
		}
		if len(t.topics) >= maxTopics {
			clear(t.topics)
		}
		t.topics[r.Topic] = to
	}
	r.Topic = to
	return true, nil
}

func (t *regexRouter) route(topic string) (string, error) {
	whole, err := t.cfg.Regex.MatchWhole(topic)
	if err != nil || !whole {
		return topic, err
	}
	return t.cfg.Regex.ReplaceFirst(topic, t.cfg.Replacement)
}

// FilterConfig is the options of Filter: none.
type FilterConfig struct{}

// FilterPlugin describes Filter, which drops what its predicate lets through to it.
var FilterPlugin = transform.Plugin{
	Name: "filter", Classes: []string{"org.apache.kafka.connect.transforms.Filter"}, Config: FilterConfig{},
	New: func(any, record.Part) (transform.Transform, error) { return filter{}, nil },
}

type filter struct{}

// Apply implements transform.Transform.
func (filter) Apply(*record.Record) (bool, error) { return false, nil }
